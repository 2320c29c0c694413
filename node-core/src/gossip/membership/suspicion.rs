//! Suspicion: from *suspect* to *down*, as fast as the evidence is strong.
//!
//! A suspect has a suspicion timeout to refute the suspicion by a higher incarnation. The timeout is short where this node saw
//! strong evidence, long where it only heard of the suspicion, and each independent confirmer halves it (Lifeguard). A member
//! with a link here is never suspected: it gets a buddy notification instead.

use super::deadlines::NEVER;
use super::member::MemberSlot;
use super::table::Index;
use super::{Links, Members};
use crate::gossip::context::Context;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::{Record, State};

/// While more members than this are suspect, the network fell apart rather than that all of them died: further confirmers are
/// counted, and not passed on.
const MASS_SUSPICION: usize = 16;
/// A suspect that turns out to have a link here gets so many times the suspicion timeout more.
const LINKED_EXTENSION: u32 = 4;

/// Why a dial came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The host says that nothing listens there.
    Refused,
    /// The host does not answer.
    Unreachable,
    /// The connection was accepted, and the handshake timed out or failed.
    Unresponsive,
    /// It was not even tried: this node cannot, or does not know where.
    Untried,
}

/// What a suspicion rests on here, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// Others say so.
    Hearsay,
    /// This node stalled itself a moment ago.
    Stalled,
    /// It was not even dialled.
    Untried,
    /// No live hub has a link to it.
    Orphaned,
    /// It accepts connections and does not complete a handshake, as a process that stalls does.
    Unresponsive,
    /// It announced that it would be awake by now.
    Overslept,
    /// Its link broke, and it has no address.
    Vanished,
    /// Its host does not answer.
    Unreachable,
    /// Others declared it down, after it had time to refute the suspicion there.
    DeclaredDown,
    /// Its host says that nothing listens there.
    Refused,
}

impl Evidence {
    /// The time for a suspect to refute the suspicion, before confirmers shorten it, in units of
    /// [`suspicion_timeout`](crate::gossip::Config::suspicion_timeout).
    const fn timeouts(self) -> u32 {
        match self {
            Self::Hearsay | Self::Stalled | Self::Untried | Self::Orphaned | Self::Unresponsive => 30,
            Self::Overslept | Self::Vanished | Self::Unreachable => 4,
            Self::DeclaredDown | Self::Refused => 1,
        }
    }

    /// What it says of the suspect; nothing, when only others saw something.
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Hearsay | Self::DeclaredDown => None,
            Self::Stalled => Some("it has no link here, but this node stalled itself a moment ago"),
            Self::Untried => Some("it cannot be dialled from here"),
            Self::Orphaned => Some("no live hub has a link to it"),
            Self::Unresponsive => Some("it accepts connections and does not respond"),
            Self::Overslept => Some("it did not wake when it said it would"),
            Self::Vanished => Some("its link broke, and it has no address to dial"),
            Self::Unreachable => Some("its host does not answer"),
            Self::Refused => Some("nothing listens at its address"),
        }
    }
}

impl From<Failure> for Evidence {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused => Self::Refused,
            Failure::Unreachable => Self::Unreachable,
            Failure::Unresponsive => Self::Unresponsive,
            Failure::Untried => Self::Untried,
        }
    }
}

/// A buddy notification: what is said of a linked peer elsewhere, for it to refute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuddyNotification {
    /// The incarnation that it concerns.
    pub incarnation: u64,
    /// What the peer is said to be.
    pub state: State,
    /// Who says so.
    pub by: Option<NodeId>,
}

impl From<&Record<'_>> for BuddyNotification {
    fn from(record: &Record<'_>) -> Self {
        Self { incarnation: record.incarnation, state: record.state, by: record.by }
    }
}

impl From<&MemberSlot> for BuddyNotification {
    fn from(slot: &MemberSlot) -> Self {
        Self { incarnation: slot.incarnation, state: slot.state, by: slot.by }
    }
}

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
            // Only a live member confirms. What another says strengthens the word of one that was counted.
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
            links.notify_buddy(slot.id, BuddyNotification { state: State::Suspect, ..(&slot).into() });
            let extension = context.config.suspicion_timeout.max(Duration::from_millis(1));
            self.table.set_deadline(index, now + extension * LINKED_EXTENSION);
            return false;
        }
        let retry_at = now + context.config.retry;
        self.set_state(context, now, index, State::Down, Some(context.config.id));
        if let Some(slot) = self.table.slot_mut(index) {
            // It may be on its way back.
            slot.failed_dials = 0;
            slot.retry_at = retry_at;
        }
        self.table.mark_changed(index, 0);
        context.timers.set(crate::gossip::timers::Timer::Dial, now);
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
        slot.evidence = Evidence::Hearsay;
        slot.in_grace &= state == State::Alive;
        let in_grace = slot.in_grace;
        match state {
            State::Alive if in_grace => {}
            State::Alive | State::Suspect => self.table.set_deadline(index, NEVER),
            State::Down | State::Left => self.table.set_deadline(index, now + context.config.tombstone),
        }
        self.table.update(index, |slot| {
            // No probe is needed of a member that refuted a suspicion, or is gone.
            slot.link_wanted &= state.is_live() && (slot.for_requests || slot.state != State::Suspect);
            slot.state = state;
        });
    }
}

/// A confirmer as a suspect's slot remembers it; never 0.
fn abbreviated(confirmer: NodeId) -> u16 {
    let [.., high, low] = confirmer.0;
    u16::from_be_bytes([high, low]).max(1)
}

impl MemberSlot {
    /// Whether one more confirmer counts.
    pub(super) fn counts(&self, confirmer: NodeId) -> bool {
        self.confirmers.contains(&0) && !self.confirmers.contains(&abbreviated(confirmer))
    }
}
