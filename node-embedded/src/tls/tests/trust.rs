//! The hubs that a board trusts, and what it shows before that.

use super::*;

#[test]
fn an_honest_hub_gets_a_session() {
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        rogue.raw(&record(CHANGE_CIPHER_SPEC, &[1])).await;
        rogue.authenticate(HUB, &hub_key()).await;
        let flight = rogue.complete().await;
        let heard = rogue.received().await;
        rogue.encrypted(b"welcome\x17").await;
        (flight, heard)
    };
    let (outcome, seen) = meet(trust(HUB), Board::new(), OsRng, serve);
    assert_eq!(outcome.opened.ok(), Some(Fingerprint(Software.sha256(&[HUB]))));
    assert_eq!(outcome.read.unwrap().ok(), Some(b"welcome".to_vec()));
    let (flight, heard) = seen.unwrap();
    assert_eq!(heard, Some(b"hello".to_vec()));
    let [certificate, verify, finished] = &flight[..] else { panic!("{flight:?}") };
    assert_eq!((certificate[0], verify[0], finished[0]), (11, 15, 20));
    assert!(certificate.windows(BOARD.len()).any(|window| window == BOARD));
}

#[test]
fn a_hub_with_a_pinned_key_gets_a_session_with_any_certificate() {
    let spki = node_core::trust::Certificate::parse(HUB).unwrap().spki;
    let pin = Anchor::Spki(Fingerprint(Software.sha256(&[spki])));
    let trust = || trust_in(pin, Roles::LINK_AS_HUB);
    for shown in [HUB, RENEWED] {
        let serve = async |up, down| {
            let mut rogue = Rogue::hello(up, down).await;
            rogue.authenticate(shown, &hub_key()).await;
            rogue.complete().await;
            rogue.encrypted(b"welcome\x17").await;
        };
        let (outcome, _) = meet(trust(), Board::new(), OsRng, serve);
        assert_eq!(outcome.opened.ok(), Some(Fingerprint(Software.sha256(&[shown]))));
    }
    // Another key, and the right certificate without its key.
    for shown in [BOARD, HUB] {
        let error = refusal_by(trust(), async |rogue| rogue.authenticate(shown, &other_key()).await);
        assert!(matches!(error, SessionError::Untrusted(_)), "{error}");
    }
}

#[test]
fn no_certificate_at_all_is_refused() {
    for request in [false, true] {
        let serve = async |up, down| {
            let mut rogue = Rogue::hello(up, down).await;
            let (extensions, finished) = (rogue.extensions(request), rogue.finished());
            rogue.messages(&[&extensions, &finished]).await;
            rogue.complete().await
        };
        let (outcome, flight) = meet(trust(HUB), Board::new(), OsRng, serve);
        assert!(matches!(outcome.opened, Err(SessionError::Untrusted(VerifyError::Unproved))));
        assert!(!outcome.more);
        // embedded-tls finished the handshake, without a certificate and without a signature.
        let flight = flight.unwrap();
        let empty = message(11, &[0, 0, 0, 0]);
        assert_eq!(flight.len(), 1 + usize::from(request));
        assert!(!request || flight[0] == empty);
    }
}

#[test]
fn a_certificate_without_a_signature_is_refused() {
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        let (extensions, certificate) = (rogue.extensions(true), rogue.certificate(HUB));
        let finished = rogue.finished();
        rogue.messages(&[&extensions, &certificate, &finished]).await;
        rogue.complete().await
    };
    let (outcome, flight) = meet(trust(HUB), Board::new(), OsRng, serve);
    assert!(matches!(outcome.opened, Err(SessionError::Untrusted(VerifyError::Unproved))));
    assert!(!outcome.more);
    assert_eq!(flight.unwrap()[0], message(11, &[0, 0, 0, 0]), "the client kept its certificate back");
}

#[test]
fn a_signature_without_a_certificate_is_refused() {
    let error = refusal(async |rogue| {
        let messages = [rogue.extensions(true), rogue.verify(&hub_key(), ECDSA_P256), rogue.certificate(HUB)];
        rogue.messages(&messages.each_ref().map(|message| &message[..])).await;
    });
    assert!(matches!(error, SessionError::Untrusted(VerifyError::Unproved)), "{error}");
}

#[test]
fn another_certificate_is_refused() {
    for (shown, key) in [(BOARD, other_key()), (RENEWED, hub_key())] {
        let error = refusal(async |rogue| rogue.authenticate(shown, &key).await);
        let unknown = matches!(
            error,
            SessionError::Untrusted(VerifyError::Rejected(Rejection::Unknown { fingerprint, .. }))
                if fingerprint.0 == Software.sha256(&[shown])
        );
        assert!(unknown, "{error}");
    }
}

#[test]
fn the_right_certificate_with_another_key_is_refused() {
    let error = refusal(async |rogue| rogue.authenticate(HUB, &other_key()).await);
    assert!(matches!(error, SessionError::Untrusted(VerifyError::Signature(_))), "{error}");
}

#[test]
fn a_signature_of_another_handshake_is_refused() {
    let error = refusal(async |rogue| {
        let (extensions, certificate) = (rogue.extensions(true), rogue.certificate(HUB));
        rogue.say(b"something that this client has not heard".to_vec());
        let verify = rogue.verify(&hub_key(), ECDSA_P256);
        rogue.messages(&[&extensions, &certificate, &verify]).await;
    });
    assert!(matches!(error, SessionError::Untrusted(VerifyError::Signature(_))), "{error}");
}

