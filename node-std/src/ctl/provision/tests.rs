//! Boards at the other end of a socket, on a line that loses what it likes.

use core::time::Duration;
use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use node_core::crypto::{P256Secret, PublicKey, Software, SoftwareSigner};
use node_core::identity::node_id;
use node_core::provision::frame::{About, Answer, END, MAX_ANSWER, MAX_FRAME, Request, decode, encode};
use node_core::provision::{BlobError, Draft, MAX_BLOB};
use node_core::trust::Fingerprint;
use tempfile::TempDir;

use super::conversation::{Conversation, Pace};
use super::*;

/// Copies follow each other faster than to a board.
const FAST: Pace =
    Pace { introduction: (Duration::from_millis(500), 4), store: (Duration::from_millis(500), 4) };
const EPOCH: u64 = 1_796_040_000_000;

fn key(secret: u8) -> SoftwareSigner {
    SoftwareSigner::new(P256Secret(&[secret; 32])).unwrap()
}

fn blob(new_identity: bool) -> Vec<u8> {
    let draft = Draft {
        epoch: EPOCH,
        kind: "",
        board: None,
        new_identity,
        settings: &[7; 500],
        keyring: Some(&[0; 3000]),
    };
    let mut buffer = [0; MAX_BLOB];
    draft.sign(Fingerprint([3; 32]), &key(9), &Software, &mut buffer).unwrap().to_vec()
}

/// What the board has to say of itself.
#[derive(Clone, Copy)]
struct Itself {
    key: PublicKey,
    provisioned: bool,
}

fn blank() -> Itself {
    Itself { key: key(5).public_key(), provisioned: false }
}

fn provisioned() -> Itself {
    Itself { provisioned: true, ..blank() }
}

impl Itself {
    fn about(&self) -> About<'static> {
        let Self { key, provisioned } = *self;
        About { kind: "pan", id: node_id(key, &Software), key, provisioned }
    }
}

/// What the board hears, copies included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Identify,
    /// The copy of this number, from 1.
    Blob(usize),
    Certificate(usize),
}

/// A board at the other end of the line. `react` says which answers a request has.
struct Desk {
    conversation: Conversation,
    /// What it heard so far.
    heard: Receiver<Heard>,
    _folder: TempDir,
}

impl Desk {
    fn new(mut react: impl FnMut(Heard, &mut dyn FnMut(Answer<'_>)) + Send + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("serial");
        let listener = UnixListener::bind(&path).unwrap();
        let (hears, heard) = channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut blobs, mut certificates) = (0, 0);
            while let Some(mut frame) = read_frame(&mut stream) {
                let heard = match decode(&mut frame) {
                    Ok(Request::Identify) => Heard::Identify,
                    Ok(Request::Provision(bytes)) => {
                        assert!(bytes == blob(false) || bytes == blob(true));
                        blobs += 1;
                        Heard::Blob(blobs)
                    }
                    Ok(Request::RequestCertificate) => {
                        certificates += 1;
                        Heard::Certificate(certificates)
                    }
                    Err(error) => panic!("{error}"),
                };
                let _ = hears.send(heard);
                react(heard, &mut |answer| {
                    let (mut scratch, mut place) = ([0; MAX_ANSWER], [0; 2 * MAX_ANSWER]);
                    // maelctl may have what it needs, and be gone.
                    let _ = stream.write_all(encode(&answer, &mut scratch, &mut place).unwrap());
                });
            }
        });
        let line = Line::open(&path, 115_200).unwrap();
        Self { conversation: Conversation::new(line, FAST), heard, _folder: folder }
    }

    /// Asks the board what it is, and provisions it.
    fn provision(&mut self, blob: &[u8]) -> Result<Board, ProvisionError> {
        let board = self.conversation.identify()?;
        self.conversation.provision(board, blob)
    }

    /// Copies of the blob that arrived.
    fn copies(&self) -> usize {
        self.heard.try_iter().filter(|heard| matches!(heard, Heard::Blob(_))).count()
    }
}

/// What arrives until the next zero.
fn read_frame(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut frame = Vec::new();
    loop {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        match byte {
            [END] if frame.is_empty() => {}
            [END] => return Some(frame),
            [byte] => frame.push(byte),
        }
        assert!(frame.len() < MAX_FRAME);
    }
}

/// What a board that has the blob says to it.
fn old() -> String {
    BlobError::Old { epoch: EPOCH, last: EPOCH }.to_string()
}

#[track_caller]
fn assert_taken(board: Result<Board, ProvisionError>, is: Itself) {
    let Board { kind, id, taken, provisioned, .. } = board.unwrap();
    assert_eq!((&*kind, id, taken, provisioned), ("pan", is.about().id.to_string(), true, true));
}

#[test]
fn a_blob_that_gets_lost_is_sent_again() {
    let mut desk = Desk::new(|heard, say| match heard {
        Heard::Identify => say(Answer::Identity(blank().about())),
        // The first copy is damaged on the way.
        Heard::Blob(1) => {}
        _ => say(Answer::Provisioned(provisioned().about())),
    });
    assert_taken(desk.provision(&blob(false)), provisioned());
    assert!(desk.copies() >= 2);
}

#[test]
fn a_board_that_answers_gets_one_copy() {
    let mut desk = Desk::new(|heard, say| match heard {
        Heard::Identify => say(Answer::Identity(blank().about())),
        _ => say(Answer::Provisioned(provisioned().about())),
    });
    desk.conversation = desk.conversation.at(Pace { store: (Duration::from_secs(60), 4), ..FAST });
    assert_taken(desk.provision(&blob(false)), provisioned());
    assert_eq!(desk.copies(), 1);
}

