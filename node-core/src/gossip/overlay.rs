//! Which links carry gossip, and how many there are.
//!
//! The overlay of the hubs is a random graph: each keeps some links to hubs that it chose with equal chance, takes those
//! that others chose, and ends what is too much. A link that one side wants for the overlay belongs to it; a link that
//! was made for requests alone carries no gossip until a side wants that.

use super::node::Node;
use super::peers::Peer;
use super::table::{Index, mix};
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::wire::gossip::{Tag, Writer};
use crate::wire::{GoAway, Kind, Metadata, Outbox, State};

/// What is too much is ended after this, with jitter: by then a node that just joined knows others.
const SHEDDING: Duration = Duration::from_secs(2);
/// A link is not ended as too much before this age.
const SETTLED: Duration = Duration::from_secs(5);
/// A link may drain for so long before it has to make room for another.
const LONG_DRAIN: Duration = Duration::from_secs(300);
/// Overlay links that a hub keeps beside those that it needs: else it would end one whenever another dials it.
const SPARE: usize = 1;
/// Links that a hub asks to hear of changes at once: so two breaks must coincide before it hears of one late.
const SOURCES: usize = 2;
/// What *standing* says, in bits.
const WANTS: u8 = 1;
const AT_ONCE: u8 = 2;
/// Hubs that a peer is told of when there is no room for it.
const REFERRED: usize = 8;

