//! The server's side against real clients (OpenSSL, rustls), and against clients that break the rules.

use std::io::{Read, Write};
use std::sync::Arc;
use std::vec;
use std::vec::Vec;

use node_core::crypto::{Digest, P256Secret, Software, SoftwareSigner};
use node_core::time::{UnixTime, WallClock};
use node_core::trust::{Anchor, Fingerprint, Rejection, Role, Roles};
use pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName, UnixTime as Time};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls13_signature};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};

use super::*;
use crate::sizes::{BATCH, TLS_ACCEPT, TLS_ANSWER};
use crate::tls::trust::{Proved, Trust, VerifyError};

mod heap;
mod openssl;
mod rogue;
mod rules;

const HUB: &[u8] = include_bytes!("../../../../node-core/tests/fixtures/p256_a.der");
const HUB_SECRET: &[u8; 32] = include_bytes!("../../../../node-core/tests/fixtures/p256_a.secret");
/// 2026-11-30T12:00:00Z.
const BUILT: WallClock = WallClock::NotBefore(UnixTime(1_796_040_000));

/// A certificate that a client shows, and its key.
struct Shows {
    der: Vec<u8>,
    key: KeyPair,
}

impl Shows {
    fn new() -> Self {
        Self::until(2090)
    }

    /// A certificate that expires in this year.
    fn until(year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["board".into()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(year, 1, 1));
        let der = params.self_signed(&key).unwrap().der().to_vec();
        Self { der, key }
    }

    fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Software.sha256(&[&self.der]))
    }

    /// The trust of a server in this certificate.
    fn trusted_as(&self, role: Role) -> Trust<'static> {
        let mut trust = Trust::new(Some(BUILT));
        trust.add(Anchor::Certificate(self.fingerprint()), Roles::of(&[role]));
        trust
    }
}

/// A server on which nothing has arrived.
fn machine(trust: Trust<'static>) -> RustlsMachine {
    let signer = SoftwareSigner::new(P256Secret(HUB_SECRET)).unwrap();
    RustlsMachine::new(trust, Shown { certificate: HUB, signer }, entropy()).unwrap()
}

fn entropy() -> [u8; 32] {
    let mut bytes = [0; 32];
    rand_core::RngCore::fill_bytes(&mut rand_core::OsRng, &mut bytes);
    bytes
}

/// A server and its memory.
struct Server {
    machine: RustlsMachine,
    records: AcceptRecords,
}

impl Server {
    fn new(trust: Trust<'static>) -> Self {
        Self { machine: machine(trust), records: AcceptRecords::NEW }
    }

    /// Gives it bytes that arrived. Returns what it decrypted.
    fn receive(&mut self, bytes: &[u8]) -> Result<Vec<u8>, AcceptError> {
        let (mut rest, mut plaintext) = (bytes, Vec::new());
        loop {
            let taken = self.records.fill(rest);
            rest = &rest[taken..];
            self.machine.advance(&mut self.records)?;
            let mut part = [0; 100];
            let read = self.machine.read(&mut part);
            plaintext.extend_from_slice(&part[..read]);
            if (taken, read, rest.len()) == (0, 0, 0) {
                return Ok(plaintext);
            }
        }
    }

    /// The bytes that it sends.
    fn send(&mut self) -> Vec<u8> {
        let sent = self.records.outgoing().to_vec();
        self.records.sent(sent.len());
        sent
    }
}

/// A client that trusts whatever server it meets, and shows this certificate.
fn client(shows: Option<&Shows>, change: impl FnOnce(&mut ClientConfig)) -> ClientConnection {
    client_by(ring::default_provider(), shows, change)
}

fn client_by(
    provider: CryptoProvider,
    shows: Option<&Shows>,
    change: impl FnOnce(&mut ClientConfig),
) -> ClientConnection {
    let provider = Arc::new(provider);
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match shows {
        Some(shows) => {
            let key = PrivatePkcs8KeyDer::from(shows.key.serialize_der()).into();
            builder.with_client_auth_cert(vec![shows.der.clone().into()], key).unwrap()
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"mael/1".to_vec()];
    change(&mut config);
    ClientConnection::new(Arc::new(config), ServerName::try_from("hub").unwrap()).unwrap()
}

/// Checks signatures, and no more.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: Time,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// What a client has to send.
fn written(client: &mut ClientConnection) -> Vec<u8> {
    let mut bytes = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut bytes).unwrap();
    }
    bytes
}

