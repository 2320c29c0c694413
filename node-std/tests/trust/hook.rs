//! A custom verifier: what it is asked, in which order, and what its answers do.

use node_core::crypto::{Digest, SOFTWARE_ALGORITHMS, Software};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{
    Accepted, Anchor, Circumstances, Fingerprint, MAX_CHAIN, Names, Policy, Rejection, Revocation, TrustedBy,
    Usage, VerifyAnswer, VerifyEvent, VerifyHook,
};
use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, KeyPair, PKCS_ED25519, date_time_ymd,
};
use rustls::pki_types::{CertificateDer, ServerName};

use crate::authority::{Ca, NOW};

/// Keeps what it was asked, and answers by a rule.
struct Recorder<A> {
    events: Vec<String>,
    answer: A,
}

impl<A: FnMut(&str) -> bool> VerifyHook for Recorder<A> {
    fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
        let event = match event {
            VerifyEvent::Valid(issuer) => format!("valid {}", issuer.common_name.unwrap()),
            VerifyEvent::ValidPeer(peer) => format!("valid_peer {}", peer.common_name.unwrap()),
            VerifyEvent::Bad { certificate, rejection } => {
                assert_eq!(certificate.common_name, Some("node"));
                format!("bad {rejection}")
            }
            _ => unreachable!(),
        };
        let accept = (self.answer)(&event);
        self.events.push(event);
        if accept { VerifyAnswer::Accept } else { VerifyAnswer::Refuse("not today") }
    }
}

/// Judges with a hook that answers so. Returns the outcome and what the hook was asked.
fn ask<'c>(
    policy: &Policy<'_>,
    shown: &'c [CertificateDer<'_>],
    dialled: Option<&str>,
    answer: impl FnMut(&str) -> bool,
) -> (Result<Accepted<'c>, Rejection>, Vec<String>) {
    let chain: Vec<&[u8]> = shown.iter().map(AsRef::as_ref).collect();
    let dialled = dialled.map(|name| ServerName::try_from(name).unwrap());
    let clock = Some(WallClock::Reliable(NOW));
    let circumstances = Circumstances { clock, dialled: dialled.as_ref(), algorithms: SOFTWARE_ALGORITHMS };
    let mut hook = Recorder { events: Vec::new(), answer };
    let outcome = policy.judge_with(&chain, &circumstances, &Software, &mut hook);
    (outcome, hook.events)
}

fn expired(params: &mut CertificateParams) {
    params.not_after = date_time_ymd(2025, 1, 1);
}

/// An extension that nobody knows.
fn critical(params: &mut CertificateParams) {
    let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
    extension.set_criticality(true);
    params.custom_extensions.push(extension);
}

#[test]
fn the_path_comes_from_the_ca_and_the_peer_comes_last() {
    let root = Ca::root("root");
    let shown = root.intermediate("inner").intermediate("innermost").sign(|_| ());
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let all = ["valid inner", "valid innermost", "valid_peer node"];
    let (outcome, events) = ask(&policy, &shown, None, |_| true);
    assert_eq!((outcome.unwrap().by, events), (TrustedBy::Authority(0), all.map(str::to_owned).to_vec()));
    // The first refusal ends it.
    for (index, refused) in all.iter().enumerate() {
        let (outcome, events) = ask(&policy, &shown, None, |event| event != *refused);
        let Err(Rejection::Hook { reason, .. }) = outcome else { panic!("{outcome:?}") };
        assert_eq!((reason, &events[..]), ("not today", &all.map(str::to_owned)[..=index]));
    }
    // Whom an anchor names has no path.
    let anchors = [Anchor::Certificate(Fingerprint(Software.sha256(&[&shown[0]])))];
    let policy = Policy { anchors: &anchors, ..Policy::default() };
    assert_eq!(ask(&policy, &shown, None, |_| true).1, ["valid_peer node"]);
    assert!(ask(&policy, &shown, None, |_| false).0.is_err());
}

#[test]
fn a_hook_keeps_its_state() {
    let root = Ca::root("root");
    let (authorities, shown) = ([root.authority()], root.sign(|_| ()));
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let mut left = 2;
    let outcomes = [(); 3].map(|()| {
        let twice = |_: &str| {
            left -= 1;
            left >= 0
        };
        ask(&policy, &shown, None, twice).0.is_ok()
    });
    assert_eq!(outcomes, [true, true, false]);
}

#[test]
fn an_error_that_is_accepted_lifts_its_rule_alone() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let names = [ServerName::try_from("other.example.com").unwrap()];
    let pin = [Anchor::Spki(Fingerprint([1; 32]))];
    let client = |params: &mut CertificateParams| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    };
    let young = |params: &mut CertificateParams| params.not_before = date_time_ymd(2030, 1, 1);
    let ed25519 = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let two = root.intermediate("inner").sign(|_| ());
    for (policy, shown, error) in [
        (policy, root.sign(expired), "expired at 2025"),
        (policy, root.sign(young), "valid only from 2030"),
        (Policy { usage: Usage::SERVER, ..policy }, root.sign(client), "extended key usage"),
        (Policy { depth: 0, ..policy }, two, "too many intermediates"),
        (Policy { revocation: Revocation::Chain(&[]), ..policy }, root.sign(|_| ()), "not known (crl_check)"),
        (Policy { names: Names::Dialled, ..policy }, root.sign(|_| ()), "not for the name that was dialled"),
        (Policy { names: Names::OneOf(&names), ..policy }, root.sign(|_| ()), "none of the names"),
        (Policy { pinned: &pin, ..policy }, root.sign(|_| ()), "not pinned"),
        (
            Policy { keys: node_core::trust::AcceptedKeys::Ec, ..policy },
            root.sign_key(&ed25519, |_| ()),
            "ec_only",
        ),
    ] {
        let dialled = Some("elsewhere.example.com");
        let (outcome, events) = ask(&policy, &shown, dialled, |_| true);
        let outcome = outcome.unwrap();
        // A CA still vouches for it.
        assert_eq!(outcome.by, TrustedBy::Authority(0), "{error}");
        assert!(outcome.until >= NOW, "{error}");
        assert!(events[0].contains(error) && events[0].starts_with("bad "), "{events:?}");
        assert_eq!(events.iter().filter(|event| event.starts_with("bad ")).count(), 1, "{events:?}");
        assert_eq!(events.last().unwrap(), "valid_peer node");
        // An error that is not accepted stays the reason.
        let (outcome, events) = ask(&policy, &shown, dialled, |event| !event.starts_with("bad "));
        assert!(outcome.unwrap_err().to_string().contains(error));
        assert_eq!(events.len(), 1);
        // To accept an error is not to accept the peer.
        let (outcome, _) = ask(&policy, &shown, dialled, |event| event.starts_with("bad "));
        assert!(matches!(outcome, Err(Rejection::Hook { .. })), "{outcome:?}");
    }
}

