//! The outgoing bytes of a link.

use bytes::{Buf, BytesMut};
use node_core::wire::{Full, Outbox};

/// Bytes that may wait for the carrier. Exchanges keep further bytes.
const LIMIT: usize = 256 * 1024;
/// Memory that an idle link keeps.
const IDLE: usize = 4 * 1024;

/// Frames that wait for the carrier.
pub(super) struct SendBuffer(BytesMut);

impl SendBuffer {
    pub(super) fn new() -> Self {
        Self(BytesMut::new())
    }

    pub(super) fn waiting(&self) -> &[u8] {
        &self.0
    }

    /// Removes the bytes that the carrier took. Frees the memory of an empty buffer.
    pub(super) fn sent(&mut self, bytes: usize) {
        self.0.advance(bytes);
        if self.0.is_empty() && self.0.capacity() > IDLE {
            self.0 = BytesMut::new();
        }
    }
}

impl Outbox for SendBuffer {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > self.room() {
            return Err(Full);
        }
        for part in parts {
            self.0.extend_from_slice(part);
        }
        Ok(())
    }

    fn room(&self) -> usize {
        LIMIT.saturating_sub(self.0.len())
    }
}
