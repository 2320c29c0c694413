//! Certificates and chains that are made to take work, or to be misread.

use node_core::crypto::{Digest, Software};
use node_core::trust::{Certificate, Fingerprint, MAX_CHAIN, Policy, Rejection};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SanType};
use rustls::pki_types::CertificateDer;

use crate::authority::{Ca, Known, judge, refusal};

#[test]
fn thousands_of_names_are_read_and_none_is_overlooked() {
    let root = Ca::root("root");
    let shown = root.sign(|params| {
        let names =
            (0..3000).map(|number| SanType::DnsName(format!("n{number}.example.com").try_into().unwrap()));
        params.subject_alt_names = names.collect();
    });
    assert!(shown[0].len() > 48 * 1024);
    let certificate = Certificate::parse(&shown[0]).unwrap();
    assert_eq!((certificate.names().count(), certificate.user_name()), (3000, Some("n0.example.com")));
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    assert!(judge(&policy, &shown, Known::ACCEPTED).is_ok());
    // The library reads no certificate of more than 64 KiB.
    let huge = root.sign(|params| {
        let names =
            (0..4000).map(|number| SanType::DnsName(format!("n{number}.example.com").try_into().unwrap()));
        params.subject_alt_names = names.collect();
    });
    assert!(refusal(&policy, &huge, Known::ACCEPTED).contains("cannot be read"));
}

#[test]
fn a_chain_that_is_too_long_or_runs_in_a_circle_ends() {
    let root = Ca::root("root");
    let mut inner = root.intermediate("i0");
    for number in 1..MAX_CHAIN {
        inner = inner.intermediate(&format!("i{number}"));
    }
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let shown = inner.sign(|_| ());
    assert_eq!(judge(&policy, &shown, Known::ACCEPTED), Err(Rejection::ChainTooLong));
    let said = refusal(&policy, &shown[..MAX_CHAIN], Known::ACCEPTED);
    assert!(said.contains("too many intermediates"), "{said}");

    // Two CAs that signed each other, and no root.
    let (a, b) = (Ca::root("a"), Ca::root("b"));
    let cross = |name: &str, key: &KeyPair, by: &Ca| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.signed_by(key, &by.issuer).unwrap().der().clone()
    };
    let circle = [cross("a", a.issuer.key(), &b), cross("b", b.issuer.key(), &a)];
    let shown: Vec<CertificateDer<'_>> = a.sign(|_| ()).into_iter().chain(circle).collect();
    assert!(refusal(&policy, &shown, Known::ACCEPTED).contains("unknown authority"));
}

#[test]
fn a_byte_of_the_signed_part_that_changes_is_noticed_or_makes_it_unreadable() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let shown = root.sign(|_| ());
    for index in 0..shown[0].len() {
        let mut der = shown[0].to_vec();
        der[index] ^= 0x01;
        let changed = [CertificateDer::from(der)];
        assert!(judge(&policy, &changed, Known::ACCEPTED).is_err(), "byte {index}");
    }
}

#[test]
fn what_a_peer_shows_after_its_certificate_cannot_harm_it_or_help_it() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let junk = [CertificateDer::from(vec![0x30; 16 * 1024]), CertificateDer::from(Vec::new())];
    let shown: Vec<CertificateDer<'_>> = root.sign(|_| ()).into_iter().chain(junk.clone()).collect();
    // webpki passes over what is no certificate, or refuses it; it never trusts because of it.
    let fingerprint = Fingerprint(Software.sha256(&[&shown[0]]));
    match judge(&policy, &shown, Known::ACCEPTED) {
        Ok(_) => {}
        Err(error) => assert!(error.to_string().contains(&fingerprint.to_string()), "{error}"),
    }
    let stranger = Ca::root("other").sign(|_| ());
    let shown: Vec<CertificateDer<'_>> = stranger.into_iter().chain(junk).collect();
    assert!(judge(&policy, &shown, Known::ACCEPTED).is_err());
}
