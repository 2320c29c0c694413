//! A node together with the memory that it is lent.

use std::prelude::rust_2024::*;
use std::vec;

use self_cell::{MutBorrow, self_cell};

use crate::gossip::{Config, Entry, Meta, Node, Peer, Slot, Storage, Sum};
use crate::time::Instant;
use crate::wire::record::{BadMeta, MAX_META};

/// What a node is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Members, the node included.
    pub members: usize,
    /// Links.
    pub peers: usize,
    /// Bytes for the description of each member, on average.
    pub meta: usize,
}

impl Default for Capacity {
    /// A small cluster's.
    fn default() -> Self {
        Self { members: 16, peers: 16, meta: MAX_META }
    }
}

impl Capacity {
    /// Bytes that a node is lent for each member.
    #[must_use]
    pub const fn bytes_for_each_member(&self) -> usize {
        let columns = size_of::<Slot>() + size_of::<Entry>() + size_of::<Instant>();
        columns + size_of::<Sum>() / MEMBERS_OF_A_SUM + self.meta
    }
}

/// As a server has it.
const MEMBERS_OF_A_SUM: usize = 32;

struct Memory {
    slots: Vec<Slot>,
    order: Vec<Entry>,
    due: Vec<Instant>,
    sums: Vec<Sum>,
    meta: Vec<u8>,
    peers: Vec<Peer>,
}

impl Memory {
    fn new(Capacity { members, peers, meta }: Capacity) -> Self {
        Self {
            slots: vec![Slot::FREE; members],
            order: vec![Entry::FREE; members],
            due: vec![Instant::START; members],
            sums: vec![Sum::EMPTY; members / MEMBERS_OF_A_SUM],
            // A node keeps room for its own.
            meta: vec![0; members * meta + MAX_META],
            peers: vec![Peer::FREE; peers],
        }
    }

    fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.slots,
            order: &mut self.order,
            due: &mut self.due,
            sums: &mut self.sums,
            meta: &mut self.meta,
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

/// One life of a node: from start to crash.
pub(super) struct Life(Cell);

impl Life {
    /// Starts a node in memory of its own.
    pub(super) fn new(
        capacity: Capacity,
        config: Config,
        (incarnation, meta): (u64, &Meta<'_>),
        seed: u64,
    ) -> Result<Self, BadMeta> {
        let memory = MutBorrow::new(Memory::new(capacity));
        Cell::try_new(memory, |memory| {
            let storage = memory.borrow_mut().lend();
            Node::new(Instant::START, config, (incarnation, meta), (storage, seed))
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
