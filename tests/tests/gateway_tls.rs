//! The gateway with certificates of its own: for several hosts, replaced while it runs, and reached by those who come without TLS.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::ensure;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Setup};
use node_tests::http::Curl;
use node_tests::pki::{Algorithm, Authority, TlsDir};
use node_tests::wait::eventually;

/// A node with a component and a gateway for `www.example.org` and `*.shop.example`.
struct Gate {
    daemon: Daemon,
    authority: Authority,
    keys: TlsDir,
    _component: Component,
}

impl Gate {
    fn start() -> Self {
        let (authority, keys) =
            (Authority::new("the world's CA").unwrap(), TlsDir::empty(Algorithm::P256).unwrap());
        write_ca(&keys, "ca", &authority);
        authority.sign(&keys, "www", "DNS:www.example.org").unwrap();
        authority.sign(&keys, "shop", "DNS:*.shop.example").unwrap();
        let pair = |stem: &str| {
            let file = |ending: &str| keys.file(&format!("{stem}.{ending}")).display().to_string();
            format!("      - {{ cert: {}, key: {} }}\n", file("crt"), file("key"))
        };
        let text =
            format!("gateway:\n  redirect: 127.0.0.1:0\n  tls:\n    certs:\n{}{}", pair("www"), pair("shop"));
        fs::write(keys.file("node.yaml"), text).unwrap();
        let component = Component::start("shop").unwrap();
        let setup = Setup::named("gate").unwrap().gateway().component("shop", &component.url());
        let setup = setup.flag("--config", keys.file("node.yaml").to_str().unwrap());
        let daemon = setup.start().unwrap();
        Self { authority, keys, daemon, _component: component }
    }

    fn port(&self) -> u16 {
        let addr: SocketAddr = self.daemon.gateway().strip_prefix("http://").unwrap().parse().unwrap();
        addr.port()
    }

    /// A request by a client that trusts the CA, and finds `host` on loopback at both ports.
    fn curl(&self, url: &str, host: &str, ports: &[u16]) -> Curl {
        let ca: PathBuf = self.keys.file("ca.crt");
        let curl = Curl::get(url).option("--cacert", ca.to_str().unwrap());
        ports.iter().fold(curl, |curl, port| curl.option("--resolve", &format!("{host}:{port}:127.0.0.1")))
    }

    /// What openssl says of the handshake when it asks for `host`.
    fn openssl(&self, host: &str) -> String {
        let connect = format!("127.0.0.1:{}", self.port());
        let mut openssl = Command::new("timeout");
        openssl.args(["60", "openssl", "s_client", "-alpn", "h2,http/1.1", "-servername", host]);
        openssl.args(["-connect", &connect]).stdin(Stdio::null()).stderr(Stdio::null());
        String::from_utf8_lossy(&openssl.output().unwrap().stdout).into_owned()
    }
}

/// Writes the certificate of a CA as `STEM.crt`.
fn write_ca(keys: &TlsDir, stem: &str, authority: &Authority) {
    let (der, pem) = (keys.file(&format!("{stem}.der")), keys.file(&format!("{stem}.crt")));
    fs::write(&der, authority.certificate().unwrap()).unwrap();
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-inform", "DER", "-in"]).arg(der).arg("-out").arg(pem);
    assert!(openssl.status().unwrap().success());
}

