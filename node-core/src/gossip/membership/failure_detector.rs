//! The failure detector: which members to probe, and which to suspect without a probe.
//!
//! A broken link is a hint: the hub probes the peer, and how the dial fails says how strong the evidence is. A member that cannot
//! be dialled has a reconnect grace to come back, or to be found at another hub.

use super::deadlines::NEVER;
use super::evidence::Evidence;
use super::member::MemberSlot;
use super::members::{Links, Members};
use super::table::Index;
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::{Kind, Metadata, State};

/// A peer that dialled this node is given this long to dial again before it is probed.
const REDIAL_GRACE: Duration = Duration::from_millis(300);
/// The reconnect grace: a member that cannot be dialled is suspect when it has no link here by then, and no other live hub.
const RECONNECT_GRACE: Duration = Duration::from_secs(5);
/// A node that cannot be dialled goes on naming a hub for this long after their link broke: it may be linked there again, and
/// then nobody need hear of it.
pub const HUBS_GRACE: Duration = Duration::from_secs(2);
const _: () = assert!(
    HUBS_GRACE.as_millis() * 2 < RECONNECT_GRACE.as_millis(),
    "what it says of its hubs must be heard before the reconnect grace is over"
);

/// A leaf that sleeps may be late by this much, and by a part of its sleep: an oscillator without a quartz errs by a hundredth.
const WAKING: Duration = Duration::from_secs(15);
const CLOCK_ERROR: u32 = 64;
/// Longest announced sleep in seconds: a leaf that is gone for good must become suspect some day.
pub const MAX_SLEEP: u32 = 7 * 24 * 3600;

/// Shortest time between two searches for overdue members, and what each member adds to it: when half of a cluster is gone,
/// thousands are overdue.
const EXPIRY_INTERVAL: Duration = Duration::from_millis(20);
const EXPIRY_PER_MEMBER: Duration = Duration::from_micros(2);

/// A hub looks for orphans in one of so many parts of its table at a time, and at so many members at least: where there are many
/// members there are many hubs that look.
const ORPHAN_PARTS: usize = 8;
const MIN_ORPHAN_PART: usize = 256;

