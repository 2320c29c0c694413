//! The files of a slot: chains, keys beside certificates in one file, passwords, and who may write them.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;

use node_std::tls::settings::{PairSource, Pem, TlsSettings};
use node_std::tls::{KeyPassword, Keyring, TlsError};

use rustls::SignatureScheme;

use crate::pki::{P256, Pki, RSA};

fn open(pki: &Pki, password: Option<&str>) -> Result<Arc<Keyring>, TlsError> {
    let password = password.map(|password| KeyPassword::new(password.as_bytes()));
    Keyring::open_with(TlsSettings { password, ..TlsSettings::directory(pki.dir()) })
}

/// The text of the refusal. It begins with the file.
fn refusal(pki: &Pki, file: &str, password: Option<&str>) -> String {
    let Err(error) = open(pki, password) else { panic!("{file} was accepted") };
    let text = error.to_string();
    assert!(text.starts_with(pki.path(file).to_str().unwrap()), "{text}");
    text
}

/// The slots, a pair with a star behind its name.
fn slots(pki: &Pki) -> Vec<String> {
    let star = |pair| if pair { "*" } else { "" };
    let keyring = open(pki, None).unwrap();
    keyring.slots().iter().map(|slot| format!("{}{}", slot.name, star(slot.has_key))).collect()
}

fn text(pki: &Pki, file: &str) -> String {
    fs::read_to_string(pki.path(file)).unwrap()
}

fn chmod(pki: &Pki, file: &str, mode: u32) {
    fs::set_permissions(pki.path(file), Permissions::from_mode(mode)).unwrap();
}

/// Encrypts the key of `a` with the password `secret`.
fn encrypt(pki: &Pki) {
    pki.openssl(&["pkey", "-aes256", "-passout", "pass:secret", "-in", "a.key", "-out", "new"]);
    pki.mv("new", "a.key");
}

#[test]
fn a_pem_file_holds_a_chain_or_a_pair() {
    let pki = Pki::new(&["a", "b", "c", "d"]);
    // The key first, as some tools write it; the certificate first; the certificate alone; beside its key.
    fs::write(pki.path("a.pem"), text(&pki, "a.key") + &text(&pki, "a.crt")).unwrap();
    fs::write(pki.path("b.pem"), text(&pki, "b.crt") + &text(&pki, "b.key")).unwrap();
    for file in ["a.crt", "a.key", "b.crt", "b.key", "c.key"] {
        fs::remove_file(pki.path(file)).unwrap();
    }
    pki.mv("c.crt", "c.pem");
    pki.mv("d.crt", "d.pem");
    assert_eq!(slots(&pki), ["a*", "b*", "c", "d*"]);
}

#[test]
fn a_crt_that_holds_its_key_is_a_pair() {
    let pki = Pki::new(&["a", "b"]);
    fs::write(pki.path("b.crt"), text(&pki, "b.crt") + &text(&pki, "b.key")).unwrap();
    fs::remove_file(pki.path("b.key")).unwrap();
    assert_eq!(slots(&pki), ["a*", "b*"]);
    // A key of its own comes before the one within.
    fs::write(pki.path("a.crt"), text(&pki, "a.crt") + &text(&pki, "b.crt")).unwrap();
    assert_eq!(slots(&pki), ["a*", "b*"]);
    // The first certificate is the slot's, and the key belongs to the second one.
    let (first, both) = (text(&pki, "a.crt"), text(&pki, "b.crt"));
    fs::write(pki.path("b.crt"), first + &both).unwrap();
    assert!(refusal(&pki, "b.crt", None).contains("put the node's own certificate first"));
}

#[test]
fn a_crt_and_a_pem_of_one_name_are_refused_together() {
    let pki = Pki::new(&["a"]);
    fs::copy(pki.path("a.crt"), pki.path("a.pem")).unwrap();
    assert!(refusal(&pki, "a.pem", None).contains("a.pem and a.crt name the same slot: remove"));
}

