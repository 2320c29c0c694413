//! The getters of a node.

use super::Node;
use crate::gossip::membership::{Index, Member};
use crate::id::{LinkId, NodeId};
use crate::wire::Record;

impl Node<'_> {
    /// This node.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.context.config.id
    }

    /// This node's own record, for its hello.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        self.members.own_record(&self.context)
    }

    /// The size of the active view: how many links to hubs carry gossip.
    #[must_use]
    pub fn active_view_len(&self) -> usize {
        self.overlay.active_view_len()
    }

    /// How many hubs get eager push from here: the fan-out.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn fan_out(&self) -> usize {
        self.overlay.fan_out(&self.context)
    }

    /// How many signatures of records were checked.
    #[cfg(feature = "sim")]
    #[must_use]
    pub const fn checked(&self) -> u64 {
        self.members.checked.get()
    }

    /// How many members there are, this node included.
    #[must_use]
    pub const fn member_count(&self) -> usize {
        self.members.table.len()
    }

    /// All members by ascending id, this node included.
    pub fn members(&self) -> impl Iterator<Item = Member<'_>> {
        self.members.table.iter().filter_map(|index| self.member_at(index))
    }

    /// The records of all members, by ascending id, without reading their metadata.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.members.table.iter().map(|index| self.members.table.record(index))
    }

    /// One member.
    #[must_use]
    pub fn member(&self, id: NodeId) -> Option<Member<'_>> {
        self.members.table.find(id).and_then(|index| self.member_at(index))
    }

    /// The link to use for a node, if there is one.
    #[must_use]
    pub fn link_to(&self, id: NodeId) -> Option<LinkId> {
        self.overlay.link_to(id)
    }

    /// Whether a link carries gossip: every one to a leaf, of those to hubs the links of the overlay.
    #[must_use]
    pub fn carries_gossip(&self, link: LinkId) -> bool {
        self.overlay.carries_gossip(&self.context, link)
    }

    /// Whether [`leave`](Self::leave) was called.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        self.members.is_leaving()
    }

    /// Members that changed after the change numbered `after`, the oldest change first, each with the number of its change;
    /// start with 0. A member that changed several times is named once. Members that are forgotten are not named: hold this
    /// against [`members`](Self::members) now and then.
    pub fn changes(&self, after: u64) -> impl Iterator<Item = (u64, Member<'_>)> {
        let changes = self.members.table.changes(after);
        changes.filter_map(|(index, number)| Some((number, self.member_at(index)?)))
    }

    /// The same, without reading what members say of themselves.
    #[cfg(feature = "sim")]
    pub(crate) fn changed_records(&self, after: u64) -> impl Iterator<Item = (u64, Record<'_>)> {
        let changes = self.members.table.changes(after);
        changes.map(|(index, number)| (number, self.members.table.record(index)))
    }

    fn member_at(&self, index: Index) -> Option<Member<'_>> {
        self.members.member(&self.overlay.peers, index)
    }
}
