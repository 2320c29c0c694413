//! The two directions of an open session, whichever side dialled.

use super::error::SessionError;

/// The bytes that arrive.
pub(crate) trait Receive {
    /// Waits for bytes and copies some to the start of `buffer`. Dropping this half-way loses the session.
    ///
    /// # Errors
    /// [`SessionError`]: the session is over.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, SessionError>;
}

/// The bytes to send.
pub(crate) trait Transmit {
    /// Takes the bytes of the next record, at most [`BATCH`](crate::sizes::BATCH), without waiting; the last one
    /// must have been [sent](Self::send).
    ///
    /// # Errors
    /// [`SessionError`]: the session is over.
    fn stage(&mut self, bytes: &[u8]) -> Result<(), SessionError>;

    /// Encrypts and sends the staged bytes. Dropping this half-way loses the session.
    ///
    /// # Errors
    /// [`SessionError`]: the session is over.
    async fn send(&mut self) -> Result<(), SessionError>;
}
