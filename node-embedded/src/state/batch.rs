//! Frames that wait to be sent as one TLS record.

use node_core::link::LentLink;
use node_core::wire::{Full, Outbox};

use crate::sizes::BATCH;

/// A bounded queue of whole frames.
pub(crate) struct Batch(heapless::Vec<u8, BATCH>);

impl Batch {
    pub(crate) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Outbox for Batch {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > self.room() {
            return Err(Full);
        }
        parts.iter().try_for_each(|part| self.0.extend_from_slice(part).map_err(|_| Full))
    }

    fn room(&self) -> usize {
        self.0.capacity() - self.0.len()
    }
}

/// Puts each gossip message into the batch as a frame of the link.
pub(crate) struct GossipOutbox<'b, 'd> {
    pub(crate) link: &'b mut LentLink<'d>,
    pub(crate) batch: &'b mut Batch,
}

impl Outbox for GossipOutbox<'_, '_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        match parts {
            [message] => self.link.gossip(message, self.batch),
            _ => Err(Full),
        }
    }

    fn room(&self) -> usize {
        self.batch.room().saturating_sub(node_core::wire::HEADER)
    }
}