#[test]
fn each_host_has_its_certificate() {
    let gate = Gate::start();
    let port = gate.port();
    for host in ["www.example.org", "a.shop.example"] {
        let url = format!("https://{host}:{port}/shop/cart?x=1");
        for version in ["--http1.1", "--http2"] {
            let seen = gate.curl(&url, host, &[port]).flag(version).send().unwrap().json().unwrap();
            assert_eq!((&seen["component"], &seen["target"]), (&"shop".into(), &"/cart?x=1".into()));
            let headers = seen["headers"].to_string();
            assert!(headers.contains(r#"["x-forwarded-proto","https"]"#), "{headers}");
        }
    }
    let said = gate.openssl("www.example.org");
    assert!(said.contains("ALPN protocol: h2") && said.contains("TLSv1.3"), "{said}");
    let stranger = format!("https://other.example:{port}/");
    let refused = gate.curl(&stranger, "other.example", &[port]).send().unwrap_err().to_string();
    assert!(refused.contains("other.example"), "{refused}");
}

#[test]
fn who_comes_without_tls_is_redirected() {
    let gate = Gate::start();
    let port = gate.port();
    let line = gate.daemon.wait_for_log("redirecting to the gateway from").unwrap();
    let plain: SocketAddr = line.split_whitespace().last().unwrap().parse().unwrap();
    for from in [plain.port(), port] {
        let url = format!("http://www.example.org:{from}/shop/a%2Fb?x=1");
        let curl = || gate.curl(&url, "www.example.org", &[from, port]);
        assert_eq!(curl().send().unwrap().status, 308);
        // The method and the body are kept.
        let answer = curl().flag("--location").option("--data", "sent").send().unwrap().json().unwrap();
        assert_eq!((&answer["method"], &answer["target"]), (&"POST".into(), &"/a%2Fb?x=1".into()));
    }
}

#[test]
fn a_renewed_certificate_is_shown_without_a_restart() {
    let gate = Gate::start();
    let certificate = || {
        let said = gate.openssl("www.example.org");
        let (_, rest) = said.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        rest.split_once("-----END").unwrap().0.to_owned()
    };
    let former = certificate();
    fs::write(gate.keys.file("www.crt"), "not a certificate").unwrap();
    gate.daemon.wait_for_log("the gateway shows the last good certificates").unwrap();
    assert_eq!(certificate(), former);
    gate.authority.sign(&gate.keys, "www", "DNS:www.example.org").unwrap();
    eventually(|| {
        ensure!(certificate() != former, "the former certificate is still shown");
        Ok(())
    })
    .unwrap();
    let url = format!("https://www.example.org:{}/shop/", gate.port());
    assert_eq!(gate.curl(&url, "www.example.org", &[gate.port()]).send().unwrap().status, 200);
}

#[test]
fn an_upstream_with_tls_is_asked_only_if_its_ca_signed_for_it() {
    let gate = Gate::start();
    let stranger = Authority::new("another CA").unwrap();
    write_ca(&gate.keys, "stranger", &stranger);
    let component = |name: &str, ca: &str, host: &str| {
        let (url, ca) = (format!("https://127.0.0.1:{}/shop", gate.port()), gate.keys.file(ca));
        format!("  {name}: {{ url: {url:?}, ca: {:?}, server_name: {host} }}\n", ca.display())
    };
    let text = [
        "components:\n".to_owned(),
        component("known", "ca.crt", "www.example.org"),
        component("stranger", "stranger.crt", "www.example.org"),
        component("misnamed", "ca.crt", "other.example"),
    ];
    let front = Setup::named("front").unwrap().gateway().config(&text.concat()).unwrap().start().unwrap();
    for version in ["--http1.1", "--http2-prior-knowledge"] {
        let curl = Curl::get(&format!("{}/known/cart?x=1", front.gateway())).flag(version);
        let seen = curl.option("--data", "hello").send().unwrap().json().unwrap();
        assert_eq!((&seen["method"], &seen["target"]), (&"POST".into(), &"/cart?x=1".into()));
        // The upstream is a gateway: it was reached with TLS, by HTTP/2.
        let headers = seen["headers"].to_string();
        for field in [r#"["x-forwarded-proto","https"]"#, r#"["via","2.0 maelstrom"]"#] {
            assert!(headers.contains(field), "{field} in {headers}");
        }
    }
    for name in ["stranger", "misnamed"] {
        let outside = Curl::get(&format!("{}/{name}/", front.gateway())).send().unwrap();
        assert_eq!((outside.status, outside.text().as_str()), (502, "the component cannot be reached"));
        let inside = Curl::get(&format!("http://{}/", front.private()));
        let inside = inside.header(&format!("MAELSTROM-COMPONENT: {name}")).send().unwrap();
        let text = inside.text();
        let who = format!("cannot reach component {name} at https://127.0.0.1:{}/shop: ", gate.port());
        assert!(inside.status == 502 && text.starts_with(&who) && text.contains("certificate"), "{text}");
    }
}
