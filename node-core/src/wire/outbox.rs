//! The outbox: outgoing bytes go into the caller's memory, so a board and a server each bring their own.

use thiserror::Error;

/// A bounded sink for whole messages.
pub trait Outbox {
    /// Appends all `parts` as one piece, or nothing.
    ///
    /// # Errors
    /// [`Full`] when they do not fit; the outbox is unchanged.
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full>;

    /// Bytes that can still be put.
    fn room(&self) -> usize;
}

/// The outbox has no room. Nothing changed; try again after some bytes were taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("no room")]
pub struct Full;

/// An [`Outbox`] over a borrowed buffer.
pub struct SliceOutbox<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> SliceOutbox<'b> {
    /// An empty outbox in `buffer`.
    #[must_use]
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// The bytes that were put so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Outbox for SliceOutbox<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let total = parts.iter().map(|part| part.len()).sum::<usize>();
        if total > self.room() {
            return Err(Full);
        }
        for part in parts {
            let end = self.len + part.len();
            self.buffer.get_mut(self.len..end).ok_or(Full)?.copy_from_slice(part);
            self.len = end;
        }
        Ok(())
    }

    fn room(&self) -> usize {
        self.buffer.len() - self.len
    }
}
