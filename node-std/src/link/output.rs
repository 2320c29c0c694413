//! The outgoing bytes of a link.

use bytes::BytesMut;
use node_core::wire::{Full, Outbox};

use crate::buffer::{give_back, lend};

/// Bytes that may wait for the carrier. Exchanges keep further bytes.
const LIMIT: usize = 256 * 1024;

/// Frames that wait for the carrier.
#[derive(Default)]
pub(super) struct Output(BytesMut);

impl Output {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes all frames out. `empty` is memory for the next ones.
    pub(super) fn swap(&mut self, empty: &mut BytesMut) {
        core::mem::swap(&mut self.0, empty);
        if self.0.capacity() > 0 {
            give_back(core::mem::take(&mut self.0));
        }
    }
}

impl Outbox for Output {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > self.room() {
            return Err(Full);
        }
        if self.0.capacity() == 0 {
            self.0 = lend();
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
