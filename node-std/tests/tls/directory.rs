//! Reading a TLS directory: accepted content, refused content and the texts of the refusals.

use std::fs;
use std::os::unix::fs::symlink;

use node_core::crypto::{Sign, Software, Verify};
use node_core::keys::Bundle;
use node_core::trust::{Certificate, KeyAlgorithm};
use node_std::tls::{Keyring, TlsError, read_bundle, read_operator};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::pki::{ED25519, P256, P384, Pki, RSA};

/// Checks that `pki` cannot be opened and that the error names `file` and holds all of `words`.
fn refused(pki: &Pki, file: &str, words: &[&str]) {
    let Err(error) = Keyring::open(pki.dir()) else { panic!("{file} was accepted") };
    let text = error.to_string();
    assert!(text.starts_with(pki.path(file).to_str().unwrap()), "{text}");
    for word in words {
        assert!(text.contains(word), "{text}");
    }
}

fn refused_as_a_whole(pki: &Pki, words: &[&str]) {
    let Err(error) = Keyring::open(pki.dir()) else { panic!("the directory was accepted") };
    assert!(matches!(error, TlsError::Directory { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains(pki.dir().to_str().unwrap()), "{text}");
    for word in words {
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn the_recipe_makes_a_keyring_with_a_active() {
    let pki = Pki::new(&[]);
    for stem in ["server_c", "server_a", "server_b"] {
        pki.make(stem, RSA);
    }
    let keyring = Keyring::open(pki.dir()).unwrap();
    let names: Vec<_> = keyring.slots().iter().map(|slot| slot.name.to_string()).collect();
    assert_eq!(names, ["server_a", "server_b", "server_c"]);
    assert_eq!(keyring.active(), keyring.slots()[0]);
    assert_eq!(keyring.active().algorithm, KeyAlgorithm::Rsa(2048));
    assert!(keyring.slots().iter().all(|slot| slot.has_key));
}

#[test]
fn every_usual_kind_of_key_is_taken() {
    let pki = Pki::new(&[]);
    pki.make("a", P256);
    pki.make("b", P384);
    pki.make("c", ED25519);
    pki.openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-out", "d.key"]);
    pki.openssl(&["req", "-new", "-x509", "-key", "d.key", "-out", "d.crt", "-config", "../tls.conf"]);
    let algorithms: Vec<_> =
        Keyring::open(pki.dir()).unwrap().slots().iter().map(|slot| slot.algorithm).collect();
    use KeyAlgorithm::{Ed25519, P256 as Board, P384 as Larger};
    assert_eq!(algorithms, [Board, Larger, Ed25519, Board]);
}

#[test]
fn a_certificate_alone_is_trusted_only() {
    let pki = Pki::new(&["a", "b"]);
    fs::remove_file(pki.path("a.key")).unwrap();
    let keyring = Keyring::open(pki.dir()).unwrap();
    assert_eq!(keyring.active().name.as_str(), "b");
    assert!(keyring.slots().iter().any(|slot| slot.name.as_str() == "a" && !slot.has_key));
}

#[test]
fn other_and_hidden_files_are_skipped_and_links_followed() {
    let pki = Pki::new(&["b"]);
    for file in ["README", "tls.conf", ".a.crt", ".a.key", "a.crt.swp", ".key", ".a.pem"] {
        fs::write(pki.path(file), "no PEM").unwrap();
    }
    fs::create_dir(pki.path("old")).unwrap();
    symlink("b.crt", pki.path("c.crt")).unwrap();
    let names: Vec<_> =
        Keyring::open(pki.dir()).unwrap().slots().iter().map(|slot| slot.name.to_string()).collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn a_certificate_of_version_1_is_named_with_the_remedy() {
    let pki = Pki::new(&["b"]);
    let request = [&["req", "-new"], P256, &["-nodes", "-config", "../tls.conf"]].concat();
    pki.openssl(&[&request[..], &["-keyout", "a.key", "-out", "request.csr"]].concat());
    pki.openssl(&["x509", "-req", "-in", "request.csr", "-signkey", "a.key", "-out", "a.crt"]);
    let error = Keyring::open(pki.dir()).err().unwrap().to_string();
    assert!(error.contains("a.crt") && error.contains("(UnsupportedCertVersion)"), "{error}");
    assert!(error.contains("X.509 version 3"), "{error}");
}

#[test]
fn the_first_of_several_certificates_is_the_slots() {
    let pki = Pki::new(&["a", "z"]);
    let chain = [fs::read(pki.path("a.crt")).unwrap(), fs::read(pki.path("z.crt")).unwrap()].concat();
    let alone = Keyring::open(pki.dir()).unwrap().active();
    fs::write(pki.path("a.crt"), chain).unwrap();
    fs::remove_file(pki.path("z.crt")).unwrap();
    fs::remove_file(pki.path("z.key")).unwrap();
    let keyring = Keyring::open(pki.dir()).unwrap();
    assert_eq!((keyring.active(), keyring.slots().len()), (alone, 1));
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let pki = Pki::new(&["a", "b"]);
    fs::copy(pki.path("a.key"), pki.path("b.key")).unwrap();
    refused(&pki, "b.key", &["does not match the public key of the certificate"]);
}

#[test]
fn a_key_without_a_certificate_is_refused() {
    let pki = Pki::new(&["a", "b"]);
    fs::remove_file(pki.path("b.crt")).unwrap();
    refused(&pki, "b.key", &["no .crt or .pem of the same name"]);
}

#[test]
fn half_written_files_are_refused() {
    for file in ["a.crt", "a.key"] {
        let pki = Pki::new(&["a"]);
        let whole = fs::read(pki.path(file)).unwrap();
        fs::write(pki.path(file), &whole[..whole.len() / 2]).unwrap();
        refused(&pki, file, &["stops in the middle", "copy it again"]);
        fs::write(pki.path(file), "").unwrap();
        refused(&pki, file, &["is empty", "copy it again"]);
        fs::write(pki.path(file), "no PEM").unwrap();
        refused(&pki, file, &["in PEM"]);
    }
}

#[test]
fn a_damaged_key_is_refused_without_being_shown() {
    let pki = Pki::new(&["a"]);
    let pem = fs::read_to_string(pki.path("a.key")).unwrap();
    let line = pem.lines().nth(1).unwrap();
    fs::write(pki.path("a.key"), pem.replace(&line[..8], "!\u{7}-----BE")).unwrap();
    let Err(error) = Keyring::open(pki.dir()) else { panic!("accepted") };
    assert!(!format!("{error} {error:?}").contains(&line[8..]), "{error:?}");
    refused(&pki, "a.key", &["copy it again"]);
}

#[test]
fn files_that_cannot_be_read_are_named() {
    let pki = Pki::new(&["a"]);
    symlink("nowhere", pki.path("b.crt")).unwrap();
    refused(&pki, "b.crt", &["cannot be read"]);
    fs::remove_file(pki.path("b.crt")).unwrap();
    fs::create_dir(pki.path("b.crt")).unwrap();
    refused(&pki, "b.crt", &["not a regular file"]);
    fs::remove_dir(pki.path("b.crt")).unwrap();
    fs::write(pki.path("b.crt"), vec![b'x'; (1 << 20) + 1]).unwrap();
    refused(&pki, "b.crt", &["longer than 1 MiB"]);
}

#[test]
fn a_stem_that_is_no_name_is_refused() {
    let pki = Pki::new(&["a"]);
    fs::copy(pki.path("a.crt"), pki.path("my key.crt")).unwrap();
    refused(&pki, "my key.crt", &["rename it"]);
}

#[test]
fn a_certificate_that_the_tls_library_cannot_read_is_refused() {
    let pki = Pki::new(&["a"]);
    let ancient = ["x509", "-req", "-signkey", "a.key", "-in", "a.csr", "-out", "a.crt"];
    pki.openssl(&["req", "-new", "-key", "a.key", "-config", "../tls.conf", "-out", "a.csr"]);
    pki.openssl(&ancient);
    refused(&pki, "a.crt", &["cannot be used", "X.509 version 3"]);
}

#[test]
fn directories_without_a_keyring_are_refused() {
    let pki = Pki::new(&[]);
    refused_as_a_whole(&pki, &["is empty", "server_a.crt"]);
    pki.make("a", P256);
    fs::remove_file(pki.path("a.key")).unwrap();
    refused_as_a_whole(&pki, &["no pair", "server_a.key"]);
    for n in 0..64 {
        fs::copy(pki.path("a.crt"), pki.path(&format!("s{n}.crt"))).unwrap();
    }
    refused_as_a_whole(&pki, &["more than 64 slots"]);
    fs::remove_dir_all(pki.dir()).unwrap();
    refused_as_a_whole(&pki, &["cannot be listed", "create it"]);
}

#[test]
fn a_directory_of_p256_keys_becomes_a_bundle_for_boards() {
    let pki = Pki::new(&["a", "b"]);
    pki.openssl(&["ec", "-in", "a.key", "-out", "sec1.pem"]);
    pki.mv("sec1.pem", "a.key");
    pki.make("c", P256);
    fs::remove_file(pki.path("c.key")).unwrap();
    let keyring = read_bundle(&pki.dir()).unwrap();
    let Ok(bundle) = Bundle::decode(&keyring.bundle) else { panic!("it decodes") };
    let infos = bundle.validate(&Software).unwrap();
    assert_eq!(infos.as_slice(), keyring.slots);
    assert_eq!(infos.as_slice(), Keyring::open(pki.dir()).unwrap().slots());
}

#[test]
fn a_directory_of_rsa_keys_is_refused_for_boards() {
    let pki = Pki::new(&["a"]);
    pki.make("b", RSA);
    let text = read_bundle(&pki.dir()).unwrap_err().to_string();
    assert!(text.contains("slot b: the key is RSA-2048, but boards need P-256 keys"), "{text}");
}

#[test]
fn an_operator_seals_with_the_active_pair() {
    let pki = Pki::new(&["b"]);
    pki.make("c", RSA);
    let operator = read_operator(&pki.dir()).unwrap();
    assert_eq!(operator.slot, Keyring::open(pki.dir()).unwrap().active());
    let der = fs::read(pki.path("b.crt")).unwrap();
    let der = CertificateDer::from_pem_slice(&der).unwrap();
    let key = Certificate::parse(&der).unwrap().p256_key().unwrap();
    let signature = operator.signer.sign(b"message").unwrap();
    assert_eq!(Software.verify(key.as_bytes(), b"message", &signature), Ok(()));
    assert!(!format!("{operator:?}").contains("signer"));
}

#[test]
fn an_operator_needs_a_key_whose_signatures_boards_can_check() {
    for (stem, key, kind) in [("a", RSA, "RSA-2048"), ("b", P384, "P-384"), ("c", ED25519, "Ed25519")] {
        let pki = Pki::new(&[]);
        pki.make(stem, key);
        let text = read_operator(&pki.dir()).unwrap_err().to_string();
        assert!(text.contains(&format!("the active pair {stem} is {kind}, but boards check only")), "{text}");
    }
}
