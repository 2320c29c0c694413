//! "Enabling TLS" and "TLS Configuration" of NATS, in NATS's notation: the properties of the map `tls`, bundles of CAs, names and
//! usages of certificates, and terminating proxies.

use std::io::Read as _;
use std::net::{Shutdown, TcpStream};

use anyhow::ensure;
use node_tests::component::Component;
use node_tests::daemon::{Daemon, Signal};
use node_tests::load::Load;
use node_tests::wait::eventually;

use crate::site::Site;

/// "The simplest configuration", as typed.
const SIMPLEST: &str = r#"
tls: {
  cert_file: "./server-cert.pem"
  key_file: "./server-key.pem"
}
"#;

/// "TLS Timeout", as typed.
const TIMEOUT: &str = r#"
tls: {
  cert_file: "./server-cert.pem"
  key_file: "./server-key.pem"
  # clients will fail to connect (value is too low)
  timeout: 0.0001
}
"#;

/// "TLS-Terminating Reverse Proxies", as typed.
const PROXY: &str = "
tls {}
allow_non_tls: true
";

/// What `mkcert -install`, `mkcert -cert-file ... localhost ::1` and `mkcert -client ... email@localhost` make.
const MKCERT: &str = "
sign() {
  openssl req -newkey rsa:2048 -nodes -keyout $1-key.pem -out $1.csr -subj '/O=mkcert development certificate/OU=ann@laptop'
  printf 'keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=%s\nsubjectAltName=%s\n' $2 $3 > $1.ext
  openssl x509 -req -in $1.csr -CA rootCA.pem -CAkey rootCA-key.pem -CAcreateserial -days 30 -extfile $1.ext -out $1-cert.pem
}
openssl req -x509 -newkey rsa:2048 -nodes -keyout rootCA-key.pem -out rootCA.pem -days 30 -subj '/O=mkcert development CA/CN=mkcert ann@laptop'
sign server serverAuth DNS:localhost,IP:::1
sign client clientAuth,serverAuth DNS:localhost,IP:::1,email:email@localhost
";

const HERE: &str = "subjectAltName=IP:127.0.0.1";

/// A folder as mkcert leaves it.
fn mkcert() -> Site {
    let site = Site::new();
    site.desk.ok(MKCERT);
    site
}

/// A CA, and the pair of a server on this machine that it signed.
fn server() -> Site {
    let site = Site::new();
    site.ca("ca");
    site.sign("ca", "server", &[HERE]);
    site.desk.ok("mv server.crt server-cert.pem; mv server.key server-key.pem");
    site
}

/// The simplest configuration with more properties in the map.
fn with(properties: &str) -> String {
    SIMPLEST.replace("\n}", &format!("\n  {properties}\n}}"))
}

/// How curl shows a pair and verifies the server.
fn shows(pair: &str) -> String {
    format!("--cacert ca.crt --cert {pair}.crt --key {pair}.key")
}

/// A TLS 1.3 client that has no certificate, and is asked for one only after it has seen this.
fn negotiated(site: &Site, node: &Daemon, options: &str) -> String {
    let printed = site.s_client(node, options);
    let lines =
        printed.lines().filter(|line| line.starts_with("New, ") || line.starts_with("Server Temp Key"));
    lines.collect::<Vec<_>>().join("; ")
}

/// N2, N3, O1: the simplest configuration. Every client has to show a certificate all the same, here one with the same key.
#[test]
fn the_simplest_configuration_is_taken_as_it_is_typed() {
    let site = server();
    let node = site.start("node", SIMPLEST);
    node.wait_for_log("with mutual TLS").unwrap();
    site.is_let_in(&node, "--cacert ca.crt --cert server-cert.pem --key server-key.pem");
    site.is_refused(&node, "--cacert ca.crt", "the peer showed no certificate");
    let open = site.start("open", &with("verify: false"));
    site.is_let_in(&open, "--cacert ca.crt");
}

