//! The memory that a node is lent.

use super::order::Entry;
use super::peers::Peer;
use super::sums::Sum;
use super::table::Slot;
use crate::time::Instant;
use crate::wire::record::MAX_META;

/// Memory lent to a node. The lengths are its bounds.
pub struct Storage<'s> {
    /// One for each member, this node included; at least 1.
    pub slots: &'s mut [Slot],
    /// As many as `slots`.
    pub order: &'s mut [Entry],
    /// As many as `slots`.
    pub due: &'s mut [Instant],
    /// Any number, none for a leaf. With one for 32 members a hub compares tables of thousands without looking at each member.
    pub sums: &'s mut [Sum],
    /// Descriptions of all members together. The protocol allows [`MAX_META`] bytes for each, usual are 100 to 250, and
    /// [`MAX_META`] are kept for this node's own.
    pub meta: &'s mut [u8],
    /// One for each link.
    pub peers: &'s mut [Peer],
}

/// Memory for `MEMBERS` members, the node included, with descriptions of `META` bytes on average, and `LINKS` links, of a
/// size known when it is compiled: for boards and tests. A server lends vectors instead.
pub struct StaticStorage<const MEMBERS: usize, const LINKS: usize, const META: usize = MAX_META> {
    slots: [Slot; MEMBERS],
    order: [Entry; MEMBERS],
    due: [Instant; MEMBERS],
    meta: [[u8; META]; MEMBERS],
    peers: [Peer; LINKS],
}

impl<const MEMBERS: usize, const LINKS: usize, const META: usize> StaticStorage<MEMBERS, LINKS, META> {
    /// Memory that nobody uses; fit for a `static`.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            slots: [Slot::FREE; MEMBERS],
            order: [Entry::FREE; MEMBERS],
            due: [Instant::START; MEMBERS],
            meta: [[0; META]; MEMBERS],
            peers: [Peer::FREE; LINKS],
        }
    }

    /// Lends it to a node.
    pub const fn lend(&mut self) -> Storage<'_> {
        Storage {
            slots: &mut self.slots,
            order: &mut self.order,
            due: &mut self.due,
            sums: &mut [],
            meta: self.meta.as_flattened_mut(),
            peers: &mut self.peers,
        }
    }
}

impl<const MEMBERS: usize, const LINKS: usize, const META: usize> Default
    for StaticStorage<MEMBERS, LINKS, META>
{
    fn default() -> Self {
        Self::new()
    }
}
