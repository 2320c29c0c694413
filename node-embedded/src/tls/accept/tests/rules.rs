//! Clients that break a rule, one rule a test. None gets a session, or makes the server panic.

use super::rogue::{CHANGE_CIPHER_SPEC, HANDSHAKE, Rogue, certificate, extension, hello, message, record};
use super::*;

/// A point, for hellos that are refused for another reason.
const POINT: [u8; 65] = [4; 65];

fn server() -> Server {
    Server::new(Shows::new().trusted_as(Role::Leaf))
}

fn hello_refusal(more: &[u8]) -> AcceptError {
    let record = record(HANDSHAKE, &hello(&POINT, more));
    server().receive(&record).expect_err("it is accepted")
}

#[test]
fn what_is_no_handshake_is_refused_by_its_first_bytes() {
    for bytes in
        [&b"GET / HTTP/1.1\r\n"[..], b"MAEL/1\r\n", &[20, 3, 3, 0, 1], &[21, 3, 3, 0, 2], &[23, 3, 3, 0, 64]]
    {
        let refused = server().receive(bytes).unwrap_err();
        assert!(matches!(refused, AcceptError::Record { .. }), "{refused:?}");
    }
}

#[test]
fn a_record_longer_than_the_memory_is_refused_by_its_header() {
    let [high, low] = u16::try_from(TLS_ACCEPT + 1).unwrap().to_be_bytes();
    let refused = server().receive(&[22, 3, 3, high, low]).unwrap_err();
    assert!(matches!(refused, AcceptError::Record { .. }), "{refused:?}");
    let mut server = server();
    Rogue::greet(&mut server);
    let refused = server.receive(&[23, 3, 3, high, low]).unwrap_err();
    assert!(matches!(refused, AcceptError::Record { .. }), "{refused:?}");
}

#[test]
fn an_honest_hello_of_the_rogue_passes() {
    let padding = extension(21, &[0; 500]);
    for more in [&padding[..], &extension(0x3a3a, &[0; 3])] {
        let sent = server().receive(&record(HANDSHAKE, &hello(&POINT, more)));
        // The point is on no curve, which shows after the hello was read.
        assert!(matches!(sent, Err(AcceptError::Broken)), "{sent:?}");
    }
}

#[test]
fn a_hello_with_long_lists_is_refused() {
    let names = |count: usize| {
        let list = [1, b'a'].repeat(count);
        [&u16::try_from(list.len()).unwrap().to_be_bytes()[..], &list].concat()
    };
    let identities = [&[0, 7][..], &[0, 1, 7, 0, 0, 0, 0], &[0, 33, 32], &[0; 32]].concat();
    let many = (0..64).flat_map(|number| extension(1000 + number, &[])).collect::<Vec<_>>();
    for (what, more) in [
        ("protocols", extension(16, &names(200))),
        ("certificate authorities", extension(47, &names(200))),
        ("a session to resume", extension(41, &identities)),
        ("extensions", many),
    ] {
        assert!(matches!(hello_refusal(&more), AcceptError::Hello), "{what}");
    }
    // Shares of no bytes.
    let shares = [0, 23, 0, 0].repeat(300);
    let body = [&u16::try_from(shares.len()).unwrap().to_be_bytes()[..], &shares].concat();
    assert!(matches!(hello_refusal(&extension(51, &body)), AcceptError::Hello));
}

#[test]
fn a_hello_in_parts_is_refused() {
    let hello = hello(&POINT, &[]);
    let (first, second) = hello.split_at(100);
    let refused = server().receive(&[record(HANDSHAKE, first), record(HANDSHAKE, second)].concat());
    assert!(matches!(refused, Err(AcceptError::Hello)), "{refused:?}");
}

#[test]
fn a_chain_of_many_certificates_is_refused_before_it_is_parsed() {
    for (count, length) in [(500, 0), (5, 100)] {
        let mut server = server();
        let mut rogue = Rogue::greet(&mut server);
        let der = vec![0; length];
        let chain = certificate(&vec![&der[..]; count]);
        let sealed = rogue.messages(&chain);
        let refused = server.receive(&sealed).unwrap_err();
        assert!(matches!(refused, AcceptError::Message), "{refused:?}");
    }
}