/// N4, N9, O3: `ca_file` and `verify`.
#[test]
fn verify_demands_a_certificate_of_the_ca() {
    let site = server();
    site.sign("ca", "client", &[]);
    site.self_signed("stranger");
    let node = site.start("node", &with("ca_file: \"./ca.crt\"\n  verify: true"));
    site.is_let_in(&node, &shows("client"));
    site.is_refused(&node, &shows("stranger"), "is not trusted here");
    site.is_refused(&node, "--cacert ca.crt", "the peer showed no certificate");
}

/// N5: only the suites that are listed are spoken.
#[test]
fn only_the_listed_cipher_suites_are_spoken() {
    let site = server();
    let suites = r#"cipher_suites: ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]
  min_version: "1.2""#;
    let node = site.start("node", &with(suites));
    for (options, expected) in [
        (
            "-ciphersuites TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
            "TLSv1.3, Cipher is TLS_AES_128_GCM_SHA256",
        ),
        ("-tls1_3 -ciphersuites TLS_AES_256_GCM_SHA384", "Cipher is (NONE)"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("-tls1_2 -cipher ECDHE-ECDSA-AES256-GCM-SHA384", "Cipher is (NONE)"),
    ] {
        let said = negotiated(&site, &node, options);
        assert!(said.contains(expected), "{options}: {said}");
    }
}

/// N6: only the curves that are listed. Of those the first one of the client counts.
#[test]
fn only_the_listed_curves_are_taken() {
    let site = server();
    let node = site.start("node", &with("curve_preferences: [\"CurveP384\", \"CurveP256\"]"));
    for (options, expected) in [
        ("-curves P-384:P-256", "ECDH, secp384r1"),
        ("-curves P-256:P-384", "ECDH, prime256v1"),
        ("-curves X25519:P-256", "ECDH, prime256v1"),
        ("-curves X25519", "Cipher is (NONE)"),
    ] {
        let said = negotiated(&site, &node, options);
        assert!(said.contains(expected), "{options}: {said}");
    }
}

/// N6: a node that dials offers them in their order.
#[test]
fn a_node_that_dials_prefers_curves_in_their_order() {
    let site = server();
    site.write(
        "client.conf",
        &with("ca_file: ./ca.crt\n  curve_preferences: [\"CurveP384\", \"CurveP256\", \"X25519\"]"),
    );
    let printed = site.desk.ok("touch printed
        timeout 60 openssl s_server -rev -accept 127.0.0.1:0 -naccept 1 -cert server-cert.pem -key server-key.pem > printed 2>&1 &
        until grep -q '^ACCEPT ' printed; do kill -0 $!; done
        maelctl --url https://$(sed -n 's/^ACCEPT //p' printed) --config client.conf cluster nodes || true
        wait $!; cat printed");
    assert!(printed.contains("Supported groups: secp384r1:secp256r1:x25519"), "{printed}");
}

/// NATS begins at TLS 1.2; here that is a choice.
#[test]
fn tls_1_2_is_spoken_by_choice_alone() {
    let site = server();
    // A certificate of version 1 would need TLS 1.3.
    site.sign("ca", "client", &["extendedKeyUsage=clientAuth"]);
    let default = site.start("default", &with("ca_file: ./ca.crt"));
    assert!(negotiated(&site, &default, "-tls1_2").contains("Cipher is (NONE)"));
    let node = site.start("node", &with("ca_file: ./ca.crt\n  min_version: \"1.2\""));
    assert!(negotiated(&site, &node, "-tls1_2").contains("TLSv1.2, Cipher is ECDHE-ECDSA"));
    assert!(negotiated(&site, &node, "-tls1_1").contains("Cipher is (NONE)"));
    site.is_let_in(&node, &format!("--tls-max 1.2 {}", shows("client")));
    site.is_refused(&node, "--tls-max 1.2 --cacert ca.crt", "the peer showed no certificate");
}

/// N7 and O5: `insecure` concerns those who are dialled, never those who dial.
#[test]
fn insecure_concerns_outgoing_connections_alone() {
    let site = server();
    site.self_signed("rogue");
    site.sign("ca", "client", &[]);
    let rogue = site.start("rogue", "tls {cert: rogue.crt, key: rogue.key, verify: false}\n");
    let dials = |insecure: &str| {
        let node = site.setup("node", &with(&format!("ca_file: ./ca.crt\n  insecure: {insecure}")));
        node.join(rogue.private()).start().unwrap()
    };
    let node = dials("true");
    node.wait_for_log("INSECURE").unwrap();
    node.wait_for_log("link up with rogue").unwrap();
    site.is_refused(&node, "--insecure", "the peer showed no certificate");
    site.is_refused(&node, "--insecure --cert rogue.crt --key rogue.key", "is not trusted here");
    drop(node);
    let line = dials("false").wait_for_log("cannot dial a join address").unwrap();
    assert!(line.contains("is not trusted here"), "{line}");
}

/// N8, N24 and O7: a handshake that takes too long lets nobody in.
#[test]
fn a_timeout_that_is_too_low_lets_nobody_in() {
    let site = server();
    let options = "--cacert ca.crt --cert server-cert.pem --key server-key.pem";
    let node = site.start("node", TIMEOUT);
    for _ in 0..5 {
        site.is_refused(&node, options, "not finished in 0.0001 s");
    }
    for time in ["2", "2.5", "\"2500ms\""] {
        let node = site.start("node", &TIMEOUT.replace("0.0001", time));
        site.is_let_in(&node, options);
    }
}

/// N10, N44, O4: the email address in a certificate says what its holder may do. Whom nothing names may do nothing.
#[test]
fn verify_and_map_takes_the_role_from_an_email_address() {
    let site = server();
    for (name, email) in [("ops", "email@localhost"), ("guest", "guest@localhost")] {
        site.sign(
            "ca",
            name,
            &[&format!("subjectAltName=email:{email}"), "extendedKeyUsage=clientAuth,serverAuth"],
        );
    }
    let mapped = with("ca_file: ./ca.crt\n  verify_and_map: true");
    let roles = "cluster {\n  roles: [\"email:email@localhost=operator\"]\n}\n";
    let mut node = site.start("node", &format!("{mapped}{roles}"));
    let maelctl = |pair: &str, command: &str| {
        let addr = node.private();
        site.desk.run(&format!(
            "maelctl --url https://{addr} --tls-cert {pair}.crt --tls-key {pair}.key --tls-ca ca.crt {command}"
        ))
    };
    let output = maelctl("guest", "cluster nodes");
    assert!(output.code == 1 && output.stderr.contains("needs the role"), "{output:?}");
    assert_eq!(maelctl("ops", "cluster nodes").code, 0);
    assert_eq!(maelctl("ops", "cluster leave").code, 0);
    assert!(node.wait_for_exit().unwrap().success());
}

/// N11, N33 and N34: those who dial must have a name of a known URL. A certificate with a wildcard is ready for nodes to come.
#[test]
fn known_urls_say_which_names_may_come() {
    let site = server();
    for (name, dns) in [
        ("two", "node-2.mesh.example.com"),
        ("three", "node-3.mesh.example.com"),
        ("wild", "*.mesh.example.com"),
        ("deep", "*.eu.mesh.example.com"),
        ("local", "localhost"),
    ] {
        site.sign("ca", name, &[&format!("subjectAltName=DNS:{dns}")]);
    }
    site.sign("ca", "nameless", &[]);
    let known = "ca_file: ./ca.crt\n  verify_cert_and_check_known_urls: true";
    let urls = "known_urls: [\"nats://node-2.mesh.example.com:8374\"]";
    let node = site.start("node", &with(&format!("{known}\n  {urls}")));
    for pair in ["two", "wild"] {
        site.is_let_in(&node, &shows(pair));
    }
    for pair in ["three", "deep", "nameless"] {
        site.is_refused(&node, &shows(pair), "has none of the names that are allowed here");
    }
    // Without a list the members to join through are known.
    let node = site.setup("node", &with(known)).flag("--join", "localhost:9").start().unwrap();
    site.is_let_in(&node, &shows("local"));
    site.is_refused(&node, &shows("two"), "has none of the names that are allowed here");
}

/// N12: the document's pipeline makes the entry. A CA is no longer enough then; without a CA the pins alone decide.
#[test]
fn pinned_certs_are_made_by_the_pipeline_of_the_document() {
    let site = server();
    site.sign("ca", "one", &[]);
    site.sign("ca", "two", &[]);
    let key = site.desk.ok(
        "openssl x509 -noout -pubkey -in one.crt | openssl pkey -pubin -outform DER | openssl dgst -sha256",
    );
    let pin = key.trim().rsplit_once(' ').unwrap().1;
    // Others pin the certificate, with colons and large letters.
    let certificate = site.desk.ok("openssl x509 -noout -fingerprint -sha256 -in one.crt");
    let other_pin = certificate.trim().rsplit_once('=').unwrap().1;
    for pin in [pin, other_pin, &format!("sha256:{pin}")] {
        for ca in ["ca_file: ./ca.crt\n  ", ""] {
            let node = site.start("node", &with(&format!("{ca}pinned_certs: [\"{pin}\"]")));
            site.is_let_in(&node, &shows("one"));
            let why = if ca.is_empty() { "is not trusted here" } else { "it is not pinned (pinned_certs)" };
            site.is_refused(&node, &shows("two"), why);
        }
    }
}

/// The pins of a running node are those of its configuration, also for whom it let in before.
#[test]
fn a_pin_that_is_dropped_ends_the_link() {
    let site = server();
    site.sign("ca", "two", &[HERE]);
    let pin = |file: &str| {
        let printed = site.desk.ok(&format!(
            "openssl x509 -noout -pubkey -in {file} | openssl pkey -pubin -outform DER | openssl dgst -sha256"
        ));
        printed.trim().rsplit_once(' ').unwrap().1.to_owned()
    };
    let pinned = |pin: &str| with(&format!("ca_file: ./ca.crt\n  server: {{pinned_certs: [\"{pin}\"]}}"));
    let one = site.start("one", &pinned(&pin("two.crt")));
    let two = "tls {cert_file: two.crt, key_file: two.key, ca_file: ca.crt}\n";
    let _two = site.setup("two", two).join(one.private()).start().unwrap();
    one.wait_for_log("link up with two").unwrap();
    site.write("one.conf", &pinned(&pin("server-cert.pem")));
    let line = one.wait_for_log("the link with two ends").unwrap();
    assert!(line.contains("it is not pinned"), "{line}");
}

/// N13 and O6: the flags of nats-server.
#[test]
fn the_flags_of_nats_server_are_taken() {
    let site = server();
    site.sign("ca", "client", &[]);
    let setup = site.setup_without_file("node").switch("--tls");
    let refusal = setup.refusal().unwrap();
    assert!(refusal.contains("--tls-cert") && refusal.contains("--tls-dir"), "{refusal}");
    let setup = setup.switch("--tlscert=./server-cert.pem").switch("--tlskey=./server-key.pem");
    let node = setup.start().unwrap();
    site.is_let_in(&node, "--cacert ca.crt --cert server-cert.pem --key server-key.pem");
    drop(node);
    let node = setup.switch("--tlscacert=./ca.crt").start().unwrap();
    site.is_let_in(&node, &shows("client"));
}

/// N14 and N15: what the log says at the start and, in detail, of each connection.
#[test]
fn the_log_says_what_a_connection_agreed_on() {
    let site = server();
    site.sign("ca", "client", &[]);
    let node = site.setup("node", &with("ca_file: ./ca.crt")).flag("--log", "debug").start().unwrap();
    let line = node.wait_for_log("maelstromd ").unwrap();
    assert!(line.contains(env!("CARGO_PKG_VERSION")) && line.contains("id="), "{line}");
    node.wait_for_log(&format!("private port listening on {} with mutual TLS", node.private())).unwrap();
    let mark = node.mark();
    site.is_let_in(&node, &format!("--tls13-ciphers TLS_AES_128_GCM_SHA256 {}", shows("client")));
    let line = node.wait_for_log_after(mark, "TLS handshake complete: ").unwrap();
    for part in [
        "TLS version 1.3, cipher suite TLS_AES_128_GCM_SHA256",
        "certificate of client until",
        "peer=127.0.0.1:",
    ] {
        assert!(line.contains(part), "{line}");
    }
}

/// N18 to N23: nothing is ever sent in the clear, whatever `handshake_first` says.
#[test]
fn nothing_is_sent_in_the_clear_before_tls() {
    let site = server();
    for (value, counts) in
        [("true", false), ("auto", true), ("\"250ms\"", true), ("\"300ms\"", true), ("false", true)]
    {
        let node = site.start("node", &with(&format!("handshake_first: {value}")));
        // An older client of NATS waits for a line, and begins with TLS after that.
        let mut old = TcpStream::connect(node.private()).unwrap();
        old.shutdown(Shutdown::Write).unwrap();
        let mut heard = Vec::new();
        old.read_to_end(&mut heard).unwrap();
        assert_eq!(heard, b"", "{value}");
        site.is_let_in(&node, "--cacert ca.crt --cert server-cert.pem --key server-key.pem");
        let said = node.logs_after(Default::default());
        let note = "there is nothing to fall back to; the value counts as true";
        assert_eq!(said.iter().any(|line| line.contains(note)), counts, "{value}");
    }
}

/// N25 to N27: a bundle trusts the old and the new CA while certificates change, and nobody notices.
#[test]
fn a_ca_is_replaced_without_a_break() {
    let site = Site::with_agents(&["ada", "ben", "old"]);
    site.desk.ok("maelctl cert ca -n 'Next CA' -o next && maelctl cert agent -n ada -o next && maelctl cert agent -n ben -o next
        cp certs/ca.crt bundle.pem; mkdir live && cp certs/ada.* certs/ben.* live");
    let configuration = |name: &str| {
        format!(
            "tls {{\n  cert_file: live/{name}.crt\n  key_file: live/{name}.key\n  ca_file: bundle.pem\n}}\n"
        )
    };
    let shop = Component::start("shop").unwrap();
    let ada = site.setup("ada", &configuration("ada")).gateway().start().unwrap();
    let ben = site
        .setup("ben", &configuration("ben"))
        .join(ada.private())
        .component("shop", &shop.url())
        .start()
        .unwrap();
    site.sees(&ada, "ben");
    let load = Load::start(&format!("{}/shop/cart", ada.gateway()), 2);
    load.goes_on(50).unwrap();
    let step = |script: &str| {
        let marks = [ada.mark(), ben.mark()];
        site.desk.ok(script);
        for (node, mark) in [&ada, &ben].into_iter().zip(marks) {
            node.signal(Signal::HUP).unwrap();
            node.wait_for_log_after(mark, "SIGHUP: the keys are in use").unwrap();
        }
        load.goes_on(50).unwrap();
        site.sees(&ada, "ben");
        site.sees(&ben, "ada");
    };
    step("cat certs/ca.crt next/ca.crt > both && mv both bundle.pem");
    step("cp next/ben.crt next/ben.key live");
    step("cp next/ada.crt next/ada.key live");
    let old = "--cacert next/ca.crt --cert certs/old.crt --key certs/old.key";
    site.is_let_in(&ada, old);
    // The links that were made with the old certificates have been replaced by then.
    for node in [&ada, &ben] {
        let new = site.json(node, "keys ls").unwrap()["slots"][0]["certificateSha256"].clone();
        let other = if node.name() == "ada" { &ben } else { &ada };
        eventually(|| {
            let links = site.json(other, "cluster links")?;
            let links = links["links"].as_array().cloned().unwrap_or_default();
            ensure!(!links.is_empty() && links.iter().all(|link| link["peerKey"] == new), "{links:?}");
            Ok(())
        })
        .unwrap();
    }
    step("cp next/ca.crt bundle.pem");
    site.is_refused(&ada, old, "unknown authority");
    let tally = load.stop();
    assert_eq!(tally.failed, 0, "{tally:?}");
}

/// N26: of several intermediates those that the bundle names are trusted, the active one and the standby.
#[test]
fn an_intermediate_alone_may_be_trusted() {
    let site = Site::new();
    site.ca("root");
    for (ca, leaf) in [("active", "one"), ("standby", "two"), ("former", "three")] {
        site.sign("root", ca, &["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"]);
        site.sign(ca, leaf, &[HERE]);
        site.desk.ok(&format!("cat {ca}.crt >> {leaf}.crt"));
    }
    site.desk.ok("cat active.crt standby.crt > bundle.pem; cp one.crt server-cert.pem; cp one.key server-key.pem; cp root.crt ca.crt");
    let node = site.start("node", &with("ca_file: bundle.pem"));
    site.is_let_in(&node, &shows("one"));
    site.is_let_in(&node, &shows("two"));
    site.is_refused(&node, &shows("three"), "unknown authority");
}

/// N32, N41 to N43, N45 and N47: with mkcert's files the listed name works, and the address that is not listed fails, for a browser
/// and for a node.
#[test]
fn a_dialled_address_must_be_among_the_names() {
    let site = mkcert();
    let text = site
        .desk
        .ok("openssl x509 -noout -text -in server-cert.pem; openssl x509 -noout -text -in client-cert.pem");
    assert!(text.contains("DNS:localhost, IP Address:0:0:0:0:0:0:0:1, email:email@localhost"), "{text}");
    let flags = site.setup_without_file("server").switch("--tls").switch("--tlscert=server-cert.pem");
    let server = flags.switch("--tlskey=server-key.pem").switch("--tlscacert=rootCA.pem").start().unwrap();
    let browser = "--cacert rootCA.pem --cert client-cert.pem --key client-key.pem";
    assert_eq!(site.curl_host(&server, "localhost", browser).as_deref(), Ok("OK"));
    let said = site.curl(&server, browser).unwrap_err();
    assert!(
        said.contains("no alternative certificate subject name matches target host name '127.0.0.1'"),
        "{said}"
    );
    let node = "tls {cert_file: client-cert.pem, key_file: client-key.pem, ca_file: rootCA.pem}\n";
    let port = server.private().port();
    let joins =
        |name: &str, address: String| site.setup(name, node).flag("--join", &address).start().unwrap();
    let refused = joins("refused", format!("127.0.0.1:{port}"));
    let line = refused.wait_for_log("cannot dial a join address").unwrap();
    assert!(line.contains("(it is valid for localhost, ::1, not 127.0.0.1)"), "{line}");
    let joined = joins("joined", format!("localhost:{port}"));
    joined.wait_for_log("TLS certificate client-cert.pem").unwrap();
    // The certificate of this server is for accepting alone.
    server.wait_for_log("link up with joined").unwrap();
}

/// N35 to N39: what a certificate may be used for. A node of a cluster accepts and dials, so its certificate is for both.
#[test]
fn the_extended_key_usage_says_who_may_accept_and_who_may_dial() {
    let site = server();
    let usage = "keyUsage=digitalSignature,keyEncipherment";
    for (name, extended) in
        [("serves", "serverAuth"), ("dials", "clientAuth"), ("both", "serverAuth,clientAuth")]
    {
        site.sign("ca", name, &[HERE, usage, &format!("extendedKeyUsage={extended}")]);
    }
    let node = site.start("node", &with("ca_file: ./ca.crt"));
    site.is_refused(&node, &shows("serves"), "does not allow client authentication");
    site.is_let_in(&node, &shows("dials"));
    site.is_let_in(&node, &shows("both"));
    let pair = |name: &str| format!("tls {{cert_file: {name}.crt, key_file: {name}.key, ca_file: ca.crt}}\n");
    let dialled = site.start("dialled", &pair("dials"));
    let dialler = site.setup("dialler", &pair("both")).join(dialled.private()).start().unwrap();
    let line = dialler.wait_for_log("cannot dial a join address").unwrap();
    assert!(line.contains("does not allow server authentication"), "{line}");
    // A hub is dialled sooner or later.
    let _posing = site.setup("posing", &pair("dials")).join(node.private()).start().unwrap();
    let line = node.wait_for_log("refused: a link with posing").unwrap();
    assert!(line.contains("as a hub needs the role hub"), "{line}");
    // As in the clusters of NATS, whoever cannot do both is refused at once.
    let strict = site.start("strict", &with("ca_file: ./ca.crt\n  extended_key_usage: both"));
    site.is_refused(&strict, &shows("dials"), "does not allow server and client authentication");
    site.is_let_in(&strict, &shows("both"));
    let any = site.start("any", &with("ca_file: ./ca.crt\n  extended_key_usage: any"));
    site.is_let_in(&any, &shows("serves"));
}

/// N40: another certificate for outgoing connections.
#[test]
fn a_node_may_show_another_certificate_when_it_dials() {
    let site = server();
    site.sign("ca", "outgoing", &[HERE]);
    let hub = site.setup("hub", &with("ca_file: ./ca.crt")).flag("--log", "debug").start().unwrap();
    let two = with("ca_file: ./ca.crt\n  client: {cert_file: outgoing.crt, key_file: outgoing.key}");
    let two = site.setup("two", &two).join(hub.private()).start().unwrap();
    hub.wait_for_log("certificate of outgoing until").unwrap();
    site.sees(&hub, "two");
    assert!(site.s_client(&two, "").contains("CN = server"));
}

/// N48: behind a proxy that terminates TLS the port is plain, on purpose and loudly.
#[test]
fn an_empty_map_stands_behind_a_proxy() {
    let site = server();
    let node = site.start("node", PROXY);
    node.wait_for_log("PLAINTEXT").unwrap();
    let url = format!("http://{}/_mael_health_check", node.private());
    assert_eq!(site.desk.ok(&format!("curl --silent --show-error {url}")), "OK");
    let both = PROXY.replace("{}", "{cert_file: server-cert.pem, key_file: server-key.pem}");
    let refusal = site.setup("node", &both).refusal().unwrap();
    assert!(
        refusal.contains("node.conf:2:5: tls has settings, and allow_non_tls lets everybody in without TLS"),
        "{refusal}"
    );
}

/// Beside the document: a limit on handshakes in a second.
#[test]
fn connections_beyond_the_rate_are_refused() {
    let site = server();
    let node = site.start("node", &with("connection_rate_limit: 1"));
    let options = "--cacert ca.crt --cert server-cert.pem --key server-key.pem";
    let mark = node.mark();
    eventually(|| {
        let _ = site.curl(&node, options);
        let said = node.logs_after(mark);
        ensure!(said.iter().any(|line| line.contains("more than 1 handshakes in this second")), "{said:?}");
        Ok(())
    })
    .unwrap();
    eventually(|| {
        ensure!(site.curl(&node, options).is_ok());
        Ok(())
    })
    .unwrap();
}
