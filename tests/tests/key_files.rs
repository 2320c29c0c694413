//! The forms of PEM files that people have: as openssl writes them, and as editors leave them.

use std::fs;
use std::process::Command;

use node_tests::daemon::Setup;
use node_tests::pki::{Algorithm, TlsDir};

/// Runs a script in the directory.
fn shell(keys: &TlsDir, script: &str) {
    let output = Command::new("sh").args(["-e", "-c", script]).current_dir(keys.path()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// Makes the pair `stem` from the key file of that name.
fn certify(keys: &TlsDir, stem: &str) {
    shell(
        keys,
        &format!("openssl req -new -x509 -days 30 -key {stem}.key -out {stem}.crt -config tls.conf -sha256"),
    );
}

/// Copies the pair `server_a` as `stem`, each file after `change`.
fn copy(keys: &TlsDir, stem: &str, change: impl Fn(&str) -> String) {
    for extension in ["key", "crt"] {
        let text = fs::read_to_string(keys.file(&format!("server_a.{extension}"))).unwrap();
        fs::write(keys.file(&format!("{stem}.{extension}")), change(&text)).unwrap();
    }
}

#[test]
fn every_form_of_a_clear_key_loads() {
    let keys = TlsDir::with_pair(Algorithm::P256, "server_a").unwrap();
    for (stem, script) in [
        ("ed25519", "openssl genpkey -algorithm ED25519 -out ed25519.key"),
        ("p384", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384.key"),
        ("parameters", "openssl ecparam -name prime256v1 -genkey -out parameters.key"),
        ("pkcs1", "openssl genrsa -traditional -out pkcs1.key 2048"),
        ("pkcs8_rsa", "openssl genpkey -algorithm RSA -out pkcs8_rsa.key"),
        ("sec1", "openssl ecparam -name prime256v1 -genkey -noout -out sec1.key"),
        ("text", "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -text -out text.key"),
    ] {
        shell(&keys, script);
        certify(&keys, stem);
    }
    let label = |stem: &str| fs::read_to_string(keys.file(&format!("{stem}.key"))).unwrap();
    assert!(label("parameters").starts_with("-----BEGIN EC PARAMETERS-----"));
    assert!(label("sec1").starts_with("-----BEGIN EC PRIVATE KEY-----"));
    assert!(label("pkcs1").starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    copy(&keys, "around", |text| format!("Bag Attributes\n    friendlyName: x\n{text}the end\n"));
    copy(&keys, "byte_order_mark", |text| format!("\u{feff}{text}"));
    copy(&keys, "comment", |text| format!("# UNENCRYPTED, Proc-Type: 4,ENCRYPTED\n{text}"));
    copy(&keys, "crlf", |text| text.replace('\n', "\r\n"));
    copy(&keys, "no_line_end", |text| text.trim_end().to_owned());
    // A file with both serves as either.
    let both = label("server_a") + &fs::read_to_string(keys.file("server_a.crt")).unwrap();
    copy(&keys, "both", |_| both.clone());

    let node = Setup::named("ada").unwrap().tls(keys.path()).start().unwrap();
    let answer = node.ctl().json(&["keys", "ls"]).unwrap();
    let slots = answer["slots"].as_array().unwrap();
    assert_eq!(slots.len(), 14, "{answer}");
    for slot in slots {
        assert_eq!(slot["pair"], true, "{slot}");
    }
}

#[test]
fn an_encrypted_key_needs_its_password() {
    let keys = TlsDir::with_pair(Algorithm::P256, "server_a").unwrap();
    shell(&keys, "openssl pkcs8 -topk8 -passout pass:word -in server_a.key -out encrypted.key");
    fs::copy(keys.file("server_a.crt"), keys.file("encrypted.crt")).unwrap();
    let refusal = Setup::named("ada").unwrap().tls(keys.path()).refusal().unwrap();
    assert!(refusal.contains("encrypted.key: holds an encrypted private key"), "{refusal}");
    let setup = || Setup::named("ada").unwrap().tls(keys.path());
    let refusal = setup().env("MAEL_TLS_KEY_PASSWORD", "other").refusal().unwrap();
    assert!(refusal.contains("encrypted.key") && refusal.contains("does not open it"), "{refusal}");
    drop(setup().env("MAEL_TLS_KEY_PASSWORD", "word").start().unwrap());
    let file = keys.file("environment");
    fs::write(&file, "MAEL_TLS_KEY_PASSWORD=word\n").unwrap();
    drop(setup().flag("--env-file", file.to_str().unwrap()).start().unwrap());
    fs::write(keys.file("encrypted.password"), "word\n").unwrap();
    let node = setup().start().unwrap();
    node.wait_for_log("encrypted.password, which is secret: chmod 600 it").unwrap();
}

#[test]
fn a_key_in_the_traditional_encrypted_form_is_refused_with_the_remedy() {
    let keys = TlsDir::with_pair(Algorithm::P256, "server_a").unwrap();
    shell(&keys, "openssl ec -aes128 -passout pass:word -in server_a.key -out traditional.key");
    fs::copy(keys.file("server_a.crt"), keys.file("traditional.crt")).unwrap();
    let setup = Setup::named("ada").unwrap().tls(keys.path());
    let refusal = setup.env("MAEL_TLS_KEY_PASSWORD", "word").refusal().unwrap();
    assert!(refusal.contains("traditional.key") && refusal.contains("openssl pkcs8 -topk8"), "{refusal}");
}
