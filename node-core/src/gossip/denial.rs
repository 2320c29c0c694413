//! Denying what is said of this node itself.

use super::node::{MAX_INCARNATION, Node};
use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::{Record, State};

/// Farthest that an incarnation moves at once by what others say: more is a lie or an accident, and following it would use
/// up the numbers. What is said to be farther away is approached step by step, so that no two stay apart.
pub(super) const MAX_LEAP: u64 = 1 << 42;
/// A longer step than this is made once in a [`PAUSE`] for each link: whoever lies every second needs twelve days.
pub(super) const MAX_STEP: u64 = 1 << 24;
/// Time for each denial, after [`BURST`] of them in a row: so two nodes with one identity do not outbid each other at the speed of
/// the network.
pub(super) const PAUSE: Duration = Duration::from_secs(1);
/// Who is doubted anew by some others just after it denied need not wait until these call it down.
const BURST: u32 = 4;

/// So many denials in a row are no accident; from then on each 60th is logged.
const STREAK: u32 = 10;

/// What this node has denied, and has still to deny.
pub(super) struct Denial {
    /// The highest incarnation that was wrong, if it waits.
    pending: Option<u64>,
    /// What was said last, and by whom.
    accusation: Option<(State, NodeId)>,
    /// When what was denied so far comes to one denial in each pause: ahead of now after several.
    paced_at: Instant,
    /// Denials since there was none for a pause.
    streak: u32,
}

impl Denial {
    pub(super) const NONE: Self =
        Self { pending: None, accusation: None, paced_at: Instant::START, streak: 0 };

    pub(super) fn due(&self) -> Option<Instant> {
        self.pending.map(|_| self.paced_at - PAUSE * (BURST - 1))
    }
}

impl Node<'_> {
    /// Something is said of this node itself: what is wrong is outbid by a higher incarnation.
    pub(super) fn deny(&mut self, now: Instant, record: &Record<'_>) {
        let Some(me) = self.table.find(self.config.id) else { return };
        let slot = *self.table.slot(me);
        let same = record.state == slot.state
            && (record.metadata.is_empty() || record.metadata == self.table.metadata(me));
        let wrong =
            record.incarnation > slot.incarnation || (record.incarnation == slot.incarnation && !same);
        if !wrong || self.leaving {
            return;
        }
        if record.incarnation >= MAX_INCARNATION - 1 {
            self.complain(now, "too high an incarnation", record.id);
            return;
        }
        if record.state != State::Alive {
            self.denial.accusation = Some((record.state, record.by.unwrap_or(record.id)));
        }
        let pending =
            self.denial.pending.map_or(record.incarnation, |pending| pending.max(record.incarnation));
        self.denial.pending = Some(pending);
        self.deny_late(now);
    }

    /// Denies what waits, if it is time.
    pub(super) fn deny_late(&mut self, now: Instant) {
        if self.denial.due().is_none_or(|due| now < due) {
            return;
        }
        let Some(pending) = self.denial.pending.take() else { return };
        let streak =
            if now < self.denial.paced_at + PAUSE { self.denial.streak.saturating_add(1) } else { 0 };
        if streak == STREAK {
            warning!(
                "another node seems to use the identity of this one: give it a data directory of its own"
            );
        }
        self.denial.streak = streak;
        self.denial.paced_at = self.denial.paced_at.max(now) + PAUSE;
        let accusation = self.denial.accusation.take();
        let Some(me) = self.table.find(self.config.id) else { return };
        let mine = self.table.slot(me).incarnation;
        if mine > pending {
            return;
        }
        if let Some((state, by)) = accusation.filter(|_| streak < STREAK || streak.is_multiple_of(60)) {
            warning!("called {} by {}: denied", state, by);
        }
        // What is farther away nobody believes either: who does will say so again.
        let next = pending.saturating_add(1).min(mine.saturating_add(MAX_LEAP));
        self.table.revise(me, |slot| slot.incarnation = next);
        self.table.touch(me, 0);
    }
}