#[test]
fn messages_that_no_client_sends_are_refused_before_they_are_parsed() {
    let many = message(24, &[0]).repeat(200);
    for messages in [message(1, &[0; 100]), message(8, &[0, 0]), message(13, &[0; 20]), many] {
        let mut server = server();
        let mut rogue = Rogue::greet(&mut server);
        let sealed = rogue.messages(&messages);
        let refused = server.receive(&sealed).unwrap_err();
        assert!(matches!(refused, AcceptError::Message), "{refused:?}");
    }
}

#[test]
fn a_message_in_parts_is_refused() {
    let shows = Shows::new();
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    let mut rogue = Rogue::greet(&mut server);
    let chain = certificate(&[&shows.der]);
    let sealed = rogue.messages(&chain[..100]);
    server.receive(&sealed).unwrap_err();
}

#[test]
fn the_rogue_with_a_trusted_certificate_and_its_key_gets_a_session() {
    let shows = Shows::new();
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    let mut rogue = Rogue::greet(&mut server);
    let flight = [rogue.say(certificate(&[&shows.der])), rogue.verify(&shows), rogue.finished()].concat();
    let sealed = rogue.messages(&flight);
    server.receive(&sealed).unwrap();
    assert_eq!(server.machine.peer().unwrap().certificate, shows.fingerprint());
}

#[test]
fn a_stolen_certificate_without_its_key_gets_no_session() {
    let shows = Shows::new();
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    let mut rogue = Rogue::greet(&mut server);
    let flight =
        [rogue.say(certificate(&[&shows.der])), rogue.verify(&Shows::new()), rogue.finished()].concat();
    let sealed = rogue.messages(&flight);
    let refused = server.receive(&sealed).unwrap_err();
    assert!(matches!(refused, AcceptError::Untrusted(VerifyError::Signature(_))), "{refused:?}");
    assert!(server.machine.peer().is_none());
}

#[test]
fn a_client_that_leaves_out_its_signature_gets_no_session() {
    let shows = Shows::new();
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    let mut rogue = Rogue::greet(&mut server);
    let flight = [rogue.say(certificate(&[&shows.der])), rogue.finished()].concat();
    let sealed = rogue.messages(&flight);
    server.receive(&sealed).unwrap_err();
    assert!(server.machine.peer().is_none());
}

#[test]
fn an_empty_encrypted_record_does_no_harm() {
    let mut server = server();
    let mut rogue = Rogue::greet(&mut server);
    let sealed = rogue.encrypted(&[]);
    server.receive(&sealed).unwrap_err();
}

#[test]
fn bytes_of_a_link_before_the_handshake_is_over_are_refused() {
    let mut server = server();
    let mut rogue = Rogue::greet(&mut server);
    let sealed = rogue.encrypted(b"MAEL/1\r\n\x17");
    server.receive(&sealed).unwrap_err();
}

#[test]
fn no_flight_with_one_wrong_byte_gets_a_session_or_panics() {
    let shows = Shows::new();
    let hello = |server: &mut Server| {
        let mut client = client(Some(&shows), |_| ());
        let first = written(&mut client);
        server.receive(&first).unwrap();
        let down = server.send();
        client.read_tls(&mut &down[..]).unwrap();
        client.process_new_packets().unwrap();
        (first, written(&mut client))
    };
    let (first, second) = hello(&mut Server::new(shows.trusted_as(Role::Leaf)));
    for at in 0..first.len() {
        let mut bytes = first.clone();
        bytes[at] ^= 1 << (at % 8);
        // Some bytes mean nothing.
        let _ = Server::new(shows.trusted_as(Role::Leaf)).receive(&bytes);
    }
    for at in (0..second.len()).step_by(7) {
        let mut server = Server::new(shows.trusted_as(Role::Leaf));
        let (_, mut bytes) = hello(&mut server);
        if let Some(byte) = bytes.get_mut(at) {
            *byte ^= 1 << (at % 8);
        }
        let _ = server.receive(&bytes);
        let is_plain = bytes.first() == Some(&CHANGE_CIPHER_SPEC) && at < 6;
        assert!(is_plain || server.machine.peer().is_none(), "byte {at}");
    }
}
