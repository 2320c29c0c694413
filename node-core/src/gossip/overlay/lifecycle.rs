//! Links as they come and go.

use super::active_view::rank;
use super::links::Overlay;
use super::next_dial::Target;
use super::peer::{Peer, PushState, SyncState};
use super::tie_break::{Newcomer, Outcome};
use crate::gossip::context::Context;
use crate::gossip::membership::{Acquaintance, BuddyNotification, Links, Members, digest};
use crate::gossip::timers::Timer;
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::wire::{GoAway, Kind, Metadata, Outbox, Record, Start, State};

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// This node dialled, because `poll_dial` said so.
    Dialled(Target),
    /// The peer dialled.
    Accepted,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEnd {
    /// The peer said GOAWAY, for this reason; [`GoAway::Acknowledged`] when this node said it first.
    GoAway(GoAway),
    /// The carrier broke, or the peer broke a rule.
    Lost,
}

impl Overlay<'_> {
    /// Admits a link that came up: `record` is the peer's own.
    ///
    /// # Errors
    /// The link must not stay, for the reason given.
    pub fn admit(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        link: LinkId,
        direction: Direction,
        record: &Record<'_>,
    ) -> Result<(), GoAway> {
        let id = record.id;
        let for_requests =
            members.table.find(id).is_some_and(|index| members.table.slot(index).dial.for_requests);
        if let Direction::Dialled(target) = direction {
            self.handle_dial_succeeded(context, members, now, target, id);
        }
        let Metadata { kind, start, .. } = Metadata::decode(record.metadata).map_err(|_| GoAway::Protocol)?;
        let me = context.config.id;
        if id == me {
            return Err(if start == members.start() { GoAway::Itself } else { GoAway::Duplicate });
        }
        self.refuse_duplicate(members, id, start)?;
        if members.is_leaving() {
            return Err(GoAway::Leaving);
        }
        if members.is_sleeping() {
            return Err(GoAway::Asleep);
        }
        if kind == Kind::Leaf && !context.is_hub() {
            return Err(GoAway::Full);
        }
        let dialled = direction != Direction::Accepted;
        let enough = self.active_view_len() >= context.config.active_view;
        let mut grafted = dialled && !(for_requests && enough);
        match self.break_tie(now, &Newcomer { me, peer: id, dialled, grafted })? {
            Outcome::Replaces { grafted: replaces_grafted } => grafted = replaces_grafted,
            // Leaves that are too many are told of other hubs and sent on, but not at once: hubs need places meanwhile.
            Outcome::NoRival if kind == Kind::Leaf && 4 * self.leaf_links() >= 3 * self.peers.capacity() => {
                return Err(GoAway::Full);
            }
            Outcome::NoRival => {}
        }
        if self.peers.is_full() {
            self.evict_for_link(now, id);
            return Err(GoAway::Full);
        }
        self.end_rivals(id, start);
        let both_hubs = kind == Kind::Hub && context.is_hub();
        let sent_on = both_hubs && grafted && !self.evict_for_newcomer(context, now);
        let joins = both_hubs && grafted && !sent_on;
        let peer = Peer {
            link,
            id,
            kind,
            dialled,
            up_at: now,
            push: match kind {
                Kind::Hub => PushState { cursor: members.table.sequence(), ..PushState::NOTHING },
                Kind::Leaf => PushState { feed_from: Some(0), ..PushState::NOTHING },
            },
            sync: SyncState { at: (joins && dialled).then_some(now), ..SyncState::IDLE },
            grafted: grafted && !sent_on,
            neighbor_due: joins,
            sent_on,
            rank: rank(me, id),
            start,
            ..Peer::FREE
        };
        self.peers.insert(peer).map_err(|_| GoAway::Full)
    }

    /// A link was admitted, and the peer's record applied.
    pub fn settle(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        hello: &Record<'_>,
    ) {
        self.notify_outdated(members, hello);
        if let Some(index) = members.table.find(hello.id) {
            members.table.update(index, |slot| {
                (slot.dial.wanted, slot.dial.for_requests, slot.dial.failed) = (false, false, 0);
                slot.acquaintance = Acquaintance::ProbeDue;
            });
        }
        let is_leaf = self.peers.is_linked_leaf(hello.id);
        if context.is_hub() && (is_leaf || self.has_spare_links(context)) {
            self.prune_later(context, now);
        }
        if context.is_hub() {
            self.introduce(members, hello.id);
        }
        members.announce_hubs(context, &self.peers, now);
        context.timers.set(Timer::Dial, now);
    }

    /// A link that was up is gone.
    pub fn handle_link_down(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        gone: &Peer,
        end: LinkEnd,
    ) {
        let &Peer { id, kind, dialled, go_away: said, .. } = gone;
        context.timers.set(Timer::Dial, now);
        members.announce_hubs_later(context, now);
        if self.peers.is_linked(id) {
            return;
        }
        if let Some(slot) = members.table.find(id).and_then(|index| members.table.slot_mut(index)) {
            // Dials that failed while it was linked say nothing.
            slot.dial.failed = 0;
        }
        match end {
            LinkEnd::GoAway(GoAway::Leaving) => members.handle_left(context, now, id),
            LinkEnd::GoAway(GoAway::Full | GoAway::Untrusted | GoAway::Pruned) => {
                self.back_off_from(context, members, now, id);
            }
            LinkEnd::GoAway(GoAway::Duplicate) => {
                // A peer that is linked while others are says nothing by this, or lies.
                if dialled && self.peers.iter().next().is_none() {
                    members.note_refusal();
                }
                self.retry_soon(context, members, now, id);
            }
            LinkEnd::GoAway(_) if said == Some(GoAway::Pruned) => {
                self.back_off_from(context, members, now, id)
            }
            _ if !context.is_hub() => {}
            // Its record says for how long.
            LinkEnd::GoAway(GoAway::Asleep) => {}
            _ if kind == Kind::Leaf && members.is_asleep(id) => {}
            _ => members.probe(context, &self.peers, now, id, dialled),
        }
    }

    /// The peer of a link said GOAWAY: nothing more is sent there.
    pub fn handle_go_away(&mut self, context: &mut Context, now: Instant, link: LinkId, reason: GoAway) {
        if let Some(peer) = self.peers.get_mut(link) {
            // The answer to a GOAWAY of this node says nothing new.
            if reason != GoAway::Acknowledged {
                peer.go_away = Some(reason);
            }
            peer.go_away.get_or_insert(reason);
            peer.closing = true;
            peer.drains_since.get_or_insert(now);
            // Its successor may be dialled while it drains.
            context.timers.set(Timer::Dial, now);
        }
    }

    /// Ends a link whose peer was told what it must know: that this node sleeps, or of other hubs.
    pub fn end_when_told(
        &self,
        context: &mut Context,
        members: &Members<'_>,
        peer: &mut Peer,
        out: &mut impl Outbox,
    ) {
        if members.is_sleeping() && peer.push.cursor == members.table.sequence() {
            peer.go_away = Some(GoAway::Asleep);
        }
        if context.is_hub() && peer.sent_on && self.put_peer_exchange(context, members, peer.id, out) {
            peer.go_away = Some(GoAway::Pruned);
        }
    }

    /// A link that the adapter must end with this GOAWAY.
    pub fn poll_close(&mut self) -> Option<(LinkId, GoAway)> {
        let peer = self.peers.iter_mut().find(|peer| peer.go_away.is_some() && !peer.closing)?;
        peer.closing = true;
        peer.go_away.map(|reason| (peer.link, reason))
    }

    /// The peer of a link broke a rule of gossip: the link ends, also one that drains.
    pub fn end_malformed(&mut self, link: LinkId) {
        let ends = |peer: &&mut Peer| peer.go_away.is_none_or(GoAway::drains);
        if let Some(peer) = self.peers.get_mut(link).filter(ends) {
            (peer.go_away, peer.closing) = (Some(GoAway::Protocol), false);
        }
    }

    /// A peer that said hello with less than is known of it here (it became suspect meanwhile, or lost its memory) gets a buddy
    /// notification, so that it can outbid that.
    fn notify_outdated(&mut self, members: &Members<'_>, hello: &Record<'_>) {
        let Some(index) = members.table.find(hello.id) else { return };
        let slot = members.table.slot(index);
        let state = match slot.incarnation > hello.incarnation {
            // It may know better than it said.
            true => slot.state,
            false if slot.digest != digest(hello.metadata) => slot.state.max(State::Suspect),
            false if slot.state != State::Alive => slot.state,
            false => return,
        };
        self.peers
            .notify_buddy(hello.id, BuddyNotification { incarnation: slot.incarnation, state, by: slot.by });
    }

    /// Of two processes with one identity the one that started first stays. The former life of a node that restarted
    /// may look like the first: a ping shows whether it is still there.
    ///
    /// # Errors
    /// [`GoAway::Duplicate`]: the process that was started at `start` is the second one.
    fn refuse_duplicate(&mut self, members: &Members<'_>, id: NodeId, start: Start) -> Result<(), GoAway> {
        if members.is_known_rival(id, start) {
            return Err(GoAway::Duplicate);
        }
        let first = |peer: &&mut Peer| peer.is_usable() && peer.id == id && peer.start < start;
        let Some(first) = self.peers.iter_mut().find(first) else { return Ok(()) };
        first.ping_due = true;
        Err(GoAway::Duplicate)
    }

    /// The member published who its rival is: a link to that one ends.
    pub fn end_known_rival(&mut self, members: &Members<'_>, id: NodeId) {
        let rivals = self.peers.iter_mut().filter(|peer| peer.is_usable() && peer.id == id);
        for rival in rivals.filter(|peer| members.is_known_rival(id, peer.start)) {
            rival.go_away = Some(GoAway::Duplicate);
        }
    }

    /// A link whose peer the adapter must ping, to see whether it is still there.
    pub fn poll_ping(&mut self) -> Option<LinkId> {
        let peer = self.peers.iter_mut().find(|peer| peer.ping_due && peer.is_usable())?;
        peer.ping_due = false;
        Some(peer.link)
    }

    /// A hub that does not want a link is left alone for a while; not for long, when there is no other.
    fn back_off_from(&mut self, context: &mut Context, members: &mut Members<'_>, now: Instant, id: NodeId) {
        if self.hub_links() == 0 {
            return self.retry_soon(context, members, now, id);
        }
        let wait = context.config.retry_max;
        self.retry_after(context, members, now, id, wait);
    }

    /// A hub that may want a link in a moment is dialled again after a few seconds.
    fn retry_soon(&mut self, context: &mut Context, members: &mut Members<'_>, now: Instant, id: NodeId) {
        let wait = context.config.retry_max / 8;
        self.retry_after(context, members, now, id, wait);
    }

    fn retry_after(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        id: NodeId,
        wait: Duration,
    ) {
        let retry_at = now + context.jitter(wait);
        self.seeds.postpone(id, retry_at);
        let Some(index) = members.table.find(id) else { return };
        if let Some(slot) = members.table.slot_mut(index) {
            slot.retry_at = retry_at;
        }
        if context.is_hub() && !members.table.slot(index).dialable {
            members.begin_reconnect_grace(context, &self.peers, now, index);
        }
    }
}
