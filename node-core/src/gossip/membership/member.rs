//! A member: as the table keeps it, and as others see it.

use super::evidence::{BuddyNotification, Evidence};
use crate::id::NodeId;
use crate::time::Instant;
use crate::wire::{Kind, Metadata, Record, State};

/// Confirmers that count for one suspicion; more change nothing.
pub const MAX_CONFIRMERS: usize = 3;

/// No slot.
pub const NONE: u32 = u32::MAX;
/// No metadata.
pub const NOWHERE: u32 = u32::MAX;

/// A member as the table knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'n> {
    /// The newest record of it.
    pub record: Record<'n>,
    /// Its metadata.
    pub metadata: Metadata<'n>,
    /// When its state was learned here.
    pub since: Instant,
    /// This node has a link to it.
    pub linked: bool,
    /// The evidence of this node against a suspect; others may have more.
    pub evidence: Option<&'static str>,
    /// It is a leaf that sleeps, as it announced.
    pub asleep: bool,
}

/// A member's place in the table; [`MemberSlot::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct MemberSlot {
    pub(crate) id: NodeId,
    pub(crate) incarnation: u64,
    /// When `state` was learned here.
    pub(crate) since: Instant,
    /// Not dialled before.
    pub(crate) retry_at: Instant,
    pub(super) change: Change,
    /// The known-by bits of linked hubs that sent the last change themselves: they need not hear it.
    pub(crate) known_by: u64,
    pub(super) metadata: MetadataPlace,
    /// Digest of the metadata.
    pub(crate) digest: u32,
    /// There was no room for the metadata that belongs to `digest`: the one here is older, and is told to nobody.
    pub(crate) outdated: bool,
    /// The latest confirmer of a suspicion, or the node that declared the member down.
    pub(crate) by: Option<NodeId>,
    /// The confirmers that were counted, abbreviated; 0 is free.
    pub(super) confirmers: [u16; MAX_CONFIRMERS],
    /// When it raised its incarnation last, in seconds, as [`seconds`] counts them; 0 for never.
    pub(crate) raised_at: u16,
    /// The strongest evidence of the suspicion here.
    pub(crate) evidence: Evidence,
    pub(crate) state: State,
    pub(crate) kind: Kind,
    /// A hub with an address.
    pub(crate) dialable: bool,
    /// The dialer's state, but for `retry_at`: in there it would cost 8 bytes more.
    pub(crate) dial: DialState,
    /// A hub that was a neighbour in the overlay: leaves have heard of it.
    pub(crate) was_neighbour: bool,
    /// A leaf that announced that it sleeps.
    pub(crate) asleep: bool,
    /// Its link broke, and it cannot be dialled: the reconnect grace runs.
    pub(crate) in_grace: bool,
    pub(crate) acquaintance: Acquaintance,
}

const _: () = assert!(size_of::<MemberSlot>() <= 128, "10,000 members are to fit a small server");

impl MemberSlot {
    /// A free slot.
    pub const FREE: Self = Self {
        id: NodeId([0; 16]),
        incarnation: 0,
        since: Instant::START,
        retry_at: Instant::START,
        change: Change::NONE,
        known_by: 0,
        metadata: MetadataPlace::NONE,
        digest: 0,
        outdated: false,
        by: None,
        confirmers: [0; MAX_CONFIRMERS],
        raised_at: 0,
        evidence: Evidence::Reported,
        state: State::Left,
        kind: Kind::Leaf,
        dialable: false,
        dial: DialState::IDLE,
        was_neighbour: false,
        asleep: false,
        in_grace: false,
        acquaintance: Acquaintance::Unverified,
    };

    /// Of two versions of a record the larger is newer.
    pub(crate) const fn version(&self) -> (u64, State, u32) {
        (self.incarnation, self.state, self.digest)
    }

    /// What is known here of the member, for it to refute.
    pub(super) const fn notification(&self) -> BuddyNotification {
        BuddyNotification { incarnation: self.incarnation, state: self.state, by: self.by }
    }

    /// Whether one more confirmer counts.
    pub(super) fn counts(&self, confirmer: NodeId) -> bool {
        self.confirmers.contains(&0) && !self.confirmers.contains(&abbreviated(confirmer))
    }
}

/// Whether a link ever showed here that a member exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquaintance {
    /// No: others say so.
    Unverified,
    /// It was linked, and was dialled in vain since.
    Linked,
    /// It is linked, or was and has not been dialled in vain since: one more probe is due to it, whatever its address did before.
    ProbeDue,
}

/// The state of the dialer for a member.
#[derive(Clone, Copy, Debug)]
pub struct DialState {
    /// Dials that failed in a row.
    pub failed: u8,
    /// A dial is under way.
    pub under_way: bool,
    /// A link is wanted however many there are: to probe the member, to replace a link, or for a request.
    pub wanted: bool,
    /// The link is wanted for requests alone: without need it does not join the overlay.
    pub for_requests: bool,
}

impl DialState {
    pub const IDLE: Self = Self { failed: 0, under_way: false, wanted: false, for_requests: false };
}

/// A member's place in the change log.
#[derive(Clone, Copy, Debug)]
pub struct Change {
    /// The number of its last change; 0 for a free slot.
    pub number: u64,
    /// The slot that changed before it, and the one that changed after it. Free slots form a list through `newer`.
    pub older: u32,
    pub newer: u32,
}

impl Change {
    pub const NONE: Self = Self { number: 0, older: NONE, newer: NONE };
}

/// Where the metadata of a member stands.
#[derive(Clone, Copy, Debug)]
pub struct MetadataPlace {
    pub at: u32,
    pub len: u16,
}

impl MetadataPlace {
    pub const NONE: Self = Self { at: NOWHERE, len: 0 };
}

/// The whole seconds of an instant, never 0. They begin anew after 18 hours, which is long enough for what is compared.
pub fn seconds(at: Instant) -> u16 {
    let wrapped = at.as_micros() / 1_000_000 % u64::from(u16::MAX);
    u16::try_from(wrapped).map_or(u16::MAX, |seconds| seconds + 1)
}

/// A confirmer as a suspect's slot remembers it; never 0.
pub fn abbreviated(confirmer: NodeId) -> u16 {
    let [.., high, low] = confirmer.0;
    u16::from_be_bytes([high, low]).max(1)
}
