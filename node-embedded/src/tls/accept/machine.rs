//! A TLS server for one connection, without IO. Another library than rustls takes its place behind this trait.

use node_core::crypto::SoftwareSigner;

use super::error::AcceptError;
use super::records::AcceptRecords;
use crate::tls::trust::{Proved, Trust};

/// What this node shows in a handshake: its certificate in DER, and the key of it.
pub(crate) struct Shown<'c> {
    pub(crate) certificate: &'c [u8],
    pub(crate) signer: SoftwareSigner,
}

/// One connection that a peer opened. It accepts TLS 1.3 alone, and a client only with a certificate.
pub(crate) trait Machine: Sized {
    /// A connection on which nothing has arrived. `entropy` is fresh and from a cryptographic generator.
    ///
    /// # Errors
    /// [`AcceptError`]: this node's key cannot be used.
    fn new(trust: Trust<'static>, shown: Shown<'_>, entropy: [u8; 32]) -> Result<Self, AcceptError>;

    /// Uses the records that arrived, up to the first one that holds bytes of the link. What it answers is put into
    /// `records`.
    ///
    /// # Errors
    /// [`AcceptError`]: the connection is over. An alert that says so may be among the bytes to send.
    fn advance(&mut self, records: &mut AcceptRecords) -> Result<(), AcceptError>;

    /// The identity of the peer, once the handshake is over and the peer has proved it.
    fn peer(&self) -> Option<Proved>;

    /// Moves bytes that were decrypted to the start of `buffer`. Returns how many; 0 when there are none.
    fn read(&mut self, buffer: &mut [u8]) -> usize;

    /// Whether the peer said close_notify.
    fn is_closed(&self) -> bool;

    /// Puts one record with these bytes among the bytes to send, after the handshake.
    ///
    /// # Errors
    /// [`AcceptError`]: the connection is over.
    fn write(&mut self, plaintext: &[u8], records: &mut AcceptRecords) -> Result<(), AcceptError>;

    /// Puts a close_notify among the bytes to send, if there is room.
    fn close(&mut self, records: &mut AcceptRecords);
}
