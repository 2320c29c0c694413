//! Versions of records, as they travel and as the table orders them.

use core::cmp::Ordering;

use super::member::MemberSlot;
use super::members::Members;
use super::table::Index;
use crate::wire::State;
use crate::wire::gossip::Version;

impl MemberSlot {
    pub(crate) fn wire_version(&self) -> Version {
        let (id, incarnation, state) = (self.id, self.incarnation, self.state);
        Version { id, incarnation, state, digest: self.digest.to_le_bytes() }
    }
}

impl Version {
    /// Of two versions of one member the larger is newer.
    pub(crate) fn order(&self) -> (u64, State, u32) {
        (self.incarnation, self.state, u32::from_le_bytes(self.digest))
    }
}

impl Members<'_> {
    /// Whether a version is newer than what is known here of its member, or as new.
    pub fn compare_version(&self, version: &Version) -> (Option<Index>, Ordering) {
        match self.table.find(version.id) {
            Some(index) => (Some(index), version.order().cmp(&self.table.slot(index).version())),
            None if version.state.is_live() => (None, Ordering::Greater),
            None => (None, Ordering::Less),
        }
    }
}
