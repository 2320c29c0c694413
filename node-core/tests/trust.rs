//! Which certificates parse, and which the policy accepts.

use node_core::crypto::{Digest, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    AcceptedKeys, Anchor, BadCertificate, Certificate, Circumstances, Fingerprint, KeyAlgorithm, MAX_CHAIN,
    Policy, Rejection, TrustedBy,
};
use proptest::prelude::*;

const RSA: &[u8] = include_bytes!("fixtures/rsa.der");
const P256_A: &[u8] = include_bytes!("fixtures/p256_a.der");
const P256_A_RENEWED: &[u8] = include_bytes!("fixtures/p256_a_renewed.der");
const P256_B: &[u8] = include_bytes!("fixtures/p256_b.der");
const P384: &[u8] = include_bytes!("fixtures/p384.der");
const ED25519: &[u8] = include_bytes!("fixtures/ed25519.der");
const EXPIRED: &[u8] = include_bytes!("fixtures/expired.der");
const AGES: &[u8] = include_bytes!("fixtures/ages.der");
const ALL: [&[u8]; 8] = [RSA, P256_A, P256_A_RENEWED, P256_B, P384, ED25519, EXPIRED, AGES];

/// 2026-11-30T12:00:00Z, when all but one of the certificates are valid.
const NOW: Option<WallClock> = Some(WallClock::Reliable(UnixTime(1_796_040_000)));
const IN_2020: UnixTime = UnixTime(1_590_000_000);
const IN_2021: UnixTime = UnixTime(1_620_000_000);

fn sha256(bytes: &[u8]) -> Fingerprint {
    Fingerprint(Software.sha256(&[bytes]))
}

#[test]
fn every_kind_of_key_is_told_apart() {
    let algorithm = |der| Certificate::parse(der).map(|certificate| certificate.algorithm);
    assert_eq!(algorithm(RSA), Ok(KeyAlgorithm::Rsa(2048)));
    assert_eq!(algorithm(P256_A), Ok(KeyAlgorithm::P256));
    assert_eq!(algorithm(P384), Ok(KeyAlgorithm::P384));
    assert_eq!(algorithm(ED25519), Ok(KeyAlgorithm::Ed25519));
}

#[test]
fn the_view_shows_what_openssl_wrote() {
    let certificate = Certificate::parse(EXPIRED).unwrap();
    assert_eq!(certificate.common_name, Some("maelstrom.example.com"));
    assert_eq!(certificate.not_before, UnixTime(1_577_836_800));
    assert_eq!(certificate.not_after, UnixTime(1_609_459_200));
    assert_eq!(certificate.spki.len(), 91);
    assert!(certificate.p256_key().is_some_and(|key| certificate.spki.ends_with(key.as_bytes())));

    let ages = Certificate::parse(AGES).unwrap();
    assert_eq!((ages.not_before, ages.not_after), (UnixTime(0), UnixTime(253_402_300_799)));
}

#[test]
fn a_part_of_a_certificate_is_refused() {
    for der in ALL {
        for len in 0..der.len() {
            assert_eq!(Certificate::parse(&der[..len]), Err(BadCertificate), "{len}");
        }
    }
}

#[test]
fn a_byte_after_the_certificate_is_refused() {
    for der in ALL {
        assert_eq!(Certificate::parse(&[der, &[0]].concat()), Err(BadCertificate));
    }
}

#[test]
fn an_exact_certificate_is_trusted_and_no_other() {
    let anchors = [Anchor::Certificate(sha256(RSA)), Anchor::Certificate(sha256(P256_A))];
    let policy = Policy::new(&anchors, AcceptedKeys::Any);
    let accepted = policy.judge(&[P256_A], &Circumstances::at(NOW), &Software).unwrap();
    assert_eq!((accepted.by, accepted.fingerprint), (TrustedBy::Anchor(1), sha256(P256_A)));
    assert_eq!(accepted.spki, sha256(accepted.certificate.spki));
    for other in [P256_A_RENEWED, P256_B] {
        let rejection = policy.judge(&[other], &Circumstances::at(NOW), &Software).unwrap_err();
        let fingerprint = sha256(other);
        assert!(matches!(rejection, Rejection::Unknown { fingerprint: named, .. } if named == fingerprint));
        assert!(rejection.to_string().contains(&format!("{fingerprint}")), "{rejection}");
        assert!(rejection.to_string().contains("put its .crt into the TLS directory"), "{rejection}");
    }
}

#[test]
fn a_pinned_key_is_trusted_in_every_certificate() {
    let spki = sha256(Certificate::parse(P256_A).unwrap().spki);
    let anchors = [Anchor::Spki(spki)];
    let policy = Policy::new(&anchors, AcceptedKeys::P256);
    for der in [P256_A, P256_A_RENEWED] {
        assert_eq!(
            policy.judge(&[der], &Circumstances::at(NOW), &Software).map(|accepted| accepted.spki),
            Ok(spki)
        );
    }
    assert!(policy.judge(&[P256_B], &Circumstances::at(NOW), &Software).is_err());
}

#[test]
fn the_kinds_of_fingerprint_do_not_stand_for_each_other() {
    let spki = sha256(Certificate::parse(P256_A).unwrap().spki);
    for anchors in [[Anchor::Certificate(spki)], [Anchor::Spki(sha256(P256_A))]] {
        let result =
            Policy::new(&anchors, AcceptedKeys::Any).judge(&[P256_A], &Circumstances::at(NOW), &Software);
        assert!(matches!(result, Err(Rejection::Unknown { .. })));
    }
}