/// Moves bytes until both sides wait. Returns what the server decrypted.
fn exchange(client: &mut ClientConnection, server: &mut Server) -> Result<Vec<u8>, AcceptError> {
    let mut plaintext = Vec::new();
    loop {
        let up = written(client);
        plaintext.extend(server.receive(&up)?);
        let down = server.send();
        let mut rest = &down[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
        if up.is_empty() && down.is_empty() {
            return Ok(plaintext);
        }
    }
}

/// Why the server refuses a client with this certificate, which never gets a session.
fn refusal(trust: Trust<'static>, mut client: ClientConnection) -> AcceptError {
    let mut server = Server::new(trust);
    let refused = exchange(&mut client, &mut server).expect_err("there is a session");
    assert!(server.machine.peer().is_none());
    refused
}

/// The content types and lengths of the records in these bytes.
fn records(bytes: &[u8]) -> Vec<(u8, usize)> {
    let (mut rest, mut found) = (bytes, Vec::new());
    while let [kind, _, _, high, low, behind @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        found.push((*kind, length));
        rest = &behind[length..];
    }
    found
}

#[test]
fn a_trusted_client_gets_a_session_in_both_directions() {
    let shows = Shows::new();
    let (mut client, mut server) = (client(Some(&shows), |_| ()), Server::new(shows.trusted_as(Role::Leaf)));
    exchange(&mut client, &mut server).unwrap();
    let Proved { certificate, roles, .. } = server.machine.peer().unwrap();
    assert_eq!((certificate, roles), (shows.fingerprint(), Roles::of(&[Role::Leaf])));
    assert_eq!(client.alpn_protocol(), Some(&b"mael/1"[..]));
    for length in [1, 100, BATCH] {
        client.writer().write_all(&vec![7; length]).unwrap();
        assert_eq!(exchange(&mut client, &mut server).unwrap(), vec![7; length]);
        server.machine.write(&vec![8; length], &mut server.records).unwrap();
        exchange(&mut client, &mut server).unwrap();
        let mut read = vec![0; length];
        client.reader().read_exact(&mut read).unwrap();
        assert_eq!(read, vec![8; length]);
    }
    client.send_close_notify();
    exchange(&mut client, &mut server).unwrap();
    assert!(server.machine.is_closed());
    server.machine.close(&mut server.records);
    exchange(&mut client, &mut server).unwrap();
    assert_eq!(client.reader().read(&mut [0]).unwrap(), 0);
}

#[test]
fn bytes_that_come_with_the_end_of_the_handshake_are_read() {
    let shows = Shows::new();
    let (mut client, mut server) = (client(Some(&shows), |_| ()), Server::new(shows.trusted_as(Role::Leaf)));
    client.writer().write_all(b"at once").unwrap();
    let mut up = Vec::new();
    while server.machine.peer().is_none() {
        up = written(&mut client);
        server.records.fill(&up);
        server.machine.advance(&mut server.records).unwrap();
        let down = server.send();
        let mut rest = &down[..];
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            client.process_new_packets().unwrap();
        }
    }
    assert!(records(&up).len() > 1);
    let mut read = [0; 20];
    let count = server.machine.read(&mut read);
    assert_eq!(&read[..count], b"at once");
}

#[test]
fn the_first_answer_is_one_record_that_a_small_leaf_can_read() {
    let shows = Shows::new();
    let provider = CryptoProvider { kx_groups: vec![ring::kx_group::SECP256R1], ..ring::default_provider() };
    let mut client = client_by(provider, Some(&shows), |_| ());
    let mut server = Server::new(shows.trusted_as(Role::Leaf));
    server.receive(&written(&mut client)).unwrap();
    let answer = server.send();
    let encrypted: Vec<_> = records(&answer).into_iter().filter(|(kind, _)| *kind == 23).collect();
    let [(_, length)] = encrypted[..] else { panic!("{encrypted:?}") };
    assert!(length > HUB.len() && length <= TLS_ANSWER, "{length}");
}

#[test]
fn a_client_whose_first_share_is_of_another_group_is_asked_again() {
    let shows = Shows::new();
    // It guesses X25519.
    let (mut client, mut server) = (client(Some(&shows), |_| ()), Server::new(shows.trusted_as(Role::Leaf)));
    exchange(&mut client, &mut server).unwrap();
    assert!(server.machine.peer().is_some());
    assert_eq!(client.handshake_kind(), Some(rustls::HandshakeKind::FullWithHelloRetryRequest));
}

#[test]
fn a_client_without_a_certificate_is_refused() {
    let refused = refusal(Shows::new().trusted_as(Role::Leaf), client(None, |_| ()));
    assert!(matches!(refused, AcceptError::NoCertificate), "{refused:?}");
}

#[test]
fn an_unknown_client_is_refused() {
    let refused = refusal(Shows::new().trusted_as(Role::Leaf), client(Some(&Shows::new()), |_| ()));
    let AcceptError::Untrusted(VerifyError::Rejected(Rejection::Unknown { .. })) = refused else {
        panic!("{refused:?}")
    };
}

#[test]
fn an_expired_client_is_refused() {
    let shows = Shows::until(2025);
    let refused = refusal(shows.trusted_as(Role::Leaf), client(Some(&shows), |_| ()));
    let AcceptError::Untrusted(VerifyError::Rejected(Rejection::Expired { .. })) = refused else {
        panic!("{refused:?}")
    };
}

#[test]
fn a_certificate_that_makes_no_link_makes_no_session() {
    for role in [Role::Operator, Role::Application] {
        let shows = Shows::new();
        let refused = refusal(shows.trusted_as(role), client(Some(&shows), |_| ()));
        assert!(matches!(refused, AcceptError::Untrusted(VerifyError::Role { .. })), "{refused:?}");
    }
}

#[test]
fn a_client_for_another_protocol_is_refused() {
    let shows = Shows::new();
    let http = client(Some(&shows), |config| config.alpn_protocols = vec![b"h2".to_vec()]);
    assert!(matches!(refusal(shows.trusted_as(Role::Leaf), http), AcceptError::Protocol));
}

#[test]
fn the_refused_client_is_told_by_an_alert() {
    let shows = Shows::new();
    let mut server = Server::new(Shows::new().trusted_as(Role::Leaf));
    let mut client = client(Some(&shows), |_| ());
    exchange(&mut client, &mut server).unwrap_err();
    let alert = server.send();
    client.read_tls(&mut &alert[..]).unwrap();
    let told = client.process_new_packets().unwrap_err();
    assert!(matches!(told, Error::AlertReceived(_)), "{told:?}");
}