/// A board that is `before`, takes the first copy, and is `after`. Its answer gets lost, and it refuses further copies for `reason`.
fn loses_the_answer(before: Itself, after: Itself, reason: String) -> Desk {
    let mut now = before;
    Desk::new(move |heard, say| match heard {
        Heard::Identify => say(Answer::Identity(now.about())),
        Heard::Blob(1) => now = after,
        _ => say(Answer::Refused(&reason)),
    })
}

#[test]
fn a_board_whose_answer_gets_lost_is_provisioned_although_it_refuses_the_next_copy() {
    assert_taken(loses_the_answer(blank(), provisioned(), old()).provision(&blob(false)), provisioned());
    // As one does whose first blob a provisioning key signs, which is no operator.
    let reason = BlobError::NoOperator(Fingerprint([3; 32])).to_string();
    assert_taken(loses_the_answer(blank(), provisioned(), reason).provision(&blob(false)), provisioned());
    // It was provisioned before, and looks the same.
    assert_taken(
        loses_the_answer(provisioned(), provisioned(), old()).provision(&blob(false)),
        provisioned(),
    );
    // What is shown is its new identity.
    let other = Itself { key: key(6).public_key(), provisioned: true };
    assert_taken(loses_the_answer(provisioned(), other, old()).provision(&blob(true)), other);
}

#[test]
fn a_refusal_of_a_later_copy_is_one_when_the_board_has_another_blob() {
    for reason in [BlobError::OtherKind, BlobError::Old { epoch: EPOCH, last: EPOCH + 1 }] {
        let reason = reason.to_string();
        let refused =
            loses_the_answer(provisioned(), provisioned(), reason.clone()).provision(&blob(false)).err();
        assert!(matches!(&refused, Some(ProvisionError::Refused(said)) if *said == reason), "{refused:?}");
    }
    // A refusal of the first copy stands: there is none before it that the board may have taken.
    let mut desk = Desk::new(|heard, say| match heard {
        Heard::Identify => say(Answer::Identity(provisioned().about())),
        _ => say(Answer::Refused(&old())),
    });
    desk.conversation = desk.conversation.at(Pace { store: (Duration::from_secs(60), 4), ..FAST });
    assert!(matches!(desk.provision(&blob(false)), Err(ProvisionError::Refused(_))));
    assert_eq!(desk.copies(), 1);
}

#[test]
fn a_board_whose_answer_gets_lost_and_that_no_longer_listens_may_be_provisioned() {
    let mut listens = true;
    let mut desk = Desk::new(move |heard, say| {
        listens &= !matches!(heard, Heard::Blob(_));
        if listens {
            say(Answer::Identity(blank().about()));
        }
    });
    let error = desk.provision(&blob(false)).err();
    assert!(matches!(error, Some(ProvisionError::Unanswered)), "{error:?}");
    assert!(error.unwrap().to_string().contains("see whether it links to its hub"));
    assert_eq!(desk.copies(), 4);
}

#[test]
fn a_slow_board_may_answer_every_copy() {
    let mut desk = Desk::new(|heard, say| match heard {
        Heard::Identify => say(Answer::Identity(blank().about())),
        Heard::Blob(3) => {
            say(Answer::Provisioned(provisioned().about()));
            say(Answer::Refused(&old()));
            say(Answer::Refused(&old()));
        }
        _ => {}
    });
    assert_taken(desk.provision(&blob(false)), provisioned());
    // It is done only when it is asked again what it is.
    let mut copies = 0;
    let mut desk = Desk::new(move |heard, say| match heard {
        Heard::Identify if copies < 4 => say(Answer::Identity(blank().about())),
        Heard::Identify => {
            say(Answer::Provisioned(provisioned().about()));
            copies = 0;
        }
        _ => copies += 1,
    });
    assert_taken(desk.provision(&blob(false)), provisioned());
}

#[test]
fn a_line_that_damages_every_copy_is_named() {
    let mut desk = Desk::new(|heard, say| {
        if heard == Heard::Identify {
            say(Answer::Identity(blank().about()));
        }
    });
    let error = desk.provision(&blob(false)).err();
    assert!(matches!(error, Some(ProvisionError::Damaged)), "{error:?}");
}

#[test]
fn a_board_that_says_nothing_at_all_is_silent() {
    let mut desk = Desk::new(|_, _| {});
    assert!(matches!(desk.provision(&blob(false)), Err(ProvisionError::Silent)));
    assert_eq!(desk.copies(), 0);
}

#[test]
fn a_request_for_a_certificate_is_fetched_again() {
    let mut desk = Desk::new(|heard, say| match heard {
        Heard::Identify | Heard::Blob(_) => say(Answer::Identity(blank().about())),
        Heard::Certificate(1) => {}
        Heard::Certificate(_) => say(Answer::CertificateRequest(b"der")),
    });
    desk.conversation.identify().unwrap();
    assert_eq!(desk.conversation.request_certificate().unwrap(), b"der");
}

#[test]
fn a_board_that_makes_no_key_is_told_from_one_that_is_silent() {
    for (still_there, expected) in [(true, "makes no TLS key"), (false, "and then was silent")] {
        let mut asked = false;
        let mut desk = Desk::new(move |heard, say| {
            asked |= heard != Heard::Identify;
            if heard == Heard::Identify && (still_there || !asked) {
                say(Answer::Identity(blank().about()));
            }
        });
        desk.conversation.identify().unwrap();
        let error = desk.conversation.request_certificate().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_line_that_takes_no_more_bytes_blocks_nobody() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("serial");
    // Nobody reads.
    let _listener = UnixListener::bind(&path).unwrap();
    let mut line = Line::open(&path, 100_000_000).unwrap();
    assert!(line.send(&[1; 100]).unwrap());
    assert!(!line.send(&vec![1; 16 << 20]).unwrap());
}