#[test]
fn only_the_first_certificate_of_a_chain_counts() {
    let anchors = [Anchor::Certificate(sha256(P256_A))];
    let policy = Policy::new(&anchors, AcceptedKeys::Any);
    assert!(policy.judge(&[P256_A, P256_B], &Circumstances::at(NOW), &Software).is_ok());
    assert!(policy.judge(&[P256_B, P256_A], &Circumstances::at(NOW), &Software).is_err());
    assert!(policy.judge(&[P256_A; MAX_CHAIN], &Circumstances::at(NOW), &Software).is_ok());
    assert_eq!(
        policy.judge(&[P256_A; MAX_CHAIN + 1], &Circumstances::at(NOW), &Software),
        Err(Rejection::ChainTooLong)
    );
    assert_eq!(policy.judge(&[], &Circumstances::at(NOW), &Software), Err(Rejection::NoCertificate));
}

#[test]
fn without_anchors_no_certificate_is_accepted() {
    for der in ALL {
        assert!(
            Policy::new(&[], AcceptedKeys::Any).judge(&[der], &Circumstances::at(NOW), &Software).is_err()
        );
    }
}

#[test]
fn dates_are_judged_as_far_as_the_clock_is_known() {
    let anchors = [Anchor::Certificate(sha256(EXPIRED)), Anchor::Certificate(sha256(P256_A))];
    let policy = Policy::new(&anchors, AcceptedKeys::Any);
    let judge = |der, clock| policy.judge(&[der], &Circumstances::at(clock), &Software).map(|_| ());
    let fingerprint = sha256(EXPIRED);
    let expired = Err(Rejection::Expired { fingerprint, not_after: UnixTime(1_609_459_200) });

    assert_eq!(judge(EXPIRED, Some(WallClock::Reliable(IN_2020))), Ok(()));
    assert_eq!(judge(EXPIRED, Some(WallClock::NotBefore(IN_2020))), Ok(()));
    assert_eq!(judge(EXPIRED, Some(WallClock::Reliable(UnixTime(1_609_459_200)))), Ok(()));
    assert_eq!(judge(EXPIRED, Some(WallClock::Reliable(IN_2021))), expired);
    assert_eq!(judge(EXPIRED, Some(WallClock::NotBefore(IN_2021))), expired);
    assert_eq!(judge(EXPIRED, None), Err(Rejection::NoClock { fingerprint }));

    assert!(matches!(judge(P256_A, Some(WallClock::Reliable(IN_2021))), Err(Rejection::NotYetValid { .. })));
    assert_eq!(judge(P256_A, Some(WallClock::NotBefore(IN_2021))), Ok(()));
}

#[test]
fn the_text_of_an_expired_certificate_names_the_day() {
    let anchors = [Anchor::Certificate(sha256(EXPIRED))];
    let rejection = Policy::new(&anchors, AcceptedKeys::Any)
        .judge(&[EXPIRED], &Circumstances::at(NOW), &Software)
        .unwrap_err();
    assert!(rejection.to_string().contains("expired at 2021-01-01T00:00:00Z"), "{rejection}");
}

#[test]
fn a_board_refuses_keys_that_it_cannot_verify() {
    let anchors = [Anchor::Certificate(sha256(RSA)), Anchor::Certificate(sha256(P384))];
    let policy = Policy::new(&anchors, AcceptedKeys::P256);
    let result = policy.judge(&[RSA], &Circumstances::at(NOW), &Software);
    let algorithm = KeyAlgorithm::Rsa(2048);
    assert_eq!(result, Err(Rejection::UnsupportedKey { fingerprint: sha256(RSA), algorithm }));
    assert!(matches!(
        policy.judge(&[P384], &Circumstances::at(NOW), &Software),
        Err(Rejection::UnsupportedKey { .. })
    ));
}

#[test]
fn bytes_that_are_no_certificate_are_named() {
    let junk = b"junk".as_slice();
    let result = Policy::new(&[], AcceptedKeys::Any).judge(&[junk], &Circumstances::at(NOW), &Software);
    assert_eq!(result, Err(Rejection::Malformed { fingerprint: sha256(junk) }));
}

#[test]
fn a_fingerprint_reads_back() {
    let fingerprint = sha256(RSA);
    let text = fingerprint.to_string();
    assert_eq!(text.parse(), Ok(fingerprint));
    assert_eq!(text["sha256:".len()..].to_uppercase().parse(), Ok(fingerprint));
    for bad in ["", "sha256:", &text[1..], &text[..70], &text.replace(':', "+"), &format!("{text}0")] {
        assert!(bad.parse::<Fingerprint>().is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = Certificate::parse(&bytes);
    }

    #[test]
    fn mutated_certificates_never_panic_nor_pass_as_the_original(
        which in 0..ALL.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let original = ALL[which];
        let mut der = original.to_vec();
        for (at, byte) in edits {
            let at = at.index(der.len());
            der[at] = byte;
        }
        let _ = Certificate::parse(&der);
        let anchors = [Anchor::Certificate(sha256(original))];
        let result = Policy::new(&anchors, AcceptedKeys::Any).judge(&[&der], &Circumstances::at(NOW), &Software);
        prop_assert!(result.is_err() || der == original);
    }
}
