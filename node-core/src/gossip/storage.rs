//! The memory that a node is lent.

use super::membership::{IdEntry, MemberSlot, PartFingerprint, TableStorage};
use super::overlay::Peer;
use crate::time::Instant;
use crate::wire::record::MAX_METADATA;

/// Memory lent to a node. The lengths are its bounds.
pub struct Storage<'s> {
    /// One for each member, this node included; at least 1.
    pub slots: &'s mut [MemberSlot],
    /// As many as `slots`.
    pub id_index: &'s mut [IdEntry],
    /// As many as `slots`.
    pub deadlines: &'s mut [Instant],
    /// Any number, none for a leaf. With one for 32 members a hub reconciles tables of thousands without
    /// looking at each member.
    pub fingerprints: &'s mut [PartFingerprint],
    /// The metadata of all members together. The protocol allows [`MAX_METADATA`] bytes for each, usual are 100 to 250, and
    /// [`MAX_METADATA`] are kept for this node's own.
    pub metadata: &'s mut [u8],
    /// One for each link.
    pub peers: &'s mut [Peer],
}

impl<'s> Storage<'s> {
    /// Apart: for the membership, and for the links.
    pub(super) const fn split(self) -> (TableStorage<'s>, &'s mut [Peer]) {
        let Self { slots, id_index, deadlines, fingerprints, metadata, peers } = self;
        (TableStorage { slots, id_index, deadlines, fingerprints, metadata }, peers)
    }
}

/// Memory for `MEMBERS` members, the node included, with metadata of `METADATA` bytes on average, and `LINKS` links, of a
/// size known when it is compiled: for boards and tests. A server lends vectors instead.
pub struct StaticStorage<const MEMBERS: usize, const LINKS: usize, const METADATA: usize = MAX_METADATA> {
    slots: [MemberSlot; MEMBERS],
    id_index: [IdEntry; MEMBERS],
    deadlines: [Instant; MEMBERS],
    metadata: [[u8; METADATA]; MEMBERS],
    peers: [Peer; LINKS],
}

impl<const MEMBERS: usize, const LINKS: usize, const METADATA: usize>
    StaticStorage<MEMBERS, LINKS, METADATA>
{
    /// Memory that nobody uses; fit for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [MemberSlot::FREE; MEMBERS],
            id_index: [IdEntry::FREE; MEMBERS],
            deadlines: [Instant::START; MEMBERS],
            metadata: [[0; METADATA]; MEMBERS],
            peers: [Peer::FREE; LINKS],
        }
    }

    /// Lends it to a node.
    pub const fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.slots,
            id_index: &mut self.id_index,
            deadlines: &mut self.deadlines,
            fingerprints: &mut [],
            metadata: self.metadata.as_flattened_mut(),
            peers: &mut self.peers,
        }
    }
}

impl<const MEMBERS: usize, const LINKS: usize, const METADATA: usize> Default
    for StaticStorage<MEMBERS, LINKS, METADATA>
{
    fn default() -> Self {
        Self::new()
    }
}
