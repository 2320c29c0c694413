//! A TLS session with a hub that has proved its identity.

use core::cell::RefCell;
use core::task::Poll;

use embassy_futures::poll_once;
use embassy_time::with_timeout;
use embedded_io_async::{Read, Write};
use embedded_tls::alert::AlertDescription;
use embedded_tls::{
    Aes128GcmSha256, CryptoRngCore, TlsConfig, TlsConnection, TlsContext, TlsError, TlsReader, TlsWriter,
};

use super::carrier::Carrier;
use super::error::SessionError;
use super::guard::Violation;
use super::provider::{Credentials, Provider};
use super::timeouts::HANDSHAKE_TIMEOUT;
use super::traffic::{Receive, Transmit};
use super::trust::{Proved, Trust, VerifyError};
use super::verifier::Verifier;
use crate::entropy;
use crate::sizes::{TLS_READ, TLS_WRITE};

/// Asks the hub's port for a link.
pub(super) const ALPN: &[u8] = b"mael/1";

/// Memory for the records of one session.
pub(crate) struct RecordBuffers {
    pub(crate) read: [u8; TLS_READ],
    pub(crate) write: [u8; TLS_WRITE],
}

impl RecordBuffers {
    pub(crate) const NEW: Self = Self { read: [0; TLS_READ], write: [0; TLS_WRITE] };
}

/// A session: [`open`](Self::open) opens it.
pub(crate) struct Session<'s, R: Read, W: Write<Error = R::Error>> {
    tls: TlsConnection<'s, Carrier<'s, R, W>, Aes128GcmSha256>,
    carrier: Carrier<'s, R, W>,
}

impl<'s, R: Read, W: Write<Error = R::Error>> Session<'s, R, W> {
    /// A session on a carrier that was just opened. It is large, so it is opened in its place.
    pub(crate) fn new(carrier: Carrier<'s, R, W>, records: &'s mut RecordBuffers) -> Self {
        let tls = TlsConnection::new(carrier.clone(), &mut records.read, &mut records.write);
        Self { tls, carrier }
    }

    /// Shakes hands, and returns the identity of the hub.
    ///
    /// # Errors
    /// [`SessionError`]: the carrier is no longer usable. Neither this node's certificate nor a byte for the hub was sent
    /// unless the hub had proved its identity.
    pub(crate) async fn open<G: CryptoRngCore>(
        &mut self,
        trust: Trust<'_>,
        credentials: &impl Credentials,
        rng: &RefCell<G>,
    ) -> Result<Proved, SessionError> {
        check_entropy(rng)?;
        let mut provider = Provider::new(rng, credentials, Verifier::new(trust));
        let config = TlsConfig::new().with_alpn(&[ALPN]);
        let open = self.tls.open(TlsContext::new(&config, &mut provider));
        let opened = with_timeout(HANDSHAKE_TIMEOUT, open).await.map_err(|_| SessionError::Timeout)?;
        if let Some(failure) = provider.hub().failure() {
            return Err(SessionError::Untrusted(failure));
        }
        if let Some(failure) = provider.unsigned() {
            return Err(SessionError::Unsigned(failure));
        }
        opened.map_err(|error| diagnose_handshake(error, self.carrier.violation(), self.carrier.length()))?;
        provider.hub().verified().ok_or(SessionError::Untrusted(VerifyError::Unproved))
    }

    /// Both directions, for use at the same time.
    pub(crate) fn split(&mut self) -> (Reader<'_, 's, R, W>, Writer<'_, 's, R, W>) {
        let carrier = self.carrier.clone();
        let (reader, writer) = self.tls.split();
        (Reader { tls: reader, carrier }, Writer { tls: writer })
    }

    /// Sends close_notify, if the carrier takes it immediately. Call it only when the hub has sent none, and no record
    /// is half written.
    ///
    /// Not inlined, so that a caller with an open session does not hold the stack that this takes.
    #[inline(never)]
    pub(crate) fn close(self) {
        // The connection is over either way. A wait for room would keep a second copy of the session.
        let _ = poll_once(self.tls.close());
    }
}

/// Refuses a handshake when the entropy fails or is stuck: it would give every key away.
fn check_entropy<G: CryptoRngCore>(rng: &RefCell<G>) -> Result<(), SessionError> {
    Ok(entropy::fill(&mut *rng.borrow_mut(), &mut [0; 16])?)
}

/// The bytes that arrive.
///
/// Dropping a read half-way loses the session.
pub(crate) struct Reader<'t, 's, R, W> {
    tls: TlsReader<'t, Carrier<'s, R, W>, Aes128GcmSha256>,
    carrier: Carrier<'s, R, W>,
}

impl<'t, 's: 't, R: Read + 't, W: Write<Error = R::Error> + 't> Receive for Reader<'t, 's, R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SessionError> {
        self.tls.read(buffer).await.map_err(|error| diagnose(error, self.carrier.violation()))
    }
}

/// The bytes to send.
pub(crate) struct Writer<'t, 's, R, W> {
    tls: TlsWriter<'t, Carrier<'s, R, W>, Aes128GcmSha256>,
}

impl<'t, 's: 't, R: Read + 't, W: Write<Error = R::Error> + 't> Transmit for Writer<'t, 's, R, W> {
    fn stage(&mut self, bytes: &[u8]) -> Result<(), SessionError> {
        // embedded-tls waits only for a record that is full.
        match poll_once(self.tls.write(bytes)) {
            Poll::Ready(Ok(taken)) if taken == bytes.len() => Ok(()),
            Poll::Ready(Err(error)) => Err(diagnose(error, None)),
            _ => Err(SessionError::Tls(TlsError::InsufficientSpace)),
        }
    }

    async fn send(&mut self) -> Result<(), SessionError> {
        self.tls.flush().await.map_err(|error| diagnose(error, None))
    }
}

/// Translates an error of embedded-tls in a handshake, after a record of so many bytes. An encrypted alert shows as a record out of
/// place. Of a message that goes on in the next record, embedded-tls reads the part in the first one, and fails.
fn diagnose_handshake(error: TlsError, violation: Option<Violation>, length: usize) -> SessionError {
    match (violation, error) {
        (None, TlsError::InvalidCertificate) => SessionError::LongChain(length),
        (None, _) if length == TLS_READ => SessionError::LongChain(length),
        (
            None,
            TlsError::InvalidRecord | TlsError::HandshakeAborted(_, AlertDescription::HandshakeFailure),
        ) => SessionError::NoCommonKey,
        (violation, error) => diagnose(error, violation),
    }
}

/// Translates an error of embedded-tls.
fn diagnose(error: TlsError, violation: Option<Violation>) -> SessionError {
    match (violation, error) {
        (Some(violation), _) => SessionError::Record(violation),
        (None, TlsError::ConnectionClosed) => SessionError::Closed,
        // An alert after the handshake. A hub that refuses this node's certificate sends one.
        (None, TlsError::InternalError) => SessionError::Refused,
        (None, TlsError::Io(_) | TlsError::IoError) => SessionError::Lost,
        (None, TlsError::Unimplemented) => SessionError::Unimplemented,
        (None, error) => SessionError::Tls(error),
    }
}
