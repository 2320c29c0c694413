//! The gossip of a link that waits for room in the outgoing buffer.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use node_core::link::Link;
use node_core::wire::Outbox;
use tokio::sync::Semaphore;

/// Gossip messages that may wait.
const MAX_WAITING: usize = 256;

/// Messages in the order in which they are sent.
pub(super) struct GossipQueue {
    messages: VecDeque<Bytes>,
    /// A permit for each message that may still be queued.
    room: Arc<Semaphore>,
}

impl GossipQueue {
    pub(super) fn new() -> Self {
        Self { messages: VecDeque::new(), room: Arc::new(Semaphore::new(MAX_WAITING)) }
    }

    /// The permits. A sender takes one for each message.
    pub(super) fn room(&self) -> Arc<Semaphore> {
        self.room.clone()
    }

    pub(super) fn push(&mut self, message: Bytes) {
        self.messages.push_back(message);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Hands messages to the link while it takes them.
    pub(super) fn send(&mut self, link: &mut Link<'_>, out: &mut impl Outbox) {
        while let Some(message) = self.messages.front() {
            if link.gossip(message, out).is_err() {
                return;
            }
            self.messages.pop_front();
            self.room.add_permits(1);
        }
    }
}
