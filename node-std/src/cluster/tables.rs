//! The memory that the core's [`Node`](node_core::gossip::Node) borrows.

use node_core::gossip::{IdEntry, MemberSlot, PartFingerprint, Peer, Storage};
use node_core::time::Instant;

/// Members that the table holds.
const MEMBERS: usize = 16_384;
/// Bytes for each member's metadata, on average.
const METADATA: usize = 256;

/// All tables of a node, on the heap.
pub(super) struct Tables {
    slots: Vec<MemberSlot>,
    id_index: Vec<IdEntry>,
    deadlines: Vec<Instant>,
    fingerprints: Vec<PartFingerprint>,
    metadata: Vec<u8>,
    peers: Vec<Peer>,
}

impl Tables {
    /// For a node with at most so many links at once.
    pub(super) fn new(links: usize) -> Self {
        Self {
            slots: vec![MemberSlot::FREE; MEMBERS],
            id_index: vec![IdEntry::FREE; MEMBERS],
            deadlines: vec![Instant::START; MEMBERS],
            fingerprints: vec![PartFingerprint::EMPTY; MEMBERS / 32],
            metadata: vec![0; MEMBERS * METADATA],
            peers: vec![Peer::FREE; links.clamp(1, MEMBERS)],
        }
    }

    pub(super) fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.slots,
            id_index: &mut self.id_index,
            deadlines: &mut self.deadlines,
            fingerprints: &mut self.fingerprints,
            metadata: &mut self.metadata,
            peers: &mut self.peers,
        }
    }
}