#[test]
fn a_second_certificate_is_refused() {
    for second in [BOARD, HUB] {
        let error = refusal(async |rogue| {
            let messages = [
                rogue.extensions(true),
                rogue.certificate(HUB),
                rogue.certificate(second),
                rogue.verify(&other_key(), ECDSA_P256),
                rogue.finished(),
            ];
            rogue.messages(&messages.each_ref().map(|message| &message[..])).await;
        });
        assert!(matches!(error, SessionError::Untrusted(VerifyError::SecondCertificate)), "{error}");
    }
}

#[test]
fn a_certificate_after_the_proof_is_refused() {
    let error = refusal(async |rogue| {
        let messages = [
            rogue.extensions(true),
            rogue.certificate(HUB),
            rogue.verify(&hub_key(), ECDSA_P256),
            rogue.certificate(BOARD),
            rogue.finished(),
        ];
        rogue.messages(&messages.each_ref().map(|message| &message[..])).await;
    });
    assert!(matches!(error, SessionError::Untrusted(VerifyError::SecondCertificate)), "{error}");
}

#[test]
fn a_server_with_an_rsa_key_is_refused_by_name() {
    let error = refusal_by(trust(RSA), async |rogue| rogue.authenticate(RSA, &hub_key()).await);
    let named = matches!(
        error,
        SessionError::Untrusted(VerifyError::Rejected(Rejection::UnsupportedKey {
            algorithm: KeyAlgorithm::Rsa(2048),
            ..
        }))
    );
    assert!(named, "{error}");
}

#[test]
fn another_signature_algorithm_is_refused() {
    for scheme in [0x0804, 0x0401, 0x0503, 0x0807] {
        let error = refusal(async |rogue| {
            let messages = [rogue.extensions(true), rogue.certificate(HUB), rogue.verify(&hub_key(), scheme)];
            rogue.messages(&messages.each_ref().map(|message| &message[..])).await;
        });
        let refused = matches!(
            error,
            SessionError::Untrusted(VerifyError::Scheme(announced)) if announced == scheme
        );
        assert!(refused, "{error}");
    }
}

#[test]
fn an_expired_certificate_is_refused() {
    let error = refusal_by(trust(EXPIRED), async |rogue| rogue.authenticate(EXPIRED, &hub_key()).await);
    let expired = matches!(error, SessionError::Untrusted(VerifyError::Rejected(Rejection::Expired { .. })));
    assert!(expired, "{error}");
}

#[test]
fn without_a_clock_no_hub_is_trusted() {
    let mut blind = trust(HUB);
    blind.clock = None;
    let error = refusal_by(blind, async |rogue| rogue.authenticate(HUB, &hub_key()).await);
    let refused = matches!(error, SessionError::Untrusted(VerifyError::Rejected(Rejection::NoClock { .. })));
    assert!(refused, "{error}");
}

#[test]
fn without_a_keyring_no_hub_is_trusted() {
    let no_anchors = Trust::new(Some(BUILT));
    let error = refusal_by(no_anchors, async |rogue| rogue.authenticate(HUB, &hub_key()).await);
    assert!(matches!(error, SessionError::Untrusted(VerifyError::Rejected(_))), "{error}");
}

#[test]
fn a_certificate_without_the_role_hub_is_refused_unless_its_key_is_pinned() {
    let anchor = Anchor::Certificate(Fingerprint(Software.sha256(&[HUB])));
    let leaf = || trust_in(anchor, Roles::of(&[Role::Leaf, Role::Operator]));
    let error = refusal_by(leaf(), async |rogue| rogue.authenticate(HUB, &hub_key()).await);
    assert!(matches!(error, SessionError::Untrusted(VerifyError::Role { .. })), "{error}");
    let said = std::format!("{error}");
    assert!(said.contains("needs the role hub, and its roles are: leaf, operator"), "{said}");
    assert!(said.ends_with(".hub"), "{said}");
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        rogue.authenticate(HUB, &hub_key()).await;
        rogue.complete().await;
        rogue.encrypted(b"welcome\x17").await;
    };
    let spki = node_core::trust::Certificate::parse(HUB).unwrap().spki;
    let mut pinned = leaf();
    pinned.add(Anchor::Spki(Fingerprint(Software.sha256(&[spki]))), Roles::LINK_AS_HUB);
    let (outcome, _) = meet(pinned, Board::new(), OsRng, serve);
    assert!(outcome.opened.is_ok());
}

#[test]
fn a_board_whose_key_does_not_answer_opens_no_session() {
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        rogue.authenticate(HUB, &hub_key()).await;
        rogue.complete().await
    };
    let (outcome, flight) = meet(trust(HUB), Board { key: None }, OsRng, serve);
    assert!(matches!(outcome.opened, Err(SessionError::Unsigned(_))));
    assert_eq!(flight.unwrap()[1], message(15, &[4, 3, 0, 0]), "a signature of no bytes");
}

/// A generator that is stuck, or fails.
struct Stuck(Option<u8>);

impl rand_core::RngCore for Stuck {
    fn next_u32(&mut self) -> u32 {
        unreachable!("a key was about to be made")
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("a key was about to be made")
    }

    fn fill_bytes(&mut self, _bytes: &mut [u8]) {
        unreachable!("a key was about to be made")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        bytes.fill(self.0.ok_or(core::num::NonZeroU32::MAX)?);
        Ok(())
    }
}

impl rand_core::CryptoRng for Stuck {}

#[test]
fn without_entropy_nothing_is_sent() {
    for stuck in [None, Some(0), Some(0xff)] {
        let (outcome, ()) = {
            let (outcome, _) = meet(trust(HUB), Board::new(), Stuck(stuck), async |_, _| ());
            (outcome, ())
        };
        assert!(matches!(outcome.opened, Err(SessionError::Entropy)));
        assert!(!outcome.more);
    }
}
