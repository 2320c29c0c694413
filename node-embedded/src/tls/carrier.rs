//! The two directions of a TCP connection as one value that can be cloned: embedded-tls reads and writes at the same
//! time.

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embedded_io_async::{Error, ErrorType, Read, Write};

use super::guard::{Guard, GuardError, Violation};

/// A direction that is shared between clones and used by one at a time.
pub(crate) type Shared<T> = Mutex<NoopRawMutex, T>;

/// Both directions of a connection.
pub(crate) struct Carrier<'c, R, W> {
    reader: &'c Shared<Guard<R>>,
    writer: &'c Shared<W>,
}

impl<'c, R: Read, W> Carrier<'c, R, W> {
    pub(crate) const fn new(reader: &'c Shared<Guard<R>>, writer: &'c Shared<W>) -> Self {
        Self { reader, writer }
    }

    /// The record that made the guard end the connection.
    pub(crate) fn violation(&self) -> Option<Violation> {
        self.reader.try_lock().ok().and_then(|guard| guard.violation())
    }

    /// Bytes of the record that was read last.
    pub(crate) fn length(&self) -> usize {
        self.reader.try_lock().map_or(0, |guard| guard.length())
    }
}

impl<R, W> Clone for Carrier<'_, R, W> {
    fn clone(&self) -> Self {
        Self { reader: self.reader, writer: self.writer }
    }
}

impl<R: ErrorType, W> ErrorType for Carrier<'_, R, W> {
    type Error = GuardError<R::Error>;
}

impl<R: Read, W> Read for Carrier<'_, R, W> {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Self::Error> {
        self.reader.lock().await.read(buffer).await
    }
}

impl<E: Error, R: ErrorType<Error = E>, W: Write<Error = E>> Write for Carrier<'_, R, W> {
    async fn write(&mut self, buffer: &[u8]) -> Result<usize, Self::Error> {
        self.writer.lock().await.write(buffer).await.map_err(GuardError::Carrier)
    }

    /// Returns immediately: TCP sends without a flush, and its flush would wait for the peer's acknowledgement after
    /// every record of the handshake.
    async fn flush(&mut self) -> Result<(), Self::Error> {
        Ok(())
    }
}