#[test]
fn a_forged_certificate_does_not_come_in_because_it_has_expired() {
    let (root, twin) = (Ca::root("root"), Ca::root("root"));
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    // Whoever reads that expired certificates are accepted makes one.
    let forged = twin.sign(expired);
    let (outcome, events) = ask(&policy, &forged, None, |event| event.contains("expired"));
    assert!(outcome.unwrap_err().to_string().contains("is not by the CA of that name"));
    assert_eq!(events.len(), 2, "{events:?}");
    let honest = root.sign(expired);
    let (outcome, _) =
        ask(&policy, &honest, None, |event| event.contains("expired") || event.starts_with("valid"));
    assert_eq!(outcome.unwrap().until, UnixTime(NOW.0 + 60));
    // The dates of its issuers are another matter.
    let ended = Ca::root_with("root", |params| params.not_after = date_time_ymd(2025, 6, 1));
    let authorities = [ended.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let late = ended.sign(expired);
    let (outcome, events) = ask(&policy, &late, None, |event| !event.contains("an issuer"));
    assert!(outcome.is_err() && events.last().unwrap().contains("an issuer expired"), "{events:?}");
}

#[test]
fn without_a_path_nobody_but_the_hook_vouches() {
    let (root, twin, stranger) = (Ca::root("root"), Ca::root("root"), Ca::root("stranger"));
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    for (policy, shown, error) in [
        (policy, stranger.sign(|_| ()), "unknown authority"),
        (policy, twin.sign(|_| ()), "not by the CA of that name"),
        (policy, root.sign(critical), "critical extension"),
        (Policy::default(), root.sign(|_| ()), "put its .crt into the TLS directory"),
    ] {
        let (outcome, events) = ask(&policy, &shown, None, |_| true);
        assert_eq!(outcome.unwrap().by, TrustedBy::Hook, "{error}");
        assert!(events[0].contains(error) && events.len() == 2, "{events:?}");
        // The other rules hold all the same.
        let policy = Policy { names: Names::Dialled, ..policy };
        let only = |event: &str| event.contains(error) || event.starts_with("valid");
        let (outcome, _) = ask(&policy, &shown, Some("elsewhere.example.com"), only);
        assert!(matches!(outcome, Err(Rejection::OtherName { .. })), "{outcome:?}");
    }
}

#[test]
fn an_unknown_critical_extension_can_be_read() {
    struct Reader(Vec<u8>);
    impl VerifyHook for Reader {
        fn check(&mut self, event: &VerifyEvent<'_>) -> VerifyAnswer {
            if let VerifyEvent::Bad { certificate, .. } = event {
                let extension = certificate.extensions().find(|extension| extension.critical).unwrap();
                assert_eq!(extension.oid, [0x2b, 6, 1, 4, 1, 0x86, 0x8d, 0x1f, 1]);
                self.0.extend_from_slice(extension.value);
            }
            VerifyAnswer::Refuse("read")
        }
    }
    let root = Ca::root("root");
    let (authorities, shown) = ([root.authority()], root.sign(critical));
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let circumstances = Circumstances {
        clock: Some(WallClock::Reliable(NOW)),
        dialled: None,
        algorithms: SOFTWARE_ALGORITHMS,
    };
    let mut reader = Reader(Vec::new());
    assert!(policy.judge_with(&[&shown[0]], &circumstances, &Software, &mut reader).is_err());
    assert_eq!(reader.0, [5, 0]);
}

#[test]
fn some_errors_are_nobodys_to_accept() {
    let root = Ca::root("root");
    let authorities = [root.authority()];
    let policy = Policy { authorities: &authorities, ..Policy::default() };
    let shown = root.sign(|_| ());
    let long = vec![shown[0].clone(); MAX_CHAIN + 1];
    let junk = [CertificateDer::from(b"junk".as_slice())];
    let p384 = root.sign_key(&KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap(), |_| ());
    let board = Policy { keys: node_core::trust::AcceptedKeys::P256, ..policy };
    for (policy, shown) in [(policy, &[][..]), (policy, &long), (policy, &junk), (board, &p384)] {
        let (outcome, events) = ask(&policy, shown, None, |_| true);
        assert!(outcome.is_err() && events.is_empty(), "{outcome:?} {events:?}");
    }
    let mut hook = Recorder { events: Vec::new(), answer: |_: &str| true };
    let outcome = policy.judge_with(&[&shown[0]], &Circumstances::at(None), &Software, &mut hook);
    assert!(matches!(outcome, Err(Rejection::NoClock { .. })) && hook.events.is_empty(), "{outcome:?}");
}
