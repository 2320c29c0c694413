//! Records that the guard keeps from embedded-tls, and the meaning of those that it passes.

use super::*;

/// The result of a client's read in a session with `server`.
fn first_read(server: impl AsyncFnOnce(&mut Rogue)) -> Result<Vec<u8>, SessionError> {
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        rogue.authenticate(HUB, &hub_key()).await;
        rogue.complete().await;
        assert_eq!(rogue.received().await.as_deref(), Some(&b"hello"[..]));
        server(&mut rogue).await;
    };
    let (outcome, _) = meet(trust(HUB), Board::new(), OsRng, serve);
    assert!(outcome.opened.is_ok(), "{:?}", outcome.opened);
    outcome.read.unwrap()
}

#[track_caller]
fn assert_violation(error: SessionError, kind: u8, length: usize) {
    match error {
        SessionError::Record(violation) => assert_eq!(violation, Violation { kind, length }),
        other => panic!("{other}"),
    }
}

#[test]
fn an_empty_encrypted_record_does_not_get_through() {
    for length in 0..=16 {
        let error = refusal(async |rogue| rogue.raw(&record(APPLICATION_DATA, &[0; 16][..length])).await);
        assert_violation(error, APPLICATION_DATA, length);
    }
    // The same with a valid tag: embedded-tls would panic on it.
    let error = refusal(async |rogue| rogue.encrypted(&[]).await);
    assert_violation(error, APPLICATION_DATA, 16);
    let error = first_read(async |rogue| rogue.encrypted(&[]).await).unwrap_err();
    assert_violation(error, APPLICATION_DATA, 16);
}

#[test]
fn a_record_of_padding_alone_is_refused() {
    for zeros in [1, 2, 100] {
        let padding = [0; 100];
        refusal(async |rogue| rogue.encrypted(&padding[..zeros]).await);
        first_read(async |rogue| rogue.encrypted(&padding[..zeros]).await).unwrap_err();
    }
}

#[test]
fn a_plaintext_handshake_record_does_not_get_through() {
    let finished = message(20, &[0; 32]);
    let error = refusal(async |rogue| rogue.raw(&record(HANDSHAKE, &finished)).await);
    assert_violation(error, HANDSHAKE, 36);
    // After the handshake embedded-tls panics on it.
    let error = first_read(async |rogue| rogue.raw(&record(HANDSHAKE, &finished)).await).unwrap_err();
    assert_violation(error, HANDSHAKE, 36);
}

#[test]
fn a_plaintext_close_notify_does_not_get_through() {
    let close_notify = record(ALERT, &[1, 0]);
    let error = refusal(async |rogue| rogue.raw(&close_notify).await);
    assert_violation(error, ALERT, 2);
    let error = first_read(async |rogue| rogue.raw(&close_notify).await).unwrap_err();
    assert_violation(error, ALERT, 2);
}

#[test]
fn a_record_that_is_longer_than_its_buffer_does_not_get_through() {
    let long = record(APPLICATION_DATA, &[0; TLS_READ + 1]);
    let error = refusal(async |rogue| rogue.raw(&long).await);
    assert_violation(error, APPLICATION_DATA, TLS_READ + 1);
    let error = first_read(async |rogue| rogue.raw(&long).await).unwrap_err();
    assert_violation(error, APPLICATION_DATA, TLS_READ + 1);
    // One that fits exactly is read: 4079 bytes, their type, a tag.
    let longest = [&[b'x'; TLS_READ - 17][..], &[APPLICATION_DATA]].concat();
    assert_eq!(first_read(async |rogue| rogue.encrypted(&longest).await).unwrap(), [b'x'; 100]);
}

#[test]
fn change_cipher_spec_is_allowed_once_after_server_hello_and_holds_one() {
    let one = record(CHANGE_CIPHER_SPEC, &[1]);
    let error = refusal(async |rogue| rogue.raw(&[&one[..], &one].concat()).await);
    assert_violation(error, CHANGE_CIPHER_SPEC, 1);
    let error = refusal(async |rogue| rogue.raw(&record(CHANGE_CIPHER_SPEC, &[2])).await);
    assert_violation(error, CHANGE_CIPHER_SPEC, 1);
    let error = refusal(async |rogue| rogue.raw(&record(CHANGE_CIPHER_SPEC, &[1, 1])).await);
    assert_violation(error, CHANGE_CIPHER_SPEC, 2);
    let error = first_read(async |rogue| rogue.raw(&one).await).unwrap_err();
    assert_violation(error, CHANGE_CIPHER_SPEC, 1);
}

#[test]
fn a_record_of_an_unknown_kind_does_not_get_through() {
    for kind in [0, 19, 24, 255] {
        let error = refusal(async |rogue| rogue.raw(&record(kind, &[0; 20])).await);
        assert_violation(error, kind, 20);
    }
}