#[test]
fn a_password_opens_a_key_from_its_file_or_for_all() {
    let pki = Pki::new(&["a"]);
    encrypt(&pki);
    assert!(open(&pki, Some("secret")).is_ok());
    let missing = refusal(&pki, "a.key", None);
    assert!(missing.contains(".password") && missing.contains("MAEL_TLS_KEY_PASSWORD"), "{missing}");
    assert!(refusal(&pki, "a.key", Some("wrong")).contains("does not open it"));
    for line in ["secret", "secret\n", "secret\r\n"] {
        fs::write(pki.path("a.password"), line).unwrap();
        // It comes before the one for all.
        assert!(open(&pki, Some("wrong")).is_ok(), "{line:?}");
    }
    fs::write(pki.path("a.password"), "wrong").unwrap();
    assert!(refusal(&pki, "a.key", Some("secret")).contains("does not open it"));
    for text in ["\n".to_owned(), "one\ntwo\n".to_owned(), "x".repeat(1025)] {
        fs::write(pki.path("a.password"), text).unwrap();
        assert!(refusal(&pki, "a.password", None).contains("on its one line"));
    }
    // Its slot is gone, and it makes none.
    fs::write(pki.path("b.password"), "secret").unwrap();
    fs::write(pki.path("a.password"), "secret").unwrap();
    assert_eq!(slots(&pki), ["a*"]);
}

#[test]
fn the_traditional_form_of_encryption_is_refused_with_the_command_that_converts_it() {
    let pki = Pki::new(&["a"]);
    let encrypt =
        ["pkey", "-traditional", "-aes256", "-passout", "pass:secret", "-in", "a.key", "-out", "new"];
    pki.openssl(&encrypt);
    pki.mv("new", "a.key");
    assert!(refusal(&pki, "a.key", Some("secret")).contains("openssl pkcs8 -topk8"));
}

#[test]
fn nobody_else_may_write_the_directory_or_a_file_of_a_slot() {
    for mode in [0o020, 0o002] {
        let pki = Pki::new(&["a"]);
        fs::write(pki.path("a.password"), "unused").unwrap();
        let keyring = open(&pki, None).unwrap();
        for file in ["a.key", "a.crt", "a.password"] {
            chmod(&pki, file, 0o600 | mode);
            assert!(refusal(&pki, file, None).contains("chmod go-w"));
            // The same at a reload, and the last good keyring stays.
            assert!(keyring.reload().is_err());
            chmod(&pki, file, 0o600);
        }
        fs::set_permissions(pki.dir(), Permissions::from_mode(0o755 | mode)).unwrap();
        let text = keyring.reload().unwrap_err().to_string();
        assert!(text.starts_with("TLS directory") && text.contains("chmod go-w"), "{text}");
        fs::set_permissions(pki.dir(), Permissions::from_mode(0o755)).unwrap();
        assert!(keyring.reload().is_ok());
    }
}

#[test]
fn links_as_kubernetes_makes_them_are_followed_through_a_swap() {
    let pki = Pki::new(&[]);
    let make = |version: &str| {
        fs::create_dir(pki.path(version)).unwrap();
        pki.make(&format!("{version}/tls"), P256);
    };
    make("..1");
    symlink("..1", pki.path("..data")).unwrap();
    for file in ["tls.crt", "tls.key"] {
        symlink(format!("..data/{file}"), pki.path(file)).unwrap();
    }
    let keyring = open(&pki, None).unwrap();
    let first = keyring.active();
    make("..2");
    symlink("..2", pki.path("..data_tmp")).unwrap();
    pki.mv("..data_tmp", "..data");
    assert!(keyring.reload().unwrap());
    assert_ne!(keyring.active(), first);
    // A right to the target counts, not one to the link.
    chmod(&pki, "..2/tls.key", 0o666);
    assert!(keyring.reload().unwrap_err().to_string().contains("tls.key: other users"));
}

#[test]
fn of_several_pairs_a_peer_is_shown_the_first_that_it_can_verify() {
    let pki = Pki::new(&[]);
    pki.make("first", RSA);
    pki.make("second", P256);
    let source = |name: &str| PairSource {
        certificate: Pem::File(pki.path(&format!("{name}.crt"))),
        key: Some(Pem::File(pki.path(&format!("{name}.key")))),
        password: None,
    };
    let pairs = vec![source("first"), source("second")];
    let keyring = Keyring::open_with(TlsSettings { pairs, ..TlsSettings::default() }).unwrap();
    let slots = keyring.slots();
    let shown = |schemes: &[SignatureScheme]| {
        let certificate = keyring.server_config_for(schemes).certificate;
        slots.iter().find(|slot| slot.certificate == certificate).unwrap().name.to_string()
    };
    let (rsa, p256) = (SignatureScheme::RSA_PSS_SHA256, SignatureScheme::ECDSA_NISTP256_SHA256);
    assert_eq!((keyring.active().name.as_str(), shown(&[p256, rsa]).as_str()), ("first", "first"));
    assert_eq!(shown(&[p256]), "second", "a board");
    assert_eq!(shown(&[]), "first", "the library says why nothing fits");
}
