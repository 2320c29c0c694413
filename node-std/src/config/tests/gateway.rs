//! Components and the gateway.

use super::*;

const COMPONENTS: &str = "
components:
  web: http://127.0.0.1:80
  shop:
    urls: [ 'h2c://10.0.0.1:9000', 'https://shop.example/base/' ]
    ca: /ca.crt
    server_name: shop.internal
    max_duration: 20m
    max_requests: 32
    max_body: 10MiB
    health_check: { path: /health?deep, interval: 5s, timeout: 500ms }
  lamp: { url: 'http://lamp:8080', health_check: /up }
";

#[test]
fn a_component_may_be_a_map() {
    let config = with_config(COMPONENTS, &[], &[]).unwrap();
    let [web, shop, lamp] = &config.components[..] else { panic!() };
    let urls =
        |component: &Component| component.upstreams.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(urls(web), ["http://127.0.0.1:80"]);
    assert_eq!((web.max_duration.as_secs(), web.max_requests, web.max_body), (300, 1024, None));
    assert_eq!(urls(shop), ["h2c://10.0.0.1:9000", "https://shop.example:443/base"]);
    let tls = shop.tls.as_ref().unwrap();
    assert_eq!(tls.authorities, [Pem::File("/ca.crt".into())]);
    assert_eq!(tls.server_name.as_ref().unwrap().to_str(), "shop.internal");
    assert_eq!((shop.max_duration.as_secs(), shop.max_requests, shop.max_body), (1200, 32, Some(10 << 20)));
    let check = shop.health_check.as_ref().unwrap();
    assert_eq!(
        (check.path.as_str(), check.interval.as_secs(), check.timeout.as_millis()),
        ("/health?deep", 5, 500)
    );
    let check = lamp.health_check.as_ref().unwrap();
    assert_eq!((check.path.as_str(), check.interval.as_secs(), check.timeout.as_secs()), ("/up", 10, 2));
    let known = config.in_force.iter().find(|known| known.setting == "components.shop.max_requests").unwrap();
    assert_eq!(known.value, "32");
    assert!(known.origin.contains(":9:19: "), "{}", known.origin);

    let other = with_config(COMPONENTS, &["--component", "x=http://y"], &[]).unwrap();
    assert_eq!(other.components.len(), 1, "those of the command line replace those of the file");
    assert!(other.in_force.iter().all(|known| !known.setting.starts_with("components.")));
}

