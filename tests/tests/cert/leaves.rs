//! What is in the certificates of nodes and clients, and what openssl takes them for.

use crate::desk::Desk;

#[test]
fn an_agent_serves_and_dials_and_a_client_dials_alone() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent --cn node && maelctl cert client --cn alice --email alice@example.com");
    let verdict = |purpose: &str, name: &str| {
        desk.run(&format!(
            "openssl verify -x509_strict -CAfile certs/ca.crt -purpose {purpose} certs/{name}.crt"
        ))
        .code
    };
    assert_eq!(
        [verdict("sslserver", "node"), verdict("sslclient", "node"), verdict("sslclient", "alice")],
        [0; 3]
    );
    assert_ne!(verdict("sslserver", "alice"), 0);
    let alice = desk.text("certs/alice.crt");
    assert!(alice.contains("DNS:alice, email:alice@example.com\n"), "{alice}");
    assert!(alice.contains("TLS Web Client Authentication\n") && !alice.contains("Web Server"), "{alice}");
}

#[test]
fn certificates_follow_the_rules_of_pkix() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n node");
    let (ca, node) = (desk.text("certs/ca.crt"), desk.text("certs/node.crt"));
    let value = |text: &str, extension: &str| {
        let (_, after) =
            text.split_once(&format!("X509v3 {extension}")).unwrap_or_else(|| panic!("{extension}: {text}"));
        let (head, rest) = after.split_once('\n').unwrap();
        format!("{}{}", head.trim_start_matches(':').trim(), rest.lines().next().unwrap())
    };
    assert_eq!(value(&ca, "Basic Constraints"), format!("critical{}CA:TRUE", " ".repeat(16)));
    assert_eq!(value(&ca, "Key Usage"), format!("critical{}Certificate Sign, CRL Sign", " ".repeat(16)));
    assert_eq!(value(&node, "Basic Constraints"), format!("critical{}CA:FALSE", " ".repeat(16)));
    assert_eq!(value(&node, "Key Usage"), format!("critical{}Digital Signature", " ".repeat(16)));
    assert_eq!(value(&node, "Authority Key Identifier"), value(&ca, "Subject Key Identifier"));
    assert!(!value(&node, "Subject Key Identifier").trim().is_empty());
    for text in [&ca, &node] {
        assert!(text.contains("NIST CURVE: P-256") && text.contains("ecdsa-with-SHA256"), "{text}");
    }
    // Lives of 365 and 90 days, which begin a little before now.
    for (name, days) in [("ca", 365), ("node", 90)] {
        let checks = |second: i64| {
            desk.run(&format!("openssl x509 -checkend {second} -noout -in certs/{name}.crt")).code
        };
        assert_eq!((checks(days * 86_400 - 600), checks(days * 86_400 + 600)), (0, 1), "{name}");
        let start = desk.ok(&format!(
            "date -d \"$(openssl x509 -startdate -noout -in certs/{name}.crt | cut -d= -f2)\" +%s"
        ));
        let age: i64 =
            desk.ok("date +%s").trim().parse::<i64>().unwrap() - start.trim().parse::<i64>().unwrap();
        assert!((60..=3600).contains(&age), "{name} began {age} s ago");
    }
}

#[test]
fn serial_numbers_are_random_and_positive() {
    let desk = Desk::with_ca();
    let serial = || {
        desk.ok("maelctl cert agent -n node --force >&2 && openssl x509 -serial -noout -in certs/node.crt")
    };
    let (one, other) = (serial(), serial());
    assert_ne!(one, other);
    for serial in [one, other] {
        let digits = serial.trim().strip_prefix("serial=").unwrap();
        assert_eq!(digits.len(), 32, "{digits}");
    }
}

#[test]
fn all_kinds_of_names_are_taken() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n 10.1.2.3 --dns '*.Example.com' --uri spiffe://example.com/shop --email a@example.com --ip fe80::1");
    let text = desk.text("certs/10.1.2.3.crt");
    for name in [
        "IP Address:10.1.2.3,",
        "DNS:*.example.com",
        "URI:spiffe://example.com/shop",
        "email:a@example.com",
        "IP Address:FE80:0:0:0:0:0:0:1",
    ] {
        assert!(text.contains(name), "{name}: {text}");
    }
    assert!(!text.contains("DNS:10.1.2.3"), "{text}");
}

#[test]
fn a_certificate_ends_with_its_ca_and_maelctl_says_so() {
    let desk = Desk::new();
    desk.ok("maelctl cert ca --days 20");
    let output = desk.run("maelctl cert agent -n node");
    assert!(output.code == 0 && output.stderr.contains("maelctl: warning: the CA ends at"), "{output:?}");
    let end = |name: &str| desk.ok(&format!("openssl x509 -enddate -noout -in certs/{name}.crt"));
    assert_eq!(end("node"), end("ca"));
}
