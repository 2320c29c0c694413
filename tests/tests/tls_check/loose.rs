//! Loose files: keys and certificates, leaves and CAs.

use node_tests::pki::TlsDir;

use crate::answer::{check_files, copy, empty, healthy, make, shell, text, write};

const EC: &str = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

/// A CA, an issuer that it signed, and leaves that the issuer signed, with `chain` in order.
fn pki() -> TlsDir {
    let keys = empty();
    shell(
        &keys,
        &format!(
            "openssl req -x509 {EC} -keyout ca.key -out ca.crt -subj /CN=ca -days 90 -addext basicConstraints=critical,CA:TRUE -config tls.conf
             openssl req {EC} -keyout issuer.key -out csr -subj /CN=issuer -config tls.conf
             echo basicConstraints=CA:TRUE > ext
             openssl x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -extfile ext -out issuer.crt"
        ),
    );
    leaf(&keys, "leaf", "subjectAltName=DNS:leaf");
    keys
}

fn leaf(keys: &TlsDir, stem: &str, extensions: &str) {
    shell(
        keys,
        &format!(
            "openssl req {EC} -keyout {stem}.key -out csr -subj /CN={stem} -config tls.conf
             printf '{extensions}' > ext
             openssl x509 -req -in csr -CA issuer.crt -CAkey issuer.key -CAcreateserial -days 90 -extfile ext -out {stem}.alone
             cat {stem}.alone issuer.crt > {stem}.crt"
        ),
    );
}

#[test]
fn a_leaf_that_leads_to_its_ca() {
    let keys = pki();
    let answer = check_files(&keys, &["leaf.crt", "leaf.key", "ca.crt"]);
    assert_eq!(answer.code, 0, "{:#}", answer.json);
    let found = &answer.all("path")[0];
    assert!(found.file == "leaf.crt" && found.problem.contains("ca.crt"), "{found:?}");
}

#[test]
fn a_leaf_without_its_issuer_or_of_another_ca() {
    let keys = pki();
    let found = check_files(&keys, &["leaf.alone", "ca.crt"]).one("error", "no-path", "leaf.alone");
    assert!(found.problem.contains("not trusted"), "{found:?}");
    let other = pki();
    copy(&keys, "leaf.crt", "mine.crt");
    std::fs::copy(other.file("ca.crt"), keys.file("other.crt")).unwrap();
    check_files(&keys, &["mine.crt", "other.crt"]).one("error", "no-path", "mine.crt");
    // One CA of a bundle is enough.
    write(&keys, "bundle", &(text(&keys, "other.crt") + &text(&keys, "ca.crt")));
    assert_eq!(check_files(&keys, &["mine.crt", "bundle"]).code, 0);
}

#[test]
fn a_ca_as_a_leaf_under_a_ca() {
    let keys = pki();
    leaf(&keys, "trap", "subjectAltName=DNS:trap\\nbasicConstraints=CA:TRUE");
    let answer = check_files(&keys, &["trap.crt", "trap.key", "ca.crt"]);
    let all = answer.all("ca-true");
    assert!(all.iter().any(|found| found.file == "trap.crt"), "{:#}", answer.json);
    let found = answer.one("error", "no-path", "trap.crt");
    assert!(found.problem.contains("CA"), "{found:?}");
}

#[test]
fn a_leaf_for_one_side() {
    let keys = pki();
    leaf(&keys, "side", "subjectAltName=DNS:side\\nextendedKeyUsage=clientAuth");
    let found = check_files(&keys, &["side.crt", "ca.crt"]).one("warning", "extended-key-usage", "side.crt");
    assert!(found.problem.contains("server and client authentication"), "{found:?}");
    // Without a CA as well.
    check_files(&keys, &["side.crt"]).one("warning", "extended-key-usage", "side.crt");
}

#[test]
fn version_1_is_taken_under_a_ca_alone() {
    let keys = pki();
    shell(
        &keys,
        "openssl req -new -key leaf.key -out csr -config tls.conf
         openssl x509 -req -in csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 90 -out first.crt",
    );
    let answer = check_files(&keys, &["first.crt", "ca.crt"]);
    answer.one("warning", "version", "first.crt");
    assert_eq!(answer.all("path").len(), 1, "{:#}", answer.json);
}

#[test]
fn a_bundle_with_a_certificate_that_is_no_ca() {
    let keys = pki();
    write(&keys, "bundle", &(text(&keys, "ca.crt") + &text(&keys, "leaf.alone")));
    check_files(&keys, &["bundle"]).one("error", "no-ca", "bundle");
}

#[test]
fn a_key_and_a_certificate_of_different_pairs() {
    let keys = healthy();
    check_files(&keys, &["server_a.key", "server_b.crt"]).one("error", "mismatch", "server_a.key");
    assert_eq!(check_files(&keys, &["server_a.key", "server_b.crt", "server_a.crt"]).code, 0);
    write(&keys, "both", &(text(&keys, "server_b.crt") + &text(&keys, "server_a.crt")));
    let found = check_files(&keys, &["server_a.key", "both"]).one("error", "mismatch", "server_a.key");
    assert!(found.problem.contains("not the first"), "{found:?}");
}

#[test]
fn a_key_alone() {
    let keys = healthy();
    assert_eq!(check_files(&keys, &["server_a.key"]).code, 0);
    shell(&keys, "chmod 604 server_a.key");
    check_files(&keys, &["server_a.key"]).one("warning", "readable", "server_a.key");
    shell(&keys, "chmod 660 server_a.key");
    check_files(&keys, &["server_a.key"]).one("error", "writable", "server_a.key");
    shell(&keys, "openssl pkcs8 -topk8 -passout pass:word -in server_b.key -out sealed");
    check_files(&keys, &["sealed"]).one("error", "encrypted", "sealed");
    shell(&keys, "openssl ecparam -name secp256k1 -genkey -out other");
    check_files(&keys, &["other"]).one("error", "key", "other");
}

#[test]
fn files_that_hold_nothing_to_check() {
    let keys = healthy();
    write(&keys, "notes", "no PEM");
    check_files(&keys, &["notes"]).one("error", "damaged", "notes");
    write(&keys, "empty", "");
    check_files(&keys, &["empty"]).one("error", "damaged", "empty");
    write(&keys, "cut", &text(&keys, "server_a.crt")[..300]);
    check_files(&keys, &["cut"]).one("error", "damaged", "cut");
}

#[test]
fn dates_of_a_leaf_and_of_a_ca() {
    let keys = healthy();
    keys.add_expired().unwrap();
    check_files(&keys, &["expired.crt"]).one("error", "expired", "expired.crt");
    make(&keys, "old", "-days 3 -addext basicConstraints=CA:TRUE");
    check_files(&keys, &["old.crt"]).one("warning", "expires-soon", "old.crt");
}