#[test]
fn all_faults_of_components_are_told_at_once() {
    let text = "
components:
  a: ftp://x
  b: { url: https://x }
  c: { urls: [] }
  d: { url: http://x, max_requests: 0, max_duration: 2d, max_body: much }
  e: { url: http://x, ca: /ca.crt }
  f: { url: http://x, health_check: { interval: 1s } }
  g: { url: http://x, health_check: health }
  h: { url: http://x, max_request: 1 }
  i: { max_requests: 1 }
  j: { urls: [ http://x, 'http://x:80' ] }
  _mael: http://x
  k: https://x
";
    let said = with_config(text, &[], &[]).unwrap_err();
    for (line, expected) in said.lines().zip([
        "FILE:3:6: components.a is \"ftp://x\": the URL must be http://",
        "FILE:4:6: components.b has an https upstream and no ca",
        "FILE:5:6: components.c has no upstream: its list",
        "FILE:6:37: components.d.max_requests is \"0\": expected a number from 1",
        "FILE:6:54: components.d.max_duration is \"2d\": expected a time from 1ms to 86400s",
        "FILE:6:68: components.d.max_body is \"much\": expected a number of bytes",
        "FILE:7:6: components.e has a ca or server_name and no https",
        "FILE:8:37: components.f.health_check has no path",
        "FILE:9:37: components.g.health_check is \"health\": expected a path",
        "FILE:10:23: components.h.max_request: no setting has this name: is max_requests meant?",
        "FILE:11:6: components.i has no upstream: give it a url",
        "FILE:12:26: components.j.urls holds http://x:80 twice",
        "FILE:13:10: components._mael is no component: names that begin with _mael",
        "FILE:14:6: components.k https needs the CA",
    ]) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    assert_eq!(said.lines().count(), 14, "{said}");
}

const GATEWAY: &str = "
gateway:
  listen: 0.0.0.0:443
  redirect: 0.0.0.0:80
  trusted_proxies: [10.0.0.0/8, 'fd00::1']
  rules:
    - { host: www.example.org, component: web }
    - { host: '*.Example.org', path: /shop, component: shop, strip_prefix: true }
    - { path: /old, component: shop, rewrite: /new }
    - /text=web/
  tls:
    certs:
      - { cert: /a.crt, key: /a.key }
      - { cert: /b.pem, key_password: secret }
    min_version: '1.3'
    timeout: 4s
";

#[test]
fn the_gateway_has_rules_and_keys() {
    let config = with_config(GATEWAY, &[], &[]).unwrap();
    let GatewaySettings { rules, tls, redirect_addr, trusted_proxies } = config.gateway;
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    assert_eq!(rules, ["www.example.org/=web", "*.example.org/shop=shop/", "/old=shop/new", "/text=web/"]);
    assert_eq!(redirect_addr.unwrap().to_string(), "0.0.0.0:80");
    assert!(trusted_proxies[0].contains([10, 1, 1, 1].into()) && trusted_proxies.len() == 2);
    let tls = tls.unwrap();
    assert_eq!((tls.pairs.len(), tls.protocol.tls12, tls.timeout.unwrap().as_secs()), (2, false, 4));
    assert_eq!(config.notes, Vec::<String>::new());
    let shown = |setting: &str| {
        let known = config.in_force.iter().filter(|known| known.setting == setting);
        known.map(|known| known.value.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(shown("gateway.rules").len(), 4);
    assert_eq!(shown("gateway.tls.certs.key_password"), ["(hidden)"]);
    assert_eq!(shown("gateway.trusted_proxies").len(), 2);
}

#[test]
fn flags_and_variables_set_the_gateway_too() {
    let flags = ["--public-addr", "0.0.0.0:443", "--public-tls-cert", "/c.crt", "--public-rule", "/a=b/"];
    let variables = [("MAEL_PUBLIC_TLS_KEY", "/c.key"), ("MAEL_TRUSTED_PROXIES", "10.0.0.1,10.0.0.2")];
    let gateway = config(&flags, &variables).unwrap().gateway;
    assert_eq!((gateway.rules.len(), gateway.trusted_proxies.len()), (1, 2));
    let tls = gateway.tls.unwrap();
    assert_eq!(tls.pairs[0].key, Some(Pem::File("/c.key".into())));
    assert!(tls.protocol.tls12, "the world has old clients");
    let over_file = with_config(GATEWAY, &flags, &variables).unwrap().gateway;
    assert_eq!((over_file.rules.len(), over_file.tls.as_ref().unwrap().pairs.len()), (1, 1));
    assert!(!over_file.tls.unwrap().protocol.tls12, "how TLS is spoken is still that of the file");
    let password = [("MAEL_PUBLIC_TLS_CERT", "/c.crt"), ("MAEL_TLS_KEY_PASSWORD", "x")];
    assert!(config(&[], &password).unwrap().gateway.tls.unwrap().pairs[0].password.is_some());
    let rules = [("MAEL_PUBLIC_RULES", "a.example/=a; b.example/x=b/y"), ("MAEL_PUBLIC_PORT", "80")];
    assert_eq!(config(&[], &rules).unwrap().gateway.rules[1].to_string(), "b.example/x=b/y");
}

#[test]
fn faults_of_the_gateway_are_told() {
    for (text, expected) in [
        ("gateway: { rules: [ { path: /a } ] }", "gateway.rules has a rule without a component"),
        (
            "gateway: { rules: [ { path: a, component: b } ] }",
            "has a rule that is none: a path must begin with /",
        ),
        (
            "gateway: { rules: [ { component: b, strip_prefix: true, rewrite: /x } ] }",
            "stands beside strip_prefix",
        ),
        (
            "gateway: { rules: [ { component: b, hots: x } ] }",
            "FILE:1:37: gateway.rules.hots: no setting has this name: is host meant?",
        ),
        ("gateway: { rules: [ /a=b, '/a/=c' ] }", "gateway.rules has a second rule for one host and path"),
        ("gateway: { rules: [ /a ] }", "gateway.rules is \"/a\": expected [HOST]/PATH=COMPONENT"),
        ("gateway: { listen: '1.2.3.4:1', tls: {} }", "gateway.tls: TLS on the gateway needs a certificate"),
        (
            "gateway: { tls: { ca: x } }",
            "gateway.tls.ca: no setting has this name: the gateway asks no client",
        ),
        ("gateway: { tls: { cert: x, timeout: 0 } }", "gateway.tls has a timeout"),
        (
            "gateway: { listen: '1.2.3.4:1', redirect: '1.2.3.4:2' }",
            "sends everybody to the gateway over TLS",
        ),
        (
            "gateway: { listen: '1.2.3.4:1', redirect: '1.2.3.4:1', tls: { cert: x } }",
            "give the redirect another port",
        ),
        ("gateway: { trusted_proxies: [ proxy.example ] }", "expected a range of IP addresses"),
    ] {
        let said = with_config(text, &[], &[]).unwrap_err();
        assert!(said.contains(expected), "{text}: {said}");
    }
    let said = problem(&["--public-rule", "/a=b", "--public-rule", "/a/=c"], &[]);
    assert!(said.contains("was given before"), "{said}");
    assert!(problem(&[], &[("MAEL_PUBLIC_TLS_KEY", "/x")]).contains("needs a certificate"));
}

#[test]
fn what_has_no_effect_is_noted() {
    let notes = |flags: &[&str]| config(flags, &[]).unwrap().notes;
    let off = notes(&["--public-rule", "/a=b"]);
    assert!(off.len() == 1 && off[0].contains("the gateway is off"), "{off:?}");
    let flags = ["--public-addr", "0.0.0.0:1", "--public-rule", "/a=b", "--public-component", "c"];
    let listed = notes(&flags);
    assert!(listed.len() == 1 && listed[0].contains("gateway.components"), "{listed:?}");
}

#[test]
fn nats_notation_takes_the_maps_too() {
    let text = "gateway {\n  listen: \"0.0.0.0:80\"\n  rules: [ { path: /a, component: b } ]\n}\ncomponents {\n  \
                b { url: \"http://x\", max_requests: 2 }\n}\nlimits {\n  timeouts { idle: 20 }\n}\n";
    let config = with_config(text, &[], &[]).unwrap();
    assert_eq!((config.gateway.rules.len(), config.components[0].max_requests), (1, 2));
    assert_eq!(config.http.timeouts.idle.as_secs(), 20);
}
