//! Suspicion: from *suspect* to *down*, as fast as the evidence is strong.
//!
//! A suspect has a suspicion timeout to refute the suspicion by a higher incarnation. The timeout is short where this node saw
//! strong evidence, long where it only heard of the suspicion, and each independent confirmer halves it (Lifeguard). A member
//! with a link here is never suspected: it gets a buddy notification instead.

use super::deadlines::NEVER;
use super::evidence::{BuddyNotification, Evidence};
use super::member::{MemberSlot, abbreviated, seconds};
use super::members::{Links, Members};
use super::table::Index;
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::{Record, State};

/// While more members than this are suspect, the network fell apart rather than that all of them died: further confirmers are
/// counted, and not passed on.
const MASS_SUSPICION: usize = 16;
/// A member that raised its incarnation so many seconds before a suspicion began is suspected more slowly on the word of others:
/// it may have refuted the last one. Refutations are paced, and a liar that repeats itself is not.
const LATELY: u16 = 10;
/// A suspect that turns out to have a link here gets so many times the suspicion timeout more.
const LINKED_EXTENSION: u32 = 4;

impl Members<'_> {
    /// Makes a member suspect because of what this node saw.
    pub fn suspect(
        &mut self,
        context: &Context,
        links: &impl Links,
        now: Instant,
        id: NodeId,
        evidence: Evidence,
    ) {
        let Some(index) = self.table.find(id) else { return };
        let me = context.config.id;
        if links.is_linked(id) || id == me {
            return;
        }
        let evidence = if self.local_health.is_stalled(now) { Evidence::Stalled } else { evidence };
        let state = self.table.slot(index).state;
        match state {
            State::Alive => {
                self.set_state(context, now, index, State::Suspect, Some(me));
                self.confirm(context, now, index, me, evidence);
                self.table.mark_changed(index, 0);
            }
            State::Suspect if self.confirm(context, now, index, me, evidence) => {
                self.pass_on_confirmer(index, me, 0);
            }
            _ => {}
        }
    }

    /// Another node confirms a suspicion; `known_by` is the bit of the hub that said it.
    pub(super) fn pass_on_confirmer(&mut self, index: Index, confirmer: NodeId, known_by: u64) {
        if self.table.suspects() > MASS_SUSPICION {
            return self.note_known_by(index, known_by);
        }
        if let Some(slot) = self.table.slot_mut(index) {
            slot.by = Some(confirmer);
        }
        self.table.mark_changed(index, known_by);
    }

    /// Counts a confirmer and its evidence, as far as that is known here: each confirmer counts once, of evidence the strongest.
    /// `true` when the confirmer is a new one.
    pub(super) fn confirm(
        &mut self,
        context: &Context,
        now: Instant,
        index: Index,
        confirmer: NodeId,
        evidence: Evidence,
    ) -> bool {
        let confirmer = abbreviated(confirmer);
        let Some(slot) = self.table.slot_mut(index) else { return false };
        let place = slot.confirmers.iter_mut().find(|other| **other == 0 || **other == confirmer);
        let is_new = place.is_some_and(|place| core::mem::replace(place, confirmer) == 0);
        let before = slot.evidence;
        slot.evidence = before.max(evidence);
        if is_new || slot.evidence.timeouts() < before.timeouts() {
            let others = slot.confirmers.iter().filter(|other| **other != 0).count().saturating_sub(1);
            // One liar can name many confirmers.
            let others = if spoke_lately(slot) && slot.evidence.is_reported() { 0 } else { others };
            let timeout = context.config.suspicion_timeout.saturating_mul(slot.evidence.timeouts());
            let expires = (slot.since + timeout / (1 << others)).max(now);
            // A leaf saw nothing itself: its hubs tell it who is down, but not of every refutation.
            if context.is_hub() {
                self.table.set_deadline(index, expires);
            }
        }
        is_new
    }

    /// Whether a live member that others declared down had the time to refute that here.
    pub(super) fn had_time_to_refute(
        &mut self,
        context: &Context,
        now: Instant,
        index: Index,
        declared: &Record<'_>,
    ) -> bool {
        let slot = *self.table.slot(index);
        if (slot.state, slot.incarnation) != (State::Suspect, declared.incarnation) {
            return false;
        }
        if now < self.table.deadline(index) {
            // Only a live member confirms. The word of another strengthens that of one that was counted.
            let by = declared.by.filter(|by| self.is_live(*by)).or(slot.by).unwrap_or(declared.id);
            self.confirm(context, now, index, by, Evidence::DeclaredDown);
        }
        now >= self.table.deadline(index)
    }

    /// Declares a suspect down whose suspicion timed out; `false` when it has a link here after all.
    pub(super) fn declare_down(
        &mut self,
        context: &mut Context,
        links: &mut impl Links,
        now: Instant,
        index: Index,
    ) -> bool {
        let slot = *self.table.slot(index);
        if links.is_linked(slot.id) {
            // Its refutation is under way.
            links.notify_buddy(slot.id, BuddyNotification { state: State::Suspect, ..slot.notification() });
            let extension = context.config.suspicion_timeout.max(Duration::from_millis(1));
            self.table.set_deadline(index, now + extension * LINKED_EXTENSION);
            return false;
        }
        let retry_at = now + context.config.retry;
        self.set_state(context, now, index, State::Down, Some(context.config.id));
        if let Some(slot) = self.table.slot_mut(index) {
            // It may be on its way back.
            slot.dial.failed = 0;
            slot.retry_at = retry_at;
        }
        self.table.mark_changed(index, 0);
        context.timers.set(Timer::Dial, now);
        true
    }

    /// Takes a member that is down out of the cluster; `false` when it is not known or not down.
    pub fn remove(&mut self, context: &Context, now: Instant, id: NodeId) -> bool {
        let down = self.table.find(id).filter(|&index| self.table.slot(index).state == State::Down);
        let Some(index) = down else { return false };
        self.set_state(context, now, index, State::Left, Some(context.config.id));
        self.table.mark_changed(index, 0);
        true
    }

    pub(super) fn set_state(
        &mut self,
        context: &Context,
        now: Instant,
        index: Index,
        state: State,
        by: Option<NodeId>,
    ) {
        let Some(slot) = self.table.slot_mut(index) else { return };
        if slot.state != state {
            slot.since = now;
        }
        slot.by = by;
        slot.confirmers = Default::default();
        slot.evidence = Evidence::Reported;
        slot.in_grace &= state == State::Alive;
        let in_grace = slot.in_grace;
        match state {
            State::Alive if in_grace => {}
            State::Alive | State::Suspect => self.table.set_deadline(index, NEVER),
            State::Down | State::Left => self.table.set_deadline(index, now + context.config.tombstone),
        }
        self.table.update(index, |slot| {
            // No probe is needed of a member that refuted a suspicion, or is gone.
            slot.dial.wanted &= state.is_live() && (slot.dial.for_requests || slot.state != State::Suspect);
            slot.state = state;
        });
    }
}

/// Whether a suspect raised its incarnation shortly before the suspicion began.
fn spoke_lately(suspect: &MemberSlot) -> bool {
    suspect.raised_at != 0 && seconds(suspect.since).wrapping_sub(suspect.raised_at) < LATELY
}
