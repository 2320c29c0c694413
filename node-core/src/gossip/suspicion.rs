//! Doubt: from a failed dial or a lost leaf to *suspect*, from there to *down* (R-093 to R-096).
//!
//! A broken link is a hint, not a verdict: the peer is dialled again first. A suspect has a while to deny it by a
//! higher incarnation; every independent accuser halves that while. Whoever has a link to the suspect passes
//! the accusation to it and does not believe it.

use super::node::Node;
use super::table::{Index, Slot};
use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::gossip::Span;
use crate::wire::{Kind, State};

/// A peer that dialled us is given this long to dial again before we do.
const REDIAL_GRACE: Duration = Duration::from_millis(300);

impl Node<'_> {
    /// Calls a member suspect because of what was seen here.
    pub(super) fn suspect(&mut self, now: Instant, id: NodeId, reason: &str) {
        let Some(index) = self.table.find(id) else { return };
        let accuser = self.config.id;
        if self.is_linked(id) || id == accuser {
            return;
        }
        let state = self.table.slot(index).state;
        match state {
            State::Alive => {
                warning!("suspect {} ({}): {}", self.name(index), id, reason);
                self.set_state(now, index, State::Suspect, Some(accuser));
                self.count_accuser(now, index, accuser);
                self.table.touch(index, None);
            }
            State::Suspect if self.count_accuser(now, index, accuser) => {
                if let Some(slot) = self.table.slot_mut(index) {
                    slot.by = Some(accuser);
                }
                self.table.touch(index, None);
            }
            _ => {}
        }
    }

    /// The link to a hub broke: dial it, to see whether it is gone.
    pub(super) fn verify(&mut self, now: Instant, id: NodeId, dialled: bool) {
        let Some(index) = self.table.find(id) else { return };
        if !self.table.slot(index).dialable {
            self.suspect(now, id, "its link ended and it has no address");
            return;
        }
        let jitter = self.rng.u64(0..REDIAL_GRACE.as_micros() as u64);
        let grace = if dialled { Duration::ZERO } else { REDIAL_GRACE + Duration::from_micros(jitter) };
        if let Some(slot) = self.table.slot_mut(index).filter(|slot| slot.state.is_live()) {
            slot.wanted = true;
            slot.retry_at = slot.retry_at.max(now + grace);
        }
    }

    /// A member said goodbye to the cluster.
    pub(super) fn departed(&mut self, now: Instant, id: NodeId) {
        let Some(index) = self.table.find(id) else { return };
        if self.table.slot(index).state.is_live() {
            self.set_state(now, index, State::Left, None);
            self.table.touch(index, None);
        }
    }

    /// Remembers what is said of a linked peer until it is told.
    pub(super) fn accuse_to_its_face(&mut self, id: NodeId, accusation: (u64, State, Option<NodeId>)) {
        let (incarnation, state, _) = accusation;
        if let Some(peer) = self.peers.iter_mut().find(|peer| peer.is_usable() && peer.id == id) {
            let pending = peer.accused.map(|(incarnation, state, _)| (incarnation, state));
            // Denying the worst that is said denies all of it.
            if pending.is_none_or(|pending| pending < (incarnation, state)) {
                peer.accused = Some(accusation);
            }
        }
    }

    /// Counts an accuser once. `true` when it is a new one; the suspect's time is halved then.
    pub(super) fn count_accuser(&mut self, now: Instant, index: Index, accuser: NodeId) -> bool {
        let suspicion = self.config.suspicion;
        let [.., high, low] = accuser.0;
        let brief = u16::from_be_bytes([high, low]).max(1);
        let Some(slot) = self.table.slot_mut(index) else { return false };
        if slot.accusers.contains(&brief) {
            return false;
        }
        let Some((count, free)) = (0u32..).zip(&mut slot.accusers).find(|(_, accuser)| **accuser == 0) else {
            return false;
        };
        *free = brief;
        let all = slot.since + suspicion / (1 << count);
        slot.expires = all.max(now);
        self.expiry_at = self.expiry_at.min(slot.expires);
        true
    }

    pub(super) fn set_state(&mut self, now: Instant, index: Index, state: State, by: Option<NodeId>) {
        let tombstone = self.config.tombstone;
        let Some(slot) = self.table.slot_mut(index) else { return };
        if slot.state != state {
            slot.since = now;
        }
        slot.state = state;
        slot.by = by;
        slot.accusers = Default::default();
        if !state.is_live() {
            slot.wanted = false;
            slot.expires = now + tombstone;
            self.expiry_at = self.expiry_at.min(slot.expires);
        }
    }

    /// Calls overdue suspects down and forgets overdue departed members.
    pub(super) fn expire(&mut self, now: Instant) {
        if now < self.expiry_at {
            return;
        }
        let mut convicted = false;
        let mut rest = Some(Span::ALL);
        while let Some((index, id)) = rest.and_then(|rest| self.overdue(now, rest)) {
            match self.table.slot(index).state {
                State::Suspect => convicted |= self.convict(now, index),
                _ => self.table.remove(index),
            }
            rest = Span::after(id);
        }
        if convicted && self.config.kind == Kind::Hub {
            self.suspect_orphans(now);
        }
        let pending = self.table.iter().map(|index| self.table.slot(index));
        let pending = pending.filter(|slot| slot.state != State::Alive && slot.id != self.config.id);
        self.expiry_at = pending.map(|slot| slot.expires).min().unwrap_or(Instant::from_micros(u64::MAX));
    }

    fn overdue(&self, now: Instant, rest: Span) -> Option<(Index, NodeId)> {
        self.table.span(rest).map(|index| (index, self.table.slot(index).id)).find(|&(index, id)| {
            let slot = self.table.slot(index);
            slot.state != State::Alive && id != self.config.id && now >= slot.expires
        })
    }

    /// Calls an overdue suspect down; `false` when it has a link here after all.
    fn convict(&mut self, now: Instant, index: Index) -> bool {
        let Slot { id, incarnation, by, .. } = *self.table.slot(index);
        if self.is_linked(id) {
            // It is right here, and its denial is under way.
            self.accuse_to_its_face(id, (incarnation, State::Suspect, by));
            let expires = now + self.config.suspicion.max(Duration::from_millis(1));
            if let Some(slot) = self.table.slot_mut(index) {
                slot.expires = expires;
            }
            return false;
        }
        warning!("{} is down: it did not object in time", self.name(index));
        let retry = now + self.config.retry_max;
        self.set_state(now, index, State::Down, Some(self.config.id));
        if let Some(slot) = self.table.slot_mut(index) {
            slot.retry_at = retry;
        }
        self.table.touch(index, None);
        self.overlay_at = Some(now);
        true
    }

    /// Nobody speaks for a leaf any more when all its hubs are down, or left.
    pub(super) fn suspect_orphans(&mut self, now: Instant) {
        let mut rest = Some(Span::ALL);
        while let Some(id) = rest.and_then(|rest| self.orphan(now, rest)) {
            self.suspect(now, id, "all its hubs are gone");
            rest = Span::after(id);
        }
    }

    fn orphan(&self, now: Instant, rest: Span) -> Option<NodeId> {
        // This node is asked about leaves that are not linked here: it does not speak for them (any more).
        let gone = |hub: &NodeId| *hub == self.config.id || !self.is_live(*hub);
        self.table.span(rest).find_map(|index| {
            let slot = self.table.slot(index);
            // One that just joined has not named its hubs yet.
            let settled = now.since(slot.since) >= self.config.suspicion;
            if slot.kind != Kind::Leaf || slot.state != State::Alive || !settled || self.is_linked(slot.id) {
                return None;
            }
            let hubs = crate::wire::Meta::decode(self.table.meta(index)).ok()?.hubs;
            hubs.iter().all(gone).then_some(slot.id)
        })
    }
}
