//! A node together with the memory that it is lent.

use std::prelude::rust_2024::*;
use std::vec;

use self_cell::{MutBorrow, self_cell};

use crate::gossip::{Birth, Config, IdEntry, MemberSlot, Node, PartFingerprint, Peer, PublishError, Storage};
use crate::sim::toy;
use crate::time::Instant;
use crate::wire::record::MAX_METADATA;

/// The cluster of every simulated node.
pub(super) const CLUSTER: &str = "sim";

/// How much memory a node is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Members, the node included.
    pub members: usize,
    /// Links.
    pub peers: usize,
    /// Bytes for the metadata of each member, on average.
    pub metadata: usize,
}

impl Default for Capacity {
    /// Enough for a small cluster.
    fn default() -> Self {
        Self { members: 16, peers: 16, metadata: MAX_METADATA }
    }
}

impl Capacity {
    /// Bytes that a node is lent for each member.
    #[must_use]
    pub const fn bytes_for_each_member(&self) -> usize {
        let columns = size_of::<MemberSlot>() + size_of::<IdEntry>() + size_of::<Instant>();
        columns + size_of::<PartFingerprint>() / MEMBERS_FOR_EACH_PART + self.metadata
    }
}

/// Members for each part fingerprint, as on a server.
const MEMBERS_FOR_EACH_PART: usize = 32;

struct Memory {
    slots: Vec<MemberSlot>,
    id_index: Vec<IdEntry>,
    deadlines: Vec<Instant>,
    fingerprints: Vec<PartFingerprint>,
    metadata: Vec<u8>,
    peers: Vec<Peer>,
}

impl Memory {
    fn new(Capacity { members, peers, metadata }: Capacity) -> Self {
        Self {
            slots: vec![MemberSlot::FREE; members],
            id_index: vec![IdEntry::FREE; members],
            deadlines: vec![Instant::START; members],
            fingerprints: vec![PartFingerprint::EMPTY; members / MEMBERS_FOR_EACH_PART],
            // A node keeps room for its own metadata.
            metadata: vec![0; members * metadata + MAX_METADATA],
            peers: vec![Peer::FREE; peers],
        }
    }

    fn lend(&mut self) -> Storage<'_> {
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

self_cell!(
    struct Cell {
        owner: MutBorrow<Memory>,
        #[covariant]
        dependent: Node,
    }
);

/// A running node: from its start until it ends.
pub(super) struct Life(Cell);

impl Life {
    /// Starts a node in memory of its own.
    pub(super) fn new(capacity: Capacity, config: Config, birth: Birth<'_>) -> Result<Self, PublishError> {
        let memory = MutBorrow::new(Memory::new(capacity));
        Cell::try_new(memory, |memory| {
            let storage = memory.borrow_mut().lend();
            Node::new(Instant::START, config, toy::identity(CLUSTER, config.id), birth, storage)
        })
        .map(Self)
    }

    pub(super) fn node(&self) -> &Node<'_> {
        self.0.borrow_dependent()
    }

    pub(super) fn with<R>(&mut self, act: impl FnOnce(&mut Node<'_>) -> R) -> R {
        self.0.with_dependent_mut(|_, node| act(node))
    }
}
