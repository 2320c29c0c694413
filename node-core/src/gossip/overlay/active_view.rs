//! The active view (HyParView): which links carry gossip, and which of them push eagerly.

use super::links::Overlay;
use super::peer::Peer;
use crate::gossip::context::Context;
use crate::gossip::membership::{Index, Links, Members, mix};
use crate::gossip::timers::Timer;
use crate::id::{LinkId, NodeId};
use crate::time::Instant;
use crate::wire::gossip::{Tag, Writer};
use crate::wire::{Kind, Outbox, State};

/// Links on which a hub asks for eager push: so two breaks must coincide before it hears of a change late.
const EAGER_SOURCES: usize = 2;

/// Flags of NEIGHBOR. Without GRAFT the message is a PRUNE.
const GRAFT: u8 = 1;
const EAGER: u8 = 2;

impl Overlay<'_> {
    /// Does what is due for the active view of a hub. It probes a random hub that is down, and looks for orphans. It shuffles, so
    /// that the graph stays random, and a hub that vanished together with all its neighbours is noticed. It prunes links that are
    /// too many.
    pub fn handle_timeout(&mut self, context: &mut Context, members: &mut Members<'_>, now: Instant) {
        if !context.is_hub() {
            return;
        }
        if context.timers.is_due(Timer::RandomProbe, now) {
            let next = now + context.jitter(context.config.random_probe);
            context.timers.set(Timer::RandomProbe, next);
            self.probe_down_hub(context, members, now);
            members.look_for_orphans(context, &self.peers, now);
        }
        if context.timers.is_due(Timer::Shuffle, now) {
            let next = now + context.jitter(context.config.shuffle);
            context.timers.set(Timer::Shuffle, next);
            let config = &context.config;
            let non_neighbour = members.pick(&mut context.rng, |index| {
                members.table.slot(index).state == State::Alive && self.is_candidate(config, members, index)
            });
            if let Some(index) = non_neighbour {
                self.make_neighbour(context, members, now, index);
                self.prune_later(context, now);
            }
        }
        if context.timers.is_due(Timer::Prune, now) {
            context.timers.clear(Timer::Prune);
            self.prune_hubs(context, now);
            self.prune_leaves(context, members, now);
            if self.has_too_many_leaves(context) {
                self.prune_later(context, now);
            }
        }
    }

    /// Links to a random hub that is down, however many links there are: that is how two parts of a cluster that lost each other
    /// meet again.
    fn probe_down_hub(&mut self, context: &mut Context, members: &mut Members<'_>, now: Instant) {
        if members.table.down() == 0 {
            return;
        }
        let config = &context.config;
        let lost = members.pick(&mut context.rng, |index| {
            members.table.slot(index).state == State::Down && self.is_candidate(config, members, index)
        });
        if let Some(index) = lost {
            self.make_neighbour(context, members, now, index);
        }
    }

    /// Makes a hub a neighbour, however many links there are.
    fn make_neighbour(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        index: Index,
    ) {
        let id = members.table.slot(index).id;
        if self.peers.is_linked(id) {
            return self.graft(context, members, now, id);
        }
        members.table.update(index, |slot| {
            slot.dial.wanted = true;
            slot.dial.for_requests = false;
            slot.retry_at = now;
        });
        context.timers.set(Timer::Dial, now);
    }

    /// Grafts a link that carried no gossip.
    pub(super) fn graft(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        id: NodeId,
    ) {
        if !self.evict_for_newcomer(context, now) {
            return;
        }
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.is_usable() && peer.id == id) {
            peer.grafted = true;
            peer.neighbor_due = true;
            peer.join_overlay(now);
        }
        self.introduce(members, id);
    }

    /// Leaves hear of a hub if it is a neighbour now: they may move to it.
    pub fn introduce(&mut self, members: &mut Members<'_>, id: NodeId) {
        let neighbour = self.peers.hubs().position(|peer| peer.is_overlay() && peer.id == id);
        let Some(place) = neighbour.and_then(|place| u16::try_from(place).ok()) else { return };
        if let Some(slot) = members.table.find(id).and_then(|index| members.table.slot_mut(index)) {
            slot.was_neighbour = true;
        }
        for leaf in self.peers.iter_mut().filter(|peer| peer.kind == Kind::Leaf) {
            leaf.push.feed_from = Some(leaf.push.feed_from.map_or(place, |from| from.min(place)));
        }
    }

    /// The peer grafts or prunes the link, and says whether it wants eager push.
    pub fn handle_neighbor(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        link: LinkId,
        flags: u8,
    ) {
        let grafts = flags & GRAFT != 0;
        let outside = |peer: &Peer| peer.is_usable() && !peer.sent_on && !peer.is_overlay();
        let joins = grafts && self.peers.get(link).is_some_and(outside);
        let sent_on = joins && !self.evict_for_newcomer(context, now);
        let Some(peer) = self.peers.get_mut(link).filter(|peer| peer.kind == Kind::Hub) else { return };
        peer.asked_eager = flags & EAGER != 0;
        peer.sent_on |= sent_on;
        // A peer that is sent on stays outside, however often it grafts.
        let grafted = grafts && !peer.sent_on;
        if peer.grafted_by_peer != grafted {
            let id = peer.id;
            peer.grafted_by_peer = grafted;
            if grafted {
                peer.join_overlay(now);
                self.introduce(members, id);
            }
            context.timers.set(Timer::Dial, now);
        }
    }

    /// Says NEIGHBOR to a peer, when it must know something new.
    pub fn poll_neighbor(&self, context: &Context, peer: &mut Peer, out: &mut impl Outbox) {
        let asks_eager = self.asks_eager(context, peer);
        if peer.neighbor_due || peer.asks_eager != asks_eager {
            peer.asks_eager = asks_eager;
            peer.neighbor_due = !put_neighbor(peer, out);
        }
    }

    /// Whether a hub gets eager push: both ends of a link rank it alike, so hardly any hub gets none; and one that would has asked
    /// for it.
    pub fn is_eager(&self, context: &Context, peer: &Peer) -> bool {
        peer.asked_eager || self.is_among_lowest(context.config.fanout, peer)
    }

    /// How many hubs get eager push from here: the fan-out.
    #[cfg(feature = "sim")]
    pub fn fan_out(&self, context: &Context) -> usize {
        self.peers.hubs().filter(|peer| peer.is_overlay() && self.is_eager(context, peer)).count()
    }

    /// Whether this node asks the peer for eager push, whatever the rank of the link is at its end.
    pub fn asks_eager(&self, context: &Context, peer: &Peer) -> bool {
        context.is_hub() && peer.is_overlay() && self.is_among_lowest(EAGER_SOURCES, peer)
    }

    /// Whether it is one of the first so many overlay links by rank.
    fn is_among_lowest(&self, first: usize, peer: &Peer) -> bool {
        self.peers.hubs().filter(|other| other.rank < peer.rank && other.is_overlay()).take(first).count()
            < first
    }
}

/// A number for a pair of nodes, the same for both.
pub(super) fn rank(one: NodeId, other: NodeId) -> u64 {
    let (one, other) = (u128::from_le_bytes(one.0), u128::from_le_bytes(other.0));
    let both = one.wrapping_add(other) ^ one.wrapping_mul(other);
    mix(both as u64 ^ mix((both >> 64) as u64))
}

/// `false` when there is no room.
fn put_neighbor(peer: &Peer, out: &mut impl Outbox) -> bool {
    let mut writer = Writer::new(Tag::Neighbor);
    let flags = if peer.grafted { GRAFT } else { 0 } | if peer.asks_eager { EAGER } else { 0 };
    writer.push(&flags) && out.put(&[writer.message()]).is_ok()
}