impl Node<'_> {
    /// Links to hubs that carry gossip.
    pub(super) fn overlay_links(&self) -> usize {
        self.peers.hubs().filter(|peer| peer.is_overlay()).count()
    }

    /// What is due: ends what is too much, and now and then makes a link to a hub that has none here. So the graph stays
    /// random, and a hub that vanished together with all its neighbours is missed.
    pub(super) fn tend_overlay(&mut self, now: Instant) {
        if self.config.kind == Kind::Leaf {
            return;
        }
        if now >= self.shuffle_at {
            self.shuffle_at = now + self.jitter(self.config.shuffle);
            let stranger = self
                .pick(|node, index| node.table.slot(index).state == State::Alive && node.is_candidate(index));
            if let Some(index) = stranger {
                self.approach(now, index);
                self.shed_later(now);
            }
        }
        if self.shed_at.is_some_and(|at| now >= at) {
            self.shed_at = None;
            self.shed_hubs(now);
            self.shed_leaves(now);
            if self.leaf_links() > self.config.max_leaves {
                self.shed_later(now);
            }
        }
    }

    /// Makes a hub a neighbour, whatever the number of links.
    pub(super) fn approach(&mut self, now: Instant, index: Index) {
        let id = self.table.slot(index).id;
        if self.is_linked(id) {
            return self.promote(now, id);
        }
        self.table.revise(index, |slot| {
            slot.wanted = true;
            slot.for_requests = false;
            slot.retry_at = now;
        });
        self.overlay_at = Some(now);
    }

    /// Whether it has more overlay links than it keeps.
    pub(super) fn has_to_spare(&self) -> bool {
        self.overlay_links() > self.config.active_view + SPARE
    }

    pub(super) fn leaf_links(&self) -> usize {
        self.peers.iter().filter(|peer| peer.is_usable() && peer.kind == Kind::Leaf).count()
    }

    pub(super) fn shed_later(&mut self, now: Instant) {
        if self.shed_at.is_none() {
            self.shed_at = Some(now + self.jitter(SHEDDING + SETTLED));
        }
    }

    /// Room for one more overlay link: for it another is ended. `false` when all are new, as when many join at once.
    pub(super) fn make_way(&mut self, now: Instant) -> bool {
        while self.overlay_links() >= self.config.max_active_view {
            // What this node chose itself stays: else whoever dials often enough could surround it.
            let settled =
                self.pick_peer(|_, peer| peer.is_overlay() && !peer.ours && now.since(peer.up_at) >= SETTLED);
            if settled.is_none() {
                return false;
            }
            self.shed(settled);
        }
        true
    }

    /// Tells a peer that there is no room for of some hubs that may have some.
    pub(super) fn say_referral(&mut self, to: NodeId, out: &mut impl Outbox) -> bool {
        let start = self.rng.usize(0..self.table.len().max(1));
        let hubs = self.table.iter().cycle().skip(start).take(self.table.len()).filter(|&index| {
            let slot = self.table.slot(index);
            slot.dialable && slot.state == State::Alive && slot.id != self.config.id && slot.id != to
        });
        let mut writer = Writer::new(Tag::Records);
        hubs.take(REFERRED).all(|index| writer.push(&self.record_at(index)));
        writer.is_empty() || out.put(&[writer.message()]).is_ok()
    }

    /// Ends the oldest of the overlay links that this node dialled, when there are more than it needs.
    fn shed_hubs(&mut self, now: Instant) {
        if self.has_to_spare() {
            let dialled = self.peers.hubs().filter(|peer| peer.is_overlay() && peer.dialled);
            let oldest =
                dialled.min_by_key(|peer| peer.up_at).filter(|peer| now.since(peer.up_at) >= SETTLED);
            self.shed(oldest.map(|peer| peer.link));
        }
    }

    /// Sends leaves away that are too many, first those that have another hub.
    fn shed_leaves(&mut self, now: Instant) {
        for _ in 0..self.leaf_links().saturating_sub(self.config.max_leaves) {
            let is_leaf =
                |peer: &Peer| peer.is_usable() && peer.kind == Kind::Leaf && now.since(peer.up_at) >= SETTLED;
            let spare = self.pick_peer(|node, peer| is_leaf(peer) && node.hubs_of(peer.id) > 1);
            let chosen = spare.or_else(|| self.pick_peer(|_, peer| is_leaf(peer)));
            self.shed(chosen);
        }
    }

    fn hubs_of(&self, leaf: NodeId) -> usize {
        let metadata =
            self.table.find(leaf).and_then(|index| Metadata::decode(self.table.metadata(index)).ok());
        metadata.map_or(0, |metadata| metadata.hubs.len())
    }

    fn shed(&mut self, link: Option<LinkId>) {
        if let Some(peer) = link.and_then(|link| self.peers.get_mut(link)) {
            peer.go_away = Some(GoAway::Pruned);
        }
    }

    /// A place for a link to `id` when all are taken, for the next time: one that has drained for long is ended hard, for it
    /// would drain as long as its peer likes; else the oldest other one that serves requests alone.
    pub(super) fn shed_requests(&mut self, now: Instant, id: NodeId) {
        let is_overdue = |peer: &&mut Peer| {
            peer.go_away.is_some_and(GoAway::drains)
                && peer.drains_since.is_some_and(|since| now.since(since) >= LONG_DRAIN)
        };
        if let Some(overdue) = self.peers.iter_mut().find(is_overdue) {
            (overdue.go_away, overdue.closing) = (Some(GoAway::Full), false);
            return;
        }
        let for_requests = |peer: &&Peer| peer.is_usable() && !peer.is_overlay() && peer.id != id;
        let idle = self.peers.hubs().filter(for_requests);
        let oldest = idle.min_by_key(|peer| peer.up_at).map(|peer| peer.link);
        self.shed(oldest);
    }

    /// One of the links for which `fits` holds, each with equal chance.
    fn pick_peer(&mut self, fits: impl Fn(&Self, &Peer) -> bool) -> Option<LinkId> {
        let mut rng = self.rng.fork();
        let fitting = || self.peers.iter().filter(|peer| fits(self, peer));
        let count = fitting().count();
        if count == 0 { None } else { fitting().nth(rng.usize(0..count)).map(|peer| peer.link) }
    }

    /// Wants gossip on a link that had none.
    pub(super) fn promote(&mut self, now: Instant, id: NodeId) {
        if !self.make_way(now) {
            return;
        }
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.is_usable() && peer.id == id) {
            peer.ours = true;
            peer.standing_due = true;
            peer.join(now);
        }
        self.introduce(id);
    }

    /// Leaves hear of a hub if it is a neighbour now: they may move to it.
    pub(super) fn introduce(&mut self, id: NodeId) {
        let neighbour = self.peers.hubs().position(|peer| peer.is_overlay() && peer.id == id);
        let Some(place) = neighbour.and_then(|place| u16::try_from(place).ok()) else { return };
        if let Some(slot) = self.table.find(id).and_then(|index| self.table.slot_mut(index)) {
            slot.was_neighbour = true;
        }
        for leaf in self.peers.iter_mut().filter(|peer| peer.kind == Kind::Leaf) {
            leaf.hubs_due = Some(leaf.hubs_due.map_or(place, |from| from.min(place)));
        }
    }

    /// The peer says whether it wants gossip on the link, and whether it wants to hear of changes at once.
    pub(super) fn handle_standing(&mut self, now: Instant, link: LinkId, standing: u8) {
        let wanted = standing & WANTS != 0;
        let outside = |peer: &Peer| peer.is_usable() && !peer.referred && !peer.is_overlay();
        let joins = wanted && self.peers.get(link).is_some_and(outside);
        let referred = joins && !self.make_way(now);
        let Some(peer) = self.peers.get_mut(link) else { return };
        if peer.kind == Kind::Leaf {
            return;
        }
        peer.asked = standing & AT_ONCE != 0;
        peer.referred |= referred;
        // Who is sent away stays outside, however often it says what it wants.
        let theirs = wanted && !peer.referred;
        if peer.theirs != theirs {
            let id = peer.id;
            peer.theirs = theirs;
            if peer.theirs {
                peer.join(now);
                self.introduce(id);
            }
            self.overlay_at = Some(now);
        }
    }

    /// Says what the peer must know of the link's standing.
    pub(super) fn say_standing(&self, peer: &Peer, out: &mut impl Outbox) -> bool {
        let mut writer = Writer::new(Tag::Neighbor);
        let standing = if peer.ours { WANTS } else { 0 } | if peer.asks { AT_ONCE } else { 0 };
        writer.push(&standing) && out.put(&[writer.message()]).is_ok()
    }

    /// Whether a hub is among those that hear of changes at once: both ends of a link rank it alike, so that hardly
    /// anybody is told at once by nobody; and who would be has asked.
    pub(super) fn is_eager(&self, peer: &Peer) -> bool {
        peer.asked || self.is_among(self.config.fanout, peer)
    }

    /// How many hubs hear of changes from here at once: the fan-out.
    #[cfg(feature = "sim")]
    #[must_use]
    pub fn fan_out(&self) -> usize {
        self.peers.hubs().filter(|peer| peer.is_overlay() && self.is_eager(peer)).count()
    }

    /// Whether the peer is to tell of changes at once, whatever the rank of the link is at its end.
    pub(super) fn is_source(&self, peer: &Peer) -> bool {
        self.config.kind == Kind::Hub && peer.is_overlay() && self.is_among(SOURCES, peer)
    }

    /// Whether it is one of the first so many overlay links by rank.
    fn is_among(&self, first: usize, peer: &Peer) -> bool {
        self.peers.hubs().filter(|other| other.rank < peer.rank && other.is_overlay()).take(first).count()
            < first
    }
}

impl Peer {
    /// Whether it is a link between hubs that carries gossip.
    pub(super) const fn is_overlay(&self) -> bool {
        self.is_usable() && matches!(self.kind, Kind::Hub) && (self.ours || self.theirs)
    }

    /// Begins to carry gossip: what is known so far is found by comparing.
    fn join(&mut self, now: Instant) {
        if self.dialled && self.sync_at.is_none() {
            self.sync_at = Some(now);
        }
    }
}

/// A number for a pair of nodes, the same for both.
pub(super) fn rank(one: NodeId, other: NodeId) -> u64 {
    let (one, other) = (u128::from_le_bytes(one.0), u128::from_le_bytes(other.0));
    let both = one.wrapping_add(other) ^ one.wrapping_mul(other);
    mix(both as u64 ^ mix((both >> 64) as u64))
}