#[test]
fn bytes_that_are_not_tls_do_not_get_through() {
    let kinds: [(&[u8], u8, usize); 3] = [
        (b"HTTP/1.1 400 Bad Request\r\n", b'H', usize::from(u16::from_be_bytes(*b"P/"))),
        (&record(APPLICATION_DATA, &[0; 20]), APPLICATION_DATA, 20),
        (&record(CHANGE_CIPHER_SPEC, &[1]), CHANGE_CIPHER_SPEC, 1),
    ];
    for (bytes, kind, length) in kinds {
        let serve = async |_, mut down: Pipe| embedded_io_async::Write::write_all(&mut down, bytes).await;
        let (outcome, _) = meet(trust(HUB), Board::new(), OsRng, serve);
        assert_violation(outcome.opened.unwrap_err(), kind, length);
    }
}

#[test]
fn an_alert_instead_of_server_hello_ends_the_handshake() {
    let serve = async |_, mut down: Pipe| {
        embedded_io_async::Write::write_all(&mut down, &record(ALERT, &[2, 40])).await
    };
    let (outcome, _) = meet(trust(HUB), Board::new(), OsRng, serve);
    let error = outcome.opened.unwrap_err();
    assert!(matches!(error, SessionError::NoCommonKey), "{error}");
}

#[test]
fn a_server_that_stalls_ends_in_a_timeout() {
    let serve = async |up, down| {
        let mut rogue = Rogue::hello(up, down).await;
        rogue.raw(&[APPLICATION_DATA, 3, 3, 1, 0, 99]).await;
        core::future::pending::<()>().await;
    };
    let (outcome, _) = meet(trust(HUB), Board::new(), OsRng, serve);
    assert!(matches!(outcome.opened, Err(SessionError::Timeout)));
    let (outcome, _) =
        meet(trust(HUB), Board::new(), OsRng, async |_, _| core::future::pending::<()>().await);
    assert!(matches!(outcome.opened, Err(SessionError::Timeout)));
}

#[test]
fn a_server_that_hangs_up_is_noticed() {
    let error = refusal(async |rogue| rogue.hang_up());
    assert!(matches!(error, SessionError::Lost), "{error}");
    let error = refusal(async |rogue| {
        rogue.raw(&[APPLICATION_DATA, 3]).await;
        rogue.hang_up();
    });
    assert!(matches!(error, SessionError::Lost), "{error}");
    let error = first_read(async |rogue| rogue.hang_up()).unwrap_err();
    assert!(matches!(error, SessionError::Lost), "{error}");
}

#[test]
fn a_key_update_ends_the_session() {
    let update = [&message(24, &[1])[..], &[HANDSHAKE]].concat();
    let error = first_read(async |rogue| rogue.encrypted(&update).await).unwrap_err();
    assert!(matches!(error, SessionError::Unimplemented), "{error}");
}

#[test]
fn each_alert_of_the_hub_has_its_own_error() {
    let error = first_read(async |rogue| rogue.encrypted(&[1, 0, ALERT]).await).unwrap_err();
    assert!(matches!(error, SessionError::Closed), "{error}");
    let error = first_read(async |rogue| rogue.encrypted(&[2, 42, ALERT]).await).unwrap_err();
    assert!(matches!(error, SessionError::Refused), "{error}");
}

#[test]
fn a_flight_that_goes_on_in_a_second_record_says_what_fits() {
    // A hub that cuts its records for a board, and one that cuts them shorter.
    for (certificate, first) in [(5000, TLS_READ - 17), (1600, 1500)] {
        let error = refusal(async |rogue| {
            let flight = [rogue.extensions(true), rogue.certificate(&std::vec![0x30; certificate])].concat();
            rogue.messages(&[&flight[..first]]).await;
            rogue.messages(&[&flight[first..]]).await;
        });
        assert!(matches!(error, SessionError::LongChain(length) if length == first + 17), "{error:?}");
    }
    // The first certificate is trusted, and the proof is cut.
    let error = refusal(async |rogue| {
        let flight = [rogue.extensions(true), rogue.certificate(HUB)].concat();
        let request = message(13, &[0, 0, 8, 0, 13, 0, 4, 0, 2, 4, 3]);
        let requests = request.repeat((TLS_READ - 17 - flight.len()) / request.len());
        let flight = [flight, requests, rogue.verify(&hub_key(), ECDSA_P256)].concat();
        rogue.messages(&[&flight[..TLS_READ - 17]]).await;
    });
    assert!(matches!(error, SessionError::LongChain(TLS_READ)), "{error:?}");
}
