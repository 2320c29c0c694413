//! The links of this node: who is behind each, and which of two to one peer stays.

use super::denial::{MAX_LEAP, PAUSE};
use super::dial::Target;
use super::node::Node;
use super::overlay::rank;
use super::peers::Peer;
use super::table::digest;
use crate::id::{LinkId, NodeId};
use crate::time::{Duration, Instant};
use crate::wire::{GoAway, Hello, Kind, Metadata, Record, State};

/// Two links that were dialled from both ends within this time are a simultaneous dial.
const SIMULTANEOUS: Duration = Duration::from_secs(5);

/// How a link came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// This node dialled, because [`Node::poll_dial`] said so.
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

impl Node<'_> {
    /// A link came up: `hello` is the peer's.
    ///
    /// # Errors
    /// The link must not stay, for the reason given: say that GOAWAY. Nothing is kept of it, and
    /// [`handle_link_down`](Self::handle_link_down) is not called for it.
    pub fn handle_link_up(
        &mut self,
        now: Instant,
        link: LinkId,
        how: Direction,
        hello: &Hello<'_>,
    ) -> Result<(), GoAway> {
        self.observe(now);
        let for_requests =
            self.table.find(hello.record.id).is_some_and(|index| self.table.slot(index).for_requests);
        if let Direction::Dialled(target) = how {
            self.dial_succeeded(now, target, hello.record.id);
        }
        let Record { id, metadata, .. } = hello.record;
        let kind = Metadata::decode(metadata).map_err(|_| GoAway::Protocol)?.kind;
        if id == self.config.id {
            return Err(GoAway::Protocol);
        }
        if self.is_leaving() {
            return Err(GoAway::Leaving);
        }
        if self.sleeping {
            return Err(GoAway::Asleep);
        }
        if kind == Kind::Leaf && self.config.kind == Kind::Leaf {
            return Err(GoAway::Full);
        }
        let dialled = how != Direction::Accepted;
        let enough = self.overlay_links() >= self.config.active_view;
        let mut ours = dialled && !(for_requests && enough);
        if let Some(rival) = self.peers.iter().find(|peer| peer.is_usable() && peer.id == id) {
            let crossed = rival.dialled != dialled && now.since(rival.up_at) < SIMULTANEOUS;
            let dialled_by_smaller = dialled == (self.config.id < id);
            if crossed && !dialled_by_smaller {
                return Err(GoAway::Replaced);
            }
            // Of two dials that cross, either may have been seen to end by the peer: what this one was made for still holds.
            ours = rival.ours || (crossed && ours);
        } else if kind == Kind::Leaf && 4 * self.leaf_links() >= 3 * self.peers.capacity() {
            // Leaves that are too many are told of other hubs and sent on, but not at once: hubs need places meanwhile.
            return Err(GoAway::Full);
        }
        if self.peers.is_full() {
            self.shed_requests(now, id);
            return Err(GoAway::Full);
        }
        self.peers.iter_mut().filter(|peer| peer.is_usable() && peer.id == id).for_each(|rival| {
            rival.go_away = Some(GoAway::Replaced);
        });
        let both_hubs = kind == Kind::Hub && self.config.kind == Kind::Hub;
        let referred = both_hubs && ours && !self.make_way(now);
        let wants_gossip = both_hubs && ours && !referred;
        let peer = Peer {
            link,
            id,
            kind,
            dialled,
            up_at: now,
            cursor: if kind == Kind::Leaf { 0 } else { self.table.sequence() },
            hubs_due: (kind == Kind::Leaf).then_some(0),
            sync_at: (wants_gossip && dialled).then_some(now),
            ours: ours && !referred,
            standing_due: wants_gossip,
            referred,
            rank: rank(self.config.id, id),
            leap_at: now + PAUSE,
            ..Peer::FREE
        };
        self.peers.insert(peer).map_err(|_| GoAway::Full)?;
        self.forget_the_impossible(&hello.record);
        self.apply(now, &hello.record, Some(link));
        self.confront(&hello.record);
        if let Some(index) = self.table.find(id) {
            self.table.revise(index, |slot| {
                (slot.wanted, slot.for_requests, slot.attempts) = (false, false, 0);
            });
        }
        let is_hub = self.config.kind == Kind::Hub;
        if is_hub && (kind == Kind::Leaf || self.has_to_spare()) {
            self.shed_later(now);
        }
        self.introduce(id);
        self.refresh_hubs();
        self.overlay_at = Some(now);
        Ok(())
    }

    /// A link that was up is gone.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkId, down: LinkEnd) {
        let Some(Peer { id, kind, dialled, go_away: said, .. }) = self.peers.remove(link) else { return };
        self.observe(now);
        self.overlay_at = Some(now);
        self.rename_hubs(now);
        if self.is_linked(id) {
            return;
        }
        if let Some(slot) = self.table.find(id).and_then(|index| self.table.slot_mut(index)) {
            // Dials that failed while it was linked say nothing.
            slot.attempts = 0;
        }
        match down {
            LinkEnd::GoAway(GoAway::Leaving) => self.departed(now, id),
            LinkEnd::GoAway(GoAway::Full | GoAway::Untrusted | GoAway::Pruned) => self.avoid(now, id),
            LinkEnd::GoAway(_) if said == Some(GoAway::Pruned) => self.avoid(now, id),
            _ if self.config.kind == Kind::Leaf => {}
            // Its record says for how long.
            LinkEnd::GoAway(GoAway::Asleep) => {}
            _ if kind == Kind::Leaf && self.is_asleep(id) => {}
            _ => self.verify(now, id, dialled),
        }
    }

    /// The peer of a link said GOAWAY: nothing more is sent there.
    pub fn handle_go_away(&mut self, now: Instant, link: LinkId, reason: GoAway) {
        self.observe(now);
        if let Some(peer) = self.peers.get_mut(link) {
            // The answer to a GOAWAY of this node says nothing new.
            if reason != GoAway::Acknowledged {
                peer.go_away = Some(reason);
            }
            peer.go_away.get_or_insert(reason);
            peer.closing = true;
            peer.drains_since.get_or_insert(now);
            // Its successor may be dialled while it drains.
            self.overlay_at = Some(now);
        }
    }

    /// A link that the adapter must end with this GOAWAY.
    pub fn poll_close(&mut self) -> Option<(LinkId, GoAway)> {
        let peer = self.peers.iter_mut().find(|peer| peer.go_away.is_some() && !peer.closing)?;
        peer.closing = true;
        peer.go_away.map(|reason| (peer.link, reason))
    }

    /// The link to use for a node, if there is one.
    #[must_use]
    pub fn link_to(&self, id: NodeId) -> Option<LinkId> {
        self.peers.iter().find(|peer| peer.is_usable() && peer.id == id).map(|peer| peer.link)
    }

    fn is_asleep(&self, id: NodeId) -> bool {
        self.table.find(id).is_some_and(|index| self.table.slot(index).asleep)
    }

    pub(super) fn is_linked(&self, id: NodeId) -> bool {
        self.peers.iter().any(|peer| peer.is_usable() && peer.id == id)
    }

    /// What a peer that is right here can never have been was a lie.
    fn forget_the_impossible(&mut self, hello: &Record<'_>) {
        if let Some(index) = self.table.find(hello.id).filter(|_| hello.id != self.config.id)
            && self.table.slot(index).incarnation.saturating_sub(hello.incarnation) > MAX_LEAP
        {
            self.table.remove(index);
        }
    }

    /// A peer that said hello with less than is known of it here (it was called suspect meanwhile, or lost its
    /// memory) is told so, so that it can outbid that.
    fn confront(&mut self, hello: &Record<'_>) {
        let Some(index) = self.table.find(hello.id) else { return };
        let slot = self.table.slot(index);
        let state = match slot.incarnation > hello.incarnation {
            // It may know better than it said.
            true => slot.state,
            false if slot.digest != digest(hello.metadata) => slot.state.max(State::Suspect),
            false if slot.state != State::Alive => slot.state,
            false => return,
        };
        self.accuse_to_its_face(hello.id, (slot.incarnation, state, slot.by));
    }

    /// A hub that does not want a link is left alone for a while; not for long, when there is no other.
    fn avoid(&mut self, now: Instant, id: NodeId) {
        let lonely = self.hub_links() == 0;
        let pause = if lonely { self.config.retry_max / 8 } else { self.config.retry_max };
        let retry_at = now + self.jitter(pause);
        for seed in self.seeds.iter_mut().filter(|seed| seed.reached == Some(id)) {
            seed.retry_at = retry_at;
        }
        let Some(index) = self.table.find(id) else { return };
        if let Some(slot) = self.table.slot_mut(index) {
            slot.retry_at = retry_at;
        }
        if self.config.kind == Kind::Hub && !self.table.slot(index).dialable {
            self.await_return(now, index);
        }
    }
}
