//! CAs that openssl made, and files that are none.

use crate::desk::Desk;

/// Makes the CA `ca.crt` and `ca.key` in `certs` from a key of this kind.
fn openssl_ca(genpkey: &str, subject: &str) -> Desk {
    let desk = Desk::new();
    desk.ok(&format!(
        "mkdir certs && cd certs && {genpkey} && openssl req -utf8 -x509 -new -key ca.key -sha256 -days 365 -out ca.crt -subj '{subject}'"
    ));
    desk
}

#[test]
fn every_kind_of_key_that_openssl_makes_signs() {
    for genpkey in [
        "openssl ecparam -name prime256v1 -genkey -noout -out ca.key",
        "openssl ecparam -name prime256v1 -genkey -out ca.key",
        "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out ca.key",
        "openssl genrsa -traditional -out ca.key 2048",
        "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out ca.key",
        "openssl genpkey -algorithm ED25519 -out ca.key",
    ] {
        let desk =
            openssl_ca(genpkey, "/C=ES/ST=MyState/O=Büro & Söhne/CN=My Mesh CA/emailAddress=a@example.com");
        desk.ok("maelctl cert agent -n node && maelctl cert crl --revoke certs/node.crt");
        desk.ok("openssl verify -CAfile certs/ca.crt -purpose sslserver certs/node.crt");
        desk.ok("openssl crl -noout -CAfile certs/ca.crt -in certs/ca.crl 2>&1 | grep 'verify OK'");
        assert!(desk.text("certs/node.crt").contains("NIST CURVE: P-256"), "{genpkey}");
    }
}

#[test]
fn a_name_that_cannot_be_copied_is_refused_rather_than_altered() {
    for subject in ["/DC=com/DC=example/CN=ca", "/O=one+OU=two/CN=ca"] {
        let multi = openssl_ca("openssl ecparam -name prime256v1 -genkey -noout -out ca.key", subject);
        let said = multi.fails(1, "maelctl cert agent -n node");
        assert!(said.contains("certs/ca.crt: its subject has"), "{said}");
    }
}

#[test]
fn what_is_no_ca_does_not_sign() {
    let desk = Desk::with_ca();
    desk.ok("maelctl cert agent -n node && maelctl cert ca -o other");
    for (arguments, part) in [
        ("--ca certs/node.crt", "not the certificate of a CA"),
        ("--ca certs/ca.crt --ca-key other/ca.key", "other/ca.key is not the key of certs/ca.crt"),
        ("--ca certs/ca.crt --ca-key certs/ca.crt", "certs/ca.crt: holds no private key"),
        ("--ca certs/ca.key", "holds no certificate"),
        ("--ca certs/none.crt", "there is no CA in certs/none.crt: make one with maelctl cert ca"),
        ("--ca certs", "is not a regular file"),
        ("--ca certs/ca.crt --ca-key certs/none.key", "certs/none.key: cannot be read"),
        ("-o empty", "there is no CA in empty/ca.crt"),
    ] {
        let said = desk.fails(1, &format!("maelctl cert agent -n more {arguments}"));
        assert!(said.contains(part), "{arguments}: {said}");
    }
    desk.ok("openssl ec -aes128 -passout pass:word -in certs/ca.key -out certs/locked.key");
    let said = desk.fails(1, "maelctl cert agent -n more --ca-key certs/locked.key");
    assert!(said.contains("locked.key"), "{said}");
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    let desk = Desk::with_ca();
    let output = desk.run("chmod 644 certs/ca.key; maelctl cert agent -n node");
    assert!(output.code == 0 && output.stderr.contains("warning: ./certs/ca.key has mode 644"), "{output:?}");
}

#[test]
fn an_expired_ca_does_not_sign() {
    let desk = Desk::new();
    desk.ok("mkdir certs");
    crate::info::dated(&desk, "certs/ca", "20200101000000Z", "20210101000000Z", "CA:TRUE");
    let said = desk.fails(1, "maelctl cert agent -n node");
    assert!(said.contains("./certs/ca.crt expired at 2021-01-01T00:00:00Z"), "{said}");
}
