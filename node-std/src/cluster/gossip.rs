//! The way of gossip from the core to a link.

use bytes::BytesMut;
use node_core::wire::gossip::MAX_MESSAGE;
use node_core::wire::{Full, Outbox};

use crate::link::LinkHandle;

/// Takes the gossip messages for one link.
pub(super) struct GossipOutbox<'h> {
    link: &'h LinkHandle,
    /// The link refused a message.
    full: bool,
}

impl<'h> GossipOutbox<'h> {
    pub(super) const fn new(link: &'h LinkHandle) -> Self {
        Self { link, full: false }
    }

    /// Whether a message found no room.
    pub(super) const fn is_full(&self) -> bool {
        self.full
    }
}

impl Outbox for GossipOutbox<'_> {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        let mut message = BytesMut::with_capacity(self.room());
        parts.iter().for_each(|part| message.extend_from_slice(part));
        self.link.gossip(message.freeze()).inspect_err(|_| self.full = true)
    }

    fn room(&self) -> usize {
        MAX_MESSAGE
    }
}
