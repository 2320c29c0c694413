//! A peer: the other end of one link, and what its link is for.

use crate::gossip::membership::BuddyNotification;
use crate::id::{LinkId, NodeId};
use crate::identity::Certificates;
use crate::time::Instant;
use crate::wire::{GoAway, Kind, Start};

/// A link's place in the node's memory; [`Peer::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct Peer {
    pub(crate) link: LinkId,
    pub(crate) id: NodeId,
    pub(crate) kind: Kind,
    pub(crate) dialled: bool,
    pub(crate) up_at: Instant,
    /// A GOAWAY that the adapter must send, or that was sent or received.
    pub(crate) go_away: Option<GoAway>,
    /// The adapter was told of `go_away`.
    pub(crate) closing: bool,
    /// When the first GOAWAY arrived, or the adapter sent it.
    pub(crate) drains_since: Option<Instant>,
    /// Whether this node wants the link in its active view, and whether the peer does; between hubs.
    pub(crate) grafted: bool,
    pub(crate) grafted_by_peer: bool,
    /// The peer must be told of `grafted`.
    pub(crate) neighbor_due: bool,
    /// The rank of the link, the same at both ends.
    pub(crate) rank: u64,
    /// Whether this node asks the peer for eager push, and whether the peer asks this node.
    pub(crate) asks_eager: bool,
    pub(crate) asked_eager: bool,
    /// There is no room for the peer: it gets peer exchange, and its link is pruned.
    pub(crate) sent_on: bool,
    /// The certificates of the handshake, on a carrier that has one.
    pub(crate) certificates: Option<Certificates>,
    /// A claim about the peer that the peer must hear, to refute it.
    pub(crate) buddy_notification: Option<BuddyNotification>,
    /// The start of the process at the other end.
    pub(crate) start: Start,
    /// The adapter is to ping it, to see whether it is still there.
    pub(crate) ping_due: bool,
    /// The peer's bit in the known-by bitmap of a member; none for a leaf, or when there are too many hubs.
    pub(crate) known_by: u64,
    /// The state of broadcast for the link.
    pub(crate) push: PushState,
    /// The state of sync for the link.
    pub(crate) sync: SyncState,
}

impl Peer {
    /// A free place.
    pub const FREE: Self = Self {
        link: LinkId(0),
        id: NodeId([0; 16]),
        kind: Kind::Leaf,
        dialled: false,
        up_at: Instant::START,
        go_away: None,
        closing: false,
        drains_since: None,
        grafted: false,
        grafted_by_peer: false,
        neighbor_due: false,
        rank: 0,
        asks_eager: false,
        asked_eager: false,
        sent_on: false,
        certificates: None,
        buddy_notification: None,
        start: Start { at: 0, random: 0 },
        ping_due: false,
        known_by: 0,
        push: PushState::NOTHING,
        sync: SyncState::IDLE,
    };

    /// Whether requests and gossip may use the link.
    pub(crate) const fn is_usable(&self) -> bool {
        self.go_away.is_none()
    }

    /// Whether it is a link between hubs that carries gossip.
    pub(crate) const fn is_overlay(&self) -> bool {
        self.is_usable() && matches!(self.kind, Kind::Hub) && (self.grafted || self.grafted_by_peer)
    }

    /// Whether it was told everything, up to this change of the table, and whether this node asks for eager push.
    pub(crate) const fn is_up_to_date(&self, sequence: u64, asks_eager: bool) -> bool {
        self.push.cursor == sequence
            && self.push.lazy_at.is_none()
            && self.buddy_notification.is_none()
            && self.push.feed_from.is_none()
            && self.asks_eager == asks_eager
            && !self.neighbor_due
            && !self.sent_on
    }

    /// Begins to carry gossip: reconciliation finds what is known so far.
    pub(super) fn join_overlay(&mut self, now: Instant) {
        if self.dialled && self.sync.at.is_none() {
            self.sync.at = Some(now);
        }
    }
}

/// The state of broadcast for a link: how much the peer was told, and when it hears more.
#[derive(Clone, Copy, Debug)]
pub struct PushState {
    /// The last change of the table that the peer was told.
    pub cursor: u64,
    /// The peer, a leaf, must hear of the neighbours in the overlay, from this place among the links on.
    pub feed_from: Option<u16>,
    /// When the peer gets lazy push of the changes up to `lazy_to`.
    pub lazy_at: Option<Instant>,
    pub lazy_to: u64,
    /// When the eager pushes so far come to one in each interval: ahead of now after a burst.
    pub eager_paced_at: Instant,
}

impl PushState {
    pub const NOTHING: Self =
        Self { cursor: 0, feed_from: None, lazy_at: None, lazy_to: 0, eager_paced_at: Instant::START };
}

/// The state of sync for a link.
#[derive(Clone, Copy, Debug)]
pub struct SyncState {
    /// When tables are reconciled next; never with a leaf. Of two hubs the one that dialled keeps time.
    pub at: Option<Instant>,
    /// Members that the peer made this node look at by reconciliation, since `work_since`.
    pub work: u32,
    pub work_since: Instant,
}

impl SyncState {
    pub const IDLE: Self = Self { at: None, work: 0, work_since: Instant::START };
}
