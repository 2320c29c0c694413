//! Sessions against servers that break the rules, one rule a test.

use core::cell::RefCell;
use core::pin::pin;
use std::vec::Vec;

use embassy_futures::select::{Either, select};
use node_core::crypto::{Digest as _, P256Secret, Sign, SignError, Signature, Software, SoftwareSigner};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Anchor, Fingerprint, KeyAlgorithm, Rejection, Role, Roles};
use p256::ecdsa::SigningKey;
use rand_core::{CryptoRngCore, OsRng};

use super::*;
use crate::sizes::TLS_READ;

#[path = "../../tests/leaf/clock.rs"]
mod clock;
pub(super) mod keys;
mod pipe;
mod random;
mod records;
mod rogue;
mod rsa;
mod trust;

use pipe::Pipe;
use rogue::{ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, ECDSA_P256, HANDSHAKE, Rogue, message, record};

const HUB: &[u8] = include_bytes!("../../../node-core/tests/fixtures/p256_a.der");
const HUB_SECRET: &[u8; 32] = include_bytes!("../../../node-core/tests/fixtures/p256_a.secret");
/// Another certificate of the hub's key.
const RENEWED: &[u8] = include_bytes!("../../../node-core/tests/fixtures/p256_a_renewed.der");
const BOARD: &[u8] = include_bytes!("../../../node-core/tests/fixtures/p256_b.der");
const BOARD_SECRET: &[u8; 32] = include_bytes!("../../../node-core/tests/fixtures/p256_b.secret");
const EXPIRED: &[u8] = include_bytes!("../../../node-core/tests/fixtures/expired.der");
const RSA: &[u8] = include_bytes!("../../../node-core/tests/fixtures/rsa.der");
/// 2026-11-30T12:00:00Z.
const BUILT: WallClock = WallClock::NotBefore(UnixTime(1_796_040_000));

fn hub_key() -> SigningKey {
    SigningKey::from_slice(HUB_SECRET).unwrap()
}

fn other_key() -> SigningKey {
    SigningKey::from_slice(BOARD_SECRET).unwrap()
}

fn trust(certificate: &[u8]) -> Trust<'static> {
    let anchor = Anchor::Certificate(Fingerprint(Software.sha256(&[certificate])));
    trust_in(anchor, Roles::LINK_AS_HUB)
}

fn trust_in(anchor: Anchor, roles: Roles) -> Trust<'static> {
    let mut trust = Trust::new(Some(BUILT));
    trust.add(anchor, roles);
    trust
}

/// The client's credentials.
struct Board {
    /// `None`: the device that holds the key does not answer.
    key: Option<SoftwareSigner>,
}

impl Board {
    fn new() -> Self {
        Self { key: SoftwareSigner::new(P256Secret(BOARD_SECRET)).ok() }
    }
}

impl Sign for Board {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        self.key.as_ref().ok_or(SignError)?.sign(message)
    }
}

impl Credentials for Board {
    fn certificate(&self) -> Option<impl AsRef<[u8]>> {
        Some(BOARD)
    }
}

/// The outcome of a client: of the session's opening, then of a first read.
struct Outcome {
    opened: Result<Fingerprint, SessionError>,
    read: Option<Result<Vec<u8>, SessionError>>,
    /// The client sent something that the server did not read.
    more: bool,
}

/// Connects a client to a server. In an open session the client sends `hello`, and reads once.
fn meet<T>(
    trust: Trust<'_>,
    board: Board,
    rng: impl CryptoRngCore,
    server: impl AsyncFnOnce(Pipe, Pipe) -> T,
) -> (Outcome, Option<T>) {
    let (up, down) = (Pipe::default(), Pipe::default());
    let rng = RefCell::new(rng);
    let client = async {
        let (reader, writer) = (Shared::new(Guard::new(down.clone(), TLS_READ)), Shared::new(up.clone()));
        let mut records = RecordBuffers::NEW;
        let carrier = Carrier::new(&reader, &writer);
        let mut session = Session::new(carrier, &mut records);
        let (opened, read) = match session.open(trust, &board, &rng).await {
            Err(error) => (Err(error), None),
            Ok(hub) => {
                let hub = hub.certificate;
                let (mut reader, mut writer) = session.split();
                writer.stage(b"hello").unwrap();
                writer.send().await.unwrap();
                let mut buffer = [0; 100];
                let read = reader.read(&mut buffer).await;
                (Ok(hub), Some(read.map(|read| buffer[..read].to_vec())))
            }
        };
        up.close();
        (opened, read)
    };
    clock::run(Vec::new(), async {
        let mut server = pin!(server(up.clone(), down.clone()));
        let mut client = pin!(client);
        let (seen, (opened, read)) = match select(client.as_mut(), server.as_mut()).await {
            // The server may still be reading what it was sent.
            Either::First(ended) => match select(server, embassy_time::Timer::after_secs(1)).await {
                Either::First(seen) => (Some(seen), ended),
                Either::Second(()) => (None, ended),
            },
            Either::Second(seen) => (Some(seen), client.await),
        };
        (Outcome { opened, read, more: !up.is_empty() }, seen)
    })
}

/// The error of a client that trusts only the hub's certificate, and that sends nothing after its ClientHello.
fn refusal(server: impl AsyncFnOnce(&mut Rogue)) -> SessionError {
    refusal_by(trust(HUB), server)
}

fn refusal_by(trust: Trust<'_>, server: impl AsyncFnOnce(&mut Rogue)) -> SessionError {
    let serve = async |up, down| server(&mut Rogue::hello(up, down).await).await;
    let (outcome, _) = meet(trust, Board::new(), OsRng, serve);
    assert!(!outcome.more, "the client went on");
    outcome.opened.expect_err("the session is open")
}
