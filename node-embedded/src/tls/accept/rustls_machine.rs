//! rustls without std, behind [`Machine`]: its unbuffered server, TLS 1.3 with P-256 and AES-128-GCM alone.
//!
//! `suite` is the cipher suite, `cipher` its records, `exchange` the key exchange, `client` the judgement of the peer.

mod cipher;
mod client;
mod exchange;
mod key;
mod suite;

use alloc::sync::Arc;
use alloc::vec::Vec;
use alloc::{borrow::ToOwned, vec};
use core::time::Duration;

use pki_types::{CertificateDer, UnixTime};
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::server::{NoServerSessionStorage, UnbufferedServerConnection};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::time_provider::TimeProvider;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use rustls::version::TLS13;

use super::error::AcceptError;
use super::machine::{Machine, Shown};
use super::records::AcceptRecords;
use crate::sizes::TLS_ANSWER;
use crate::tls::session::ALPN;
use crate::tls::trust::{Proved, Trust, VerifyError};

use client::ClientVerifier;
use key::{NoKeys, OwnKey};

/// What encryption adds to a record: its content type and a tag.
const OVERHEAD: usize = 17;
/// The header of a record, which rustls counts as a part of the fragment.
const HEADER: usize = 5;

/// One connection.
pub(crate) struct RustlsMachine {
    connection: UnbufferedServerConnection,
    verifier: Arc<ClientVerifier>,
    /// Decrypted and not read yet, from this place on.
    plaintext: Vec<u8>,
    read: usize,
    /// The handshake is over.
    open: bool,
    closed: bool,
}

impl Machine for RustlsMachine {
    /// Each connection has a configuration of its own: it holds the keys and the trust of this moment, and goes with the handshake.
    fn new(trust: Trust<'static>, shown: Shown<'_>, entropy: [u8; 32]) -> Result<Self, AcceptError> {
        exchange::stir(entropy);
        let verifier = Arc::new(ClientVerifier::new(trust));
        let chain = vec![CertificateDer::from(shown.certificate.to_owned())];
        let pair = CertifiedKey::new(chain, Arc::new(OwnKey::new(shown.signer)));
        let builder = ServerConfig::builder_with_details(Arc::new(provider()), Arc::new(NoClock));
        let mut config = builder
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::clone(&verifier) as _)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(pair)));
        config.alpn_protocols = vec![ALPN.to_vec()];
        config.max_fragment_size = Some(TLS_ANSWER - OVERHEAD + HEADER);
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        let connection = UnbufferedServerConnection::new(Arc::new(config))?;
        Ok(Self { connection, verifier, plaintext: Vec::new(), read: 0, open: false, closed: false })
    }

    fn advance(&mut self, records: &mut AcceptRecords) -> Result<(), AcceptError> {
        if self.read < self.plaintext.len() {
            return Ok(());
        }
        records.check()?;
        self.drive(records, None)
    }

    fn peer(&self) -> Option<Proved> {
        self.verifier.proved().filter(|_| self.open)
    }

    fn read(&mut self, buffer: &mut [u8]) -> usize {
        let rest = self.plaintext.get(self.read..).unwrap_or_default();
        let count = buffer.iter_mut().zip(rest).map(|(to, from)| *to = *from).count();
        self.read += count;
        if self.read >= self.plaintext.len() {
            (self.plaintext, self.read) = (Vec::new(), 0);
        }
        count
    }

    fn is_closed(&self) -> bool {
        self.closed
    }

    fn write(&mut self, plaintext: &[u8], records: &mut AcceptRecords) -> Result<(), AcceptError> {
        self.drive(records, Some(plaintext))
    }

    fn close(&mut self, records: &mut AcceptRecords) {
        let (incoming, outgoing) = records.split();
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(incoming);
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) = state {
            // The connection is over either way.
            let _ = outgoing.put(|room| traffic.queue_close_notify(room).ok());
        }
    }
}

impl RustlsMachine {
    /// Lets rustls work until it waits for the peer, or has decrypted a record, or has encrypted `plaintext`.
    ///
    /// rustls may hold a place in `incoming`, so it is always given all that passed the check.
    fn drive(&mut self, records: &mut AcceptRecords, plaintext: Option<&[u8]>) -> Result<(), AcceptError> {
        let mut plaintext = plaintext;
        loop {
            let (incoming, outgoing) = records.split();
            let UnbufferedStatus { discard, state, .. } = self.connection.process_tls_records(incoming);
            let step = match state {
                Ok(ConnectionState::EncodeTlsData(mut data)) => {
                    outgoing.put(|room| data.encode(room).ok()).map(|()| Step::Again)
                }
                Ok(ConnectionState::TransmitTlsData(data)) => {
                    data.done();
                    Ok(Step::Again)
                }
                // The verifier answers for the peer, whatever rustls thinks of it.
                Ok(ConnectionState::ReadTraffic(_) | ConnectionState::WriteTraffic(_))
                    if self.verifier.proved().is_none() =>
                {
                    Err(AcceptError::Untrusted(VerifyError::Unproved))
                }
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    self.open = true;
                    while let Some(Ok(record)) = traffic.next_record() {
                        self.plaintext.extend_from_slice(record.payload);
                    }
                    Ok(if plaintext.is_some() { Step::Again } else { Step::Wait })
                }
                Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                    self.open = true;
                    match plaintext.take() {
                        Some(bytes) => {
                            outgoing.put(|room| traffic.encrypt(bytes, room).ok()).map(|()| Step::Wait)
                        }
                        None => Ok(Step::Wait),
                    }
                }
                Ok(ConnectionState::PeerClosed) => {
                    self.closed = true;
                    Ok(Step::Again)
                }
                Ok(ConnectionState::Closed | ConnectionState::BlockedHandshake) if plaintext.is_none() => {
                    Ok(Step::Wait)
                }
                Ok(_) => Err(AcceptError::Broken),
                Err(error) => Err(self.verifier.refusal().map_or(error.into(), AcceptError::Untrusted)),
            };
            records.discard(discard);
            match step {
                Ok(Step::Again) => {}
                Ok(Step::Wait) => return Ok(()),
                Err(error) => {
                    self.put_alert(records);
                    return Err(error);
                }
            }
        }
    }

    /// Puts the alert of a connection that failed among the bytes to send.
    fn put_alert(&mut self, records: &mut AcceptRecords) {
        let (incoming, outgoing) = records.split();
        let UnbufferedStatus { state, .. } = self.connection.process_tls_records(incoming);
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = state {
            let _ = outgoing.put(|room| data.encode(room).ok());
        }
    }
}

/// What [`RustlsMachine::drive`] does next.
enum Step {
    Again,
    Wait,
}

/// All that rustls computes with. Signatures are checked by the verifier.
fn provider() -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![suite::SUITE],
        kx_groups: vec![&exchange::P256],
        signature_verification_algorithms: WebPkiSupportedAlgorithms { all: &[], mapping: &[] },
        secure_random: &exchange::Entropy,
        key_provider: &NoKeys,
    }
}

/// rustls asks for the time, and the verifier does not use the answer: it has the node's own clock.
#[derive(Debug)]
struct NoClock;

impl TimeProvider for NoClock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::ZERO))
    }
}
