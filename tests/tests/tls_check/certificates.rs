//! What a certificate itself shows: version, dates, keys, usage, names.

use crate::answer::{check_dir, copy, empty, healthy, make, make_dated, remove, shell};

#[test]
fn version_1() {
    let keys = healthy();
    shell(
        &keys,
        "openssl req -new -key server_b.key -out csr -config tls.conf
         openssl x509 -req -in csr -signkey server_b.key -days 90 -out server_b.crt",
    );
    let answer = check_dir(&keys);
    let found = answer.one("error", "version", "server_b.crt");
    assert!(found.remedy.contains("x509_extensions"), "{found:?}");
    assert!(answer.lacks("certificate"), "told twice");
}

#[test]
fn expired() {
    let keys = healthy();
    make_dated(&keys, "zzz", "2 years ago", "yesterday");
    assert!(check_dir(&keys).one("warning", "expired", "zzz.crt").problem.contains("when it becomes active"));
    remove(&keys, "zzz.key");
    assert!(check_dir(&keys).one("warning", "expired", "zzz.crt").problem.contains("lets nobody in"));
    remove(&keys, "zzz.crt");
    make_dated(&keys, "aaa", "2 years ago", "yesterday");
    assert!(check_dir(&keys).one("error", "expired", "aaa.crt").remedy.contains("rotate"));
}

#[test]
fn within_thirty_days_of_its_end() {
    let keys = healthy();
    make_dated(&keys, "server_b", "yesterday", "28 days 12 hours");
    assert!(check_dir(&keys).one("warning", "expires-soon", "server_b.crt").problem.contains("in 28 days"));
    make_dated(&keys, "server_b", "yesterday", "31 days");
    assert_eq!(check_dir(&keys).code, 0);
}

#[test]
fn not_yet_valid() {
    let keys = healthy();
    make_dated(&keys, "server_b", "2 days", "90 days");
    check_dir(&keys).one("warning", "not-yet-valid", "server_b.crt");
    make_dated(&keys, "server_a", "2 days", "90 days");
    let all = check_dir(&keys).all("not-yet-valid");
    assert_eq!((&*all[0].severity, &*all[0].file), ("error", "server_a.crt"));
}

#[test]
fn ca_true_is_a_trap_only_under_a_ca() {
    let keys = healthy();
    make(&keys, "server_b", "-addext basicConstraints=critical,CA:TRUE");
    let answer = check_dir(&keys);
    assert_eq!(answer.code, 0, "{:#}", answer.json);
    assert!(answer.one("note", "ca-true", "server_b.crt").problem.contains("trusted as exactly itself"));
}

#[test]
fn extended_key_usage_of_one_side() {
    let keys = healthy();
    make(&keys, "server_b", "-addext extendedKeyUsage=serverAuth");
    let found = check_dir(&keys).one("note", "extended-key-usage", "server_b.crt");
    assert!(found.problem.contains("client authentication"), "{found:?}");
    make(&keys, "server_b", "-addext extendedKeyUsage=clientAuth,codeSigning");
    let found = check_dir(&keys).one("note", "extended-key-usage", "server_b.crt");
    assert!(found.problem.contains("server authentication"), "{found:?}");
    make(&keys, "server_b", "-addext extendedKeyUsage=clientAuth,serverAuth");
    assert!(check_dir(&keys).lacks("extended-key-usage"));
}

#[test]
fn key_usage_without_signatures() {
    let keys = healthy();
    make(&keys, "server_b", "-addext keyUsage=keyAgreement");
    check_dir(&keys).one("warning", "key-usage", "server_b.crt");
    make(&keys, "server_b", "-addext keyUsage=digitalSignature");
    assert!(check_dir(&keys).lacks("key-usage"));
}

#[test]
fn no_names() {
    let keys = healthy();
    shell(
        &keys,
        "sed '/subjectAltName/d' tls.conf | sed 's/.v3_req.$/&\\nbasicConstraints=CA:FALSE/' > bare.conf",
    );
    shell(&keys, "openssl req -new -x509 -key server_b.key -days 90 -config bare.conf -out server_b.crt");
    check_dir(&keys).one("note", "no-name", "server_b.crt");
}

#[test]
fn weak_keys() {
    let keys = healthy();
    shell(
        &keys,
        "openssl req -new -x509 -newkey rsa:1024 -nodes -days 90 -config tls.conf -keyout server_b.key -out server_b.crt",
    );
    let answer = check_dir(&keys);
    assert!(answer.one("error", "weak-key", "server_b.crt").problem.contains("RSA-1024"));
    assert!(answer.lacks("key"), "told twice");
    let trusting = healthy();
    std::fs::copy(keys.file("server_b.crt"), trusting.file("weak.crt")).unwrap();
    check_dir(&trusting).one("warning", "weak-key", "weak.crt");
}

#[test]
fn keys_that_boards_cannot_check() {
    let keys = empty();
    for stem in ["a", "b", "c"] {
        shell(
            &keys,
            &format!(
                "openssl req -new -x509 -newkey rsa:2048 -nodes -days 90 -config tls.conf -keyout {stem}.key -out {stem}.crt"
            ),
        );
    }
    let answer = check_dir(&keys);
    assert_eq!((answer.code, answer.all("not-for-boards").len()), (0, 3), "{:#}", answer.json);
    copy(&keys, "a.crt", "d.crt");
    assert_eq!(check_dir(&keys).code, 3);
}