impl Members<'_> {
    /// A link broke: probes the peer, to see whether it is gone, or waits until it is back.
    pub fn probe(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        now: Instant,
        id: NodeId,
        dialled: bool,
    ) {
        let Some(index) = self.table.find(id) else { return };
        if !self.table.slot(index).dialable {
            self.begin_reconnect_grace(context, links, now, index);
            return;
        }
        let jitter = context.rng.u64(0..REDIAL_GRACE.as_micros() as u64);
        let grace = if dialled { Duration::ZERO } else { REDIAL_GRACE + Duration::from_micros(jitter) };
        if self.table.slot(index).state.is_live() {
            context.timers.set(Timer::Dial, now);
            self.table.update(index, |slot| {
                slot.dial.wanted = true;
                slot.retry_at = slot.retry_at.max(now + grace);
            });
        }
    }

    /// A member that cannot be dialled comes back by itself, or is found at another hub.
    pub fn begin_reconnect_grace(
        &mut self,
        context: &Context,
        links: &impl Links,
        now: Instant,
        index: Index,
    ) {
        let Some(slot) = self.table.slot_mut(index) else { return };
        if slot.state == State::Alive && !slot.asleep {
            slot.in_grace = true;
            self.table.set_deadline(index, now + RECONNECT_GRACE);
        } else if slot.state == State::Suspect {
            let id = slot.id;
            self.suspect(context, links, now, id, Evidence::Vanished);
        }
    }

    /// Probes a suspect that did not answer until it is declared down: it may have been cut off, and have no link to a node that
    /// could tell it of the suspicion.
    pub fn probe_again(&mut self, index: Index) {
        self.table.update(index, |slot| {
            slot.dial.wanted |= slot.state == State::Suspect && slot.dialable;
        });
    }

    /// A member left the cluster.
    pub fn handle_left(&mut self, context: &Context, now: Instant, id: NodeId) {
        let Some(index) = self.table.find(id) else { return };
        if self.table.slot(index).state.is_live() {
            // Not the member's own word, which it signs: others hear what this node saw.
            self.set_state(context, now, index, State::Left, Some(context.config.id));
            self.table.mark_changed(index, 0);
        }
    }

    /// A leaf announced how long it sleeps, or that it does not.
    pub(super) fn note_sleep(&mut self, now: Instant, index: Index, seconds: u32) {
        let Some(slot) = self.table.slot_mut(index) else { return };
        let slept = slot.asleep;
        slot.asleep = seconds > 0 && slot.kind == Kind::Leaf;
        if slot.state != State::Alive {
            return;
        }
        if slot.asleep {
            slot.in_grace = false;
            let sleep = Duration::from_secs(seconds.min(MAX_SLEEP).into());
            self.table.set_deadline(index, now + sleep + sleep / CLOCK_ERROR + WAKING);
        } else if slept {
            // It names the hubs that it had, and is on its way to them.
            slot.since = now;
            self.table.set_deadline(index, NEVER);
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub fn expiry_due(&self) -> Instant {
        self.table.first_deadline().max(self.expire_from)
    }

    /// Declares overdue suspects down, forgets overdue departed members, and suspects members that did not come back in time.
    pub fn expire(&mut self, context: &mut Context, links: &mut impl Links, now: Instant) {
        if now < self.expiry_due() {
            return;
        }
        let members = u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        self.expire_from = now + EXPIRY_INTERVAL + EXPIRY_PER_MEMBER.saturating_mul(members);
        let mut any_down = false;
        for index in self.table.slots_in_memory() {
            if now < self.table.deadline(index) {
                continue;
            }
            self.table.set_deadline(index, NEVER);
            let &MemberSlot { state, asleep, .. } = self.table.slot(index);
            match state {
                State::Alive if asleep => self.oversleep(context, links, now, index),
                State::Alive => self.end_reconnect_grace(context, links, now, index),
                State::Suspect if context.is_hub() => {
                    any_down |= self.declare_down(context, links, now, index);
                }
                // A leaf leaves it to its hubs.
                State::Suspect => {}
                State::Down | State::Left => self.table.remove(index),
            }
        }
        self.table.recompute_deadlines();
        if any_down {
            let count = self.table.slots_in_memory().len();
            self.suspect_orphans(context, links, now, 0, count);
        }
    }

    /// A sleeping leaf did not come back in time.
    fn oversleep(&mut self, context: &Context, links: &impl Links, now: Instant, index: Index) {
        let id = self.table.slot(index).id;
        if let Some(slot) = self.table.slot_mut(index) {
            slot.asleep = false;
        }
        self.suspect(context, links, now, id, Evidence::Overslept);
    }

    fn end_reconnect_grace(&mut self, context: &mut Context, links: &impl Links, now: Instant, index: Index) {
        let &MemberSlot { id, dialable, outdated, .. } = self.table.slot(index);
        if let Some(slot) = self.table.slot_mut(index) {
            slot.in_grace = false;
        }
        if !links.is_linked(id) && (dialable || outdated || self.is_lost(context, links, index)) {
            self.probe_or_suspect(context, links, now, index);
        }
    }

    /// Probes a member that did not come back, if it can be dialled by now; else suspects it.
    pub(super) fn probe_or_suspect(
        &mut self,
        context: &mut Context,
        links: &impl Links,
        now: Instant,
        index: Index,
    ) {
        let &MemberSlot { id, dialable, .. } = self.table.slot(index);
        if dialable {
            self.probe(context, links, now, id, true);
        } else {
            self.suspect(context, links, now, id, Evidence::Vanished);
        }
    }

    /// Looks for orphans in the next part of the table. The first time a hub looks at all of it: it alone may know of a leaf that
    /// was lost before the hub started.
    pub fn look_for_orphans(&mut self, context: &mut Context, links: &impl Links, now: Instant) {
        let count = self.table.slots_in_memory().len();
        let (from, size) = match self.orphans_from {
            Some(from) => (from, count.div_ceil(ORPHAN_PARTS).max(MIN_ORPHAN_PART).min(count)),
            // Hubs that start together do not go on at the same members.
            None => (context.rng.usize(..count.max(1)), count),
        };
        self.orphans_from = (from + size).checked_rem(count);
        self.suspect_orphans(context, links, now, from, size);
    }

    /// A member that cannot be dialled is an orphan when all its hubs are down, or left, or have lost it. Looks at `count` slots
    /// of the table from one on, as if it were a circle.
    fn suspect_orphans(
        &mut self,
        context: &Context,
        links: &impl Links,
        now: Instant,
        from: usize,
        count: usize,
    ) {
        let members = self.table.slots_in_memory();
        for index in members.clone().skip(from).chain(members).take(count) {
            if self.is_orphan(context, links, now, index) {
                self.suspect(context, links, now, self.table.slot(index).id, Evidence::Orphaned);
            }
        }
    }

    fn is_orphan(&self, context: &Context, links: &impl Links, now: Instant, index: Index) -> bool {
        let slot = self.table.slot(index);
        // One that just joined has not named its hubs yet.
        let settled = now.since(slot.since) >= context.config.suspicion_timeout * 2;
        let exempt = slot.dialable || slot.asleep || slot.in_grace || slot.outdated;
        slot.state == State::Alive && !exempt && settled && self.is_lost(context, links, index)
    }

    /// Whether no hub vouches for a member that cannot be dialled.
    fn is_lost(&self, context: &Context, links: &impl Links, index: Index) -> bool {
        let slot = self.table.slot(index);
        let me = context.config.id;
        if slot.id == me || links.is_linked(slot.id) {
            return false;
        }
        // A member that names this hub and has no link here does not know that the link is gone, or is gone itself: of two hubs
        // that lost it, neither may count on the other.
        Metadata::decode(self.table.metadata(index)).is_ok_and(|metadata| {
            metadata.hubs.contains(&me)
                || !metadata.hubs.iter().any(|hub| *hub != slot.id && self.can_vouch(links, *hub))
        })
    }

    /// Whether it is a hub that is known to live: it can be dialled, or has a link here.
    fn can_vouch(&self, links: &impl Links, id: NodeId) -> bool {
        let Some(slot) = self.table.find(id).map(|index| self.table.slot(index)) else { return false };
        slot.kind == Kind::Hub && slot.state.is_live() && (slot.dialable || links.is_linked(id))
    }
}
