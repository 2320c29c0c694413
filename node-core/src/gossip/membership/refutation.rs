//! Refutation: a node that hears something wrong of itself announces a higher incarnation.

use super::rejections::Rejections;
use super::table::Table;
use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::{Record, State};

/// The highest incarnation; a higher one is not believed.
pub const MAX_INCARNATION: u64 = 1 << 62;
/// The incarnation jump limit: others may move an incarnation no farther at once. More is a lie or an accident, and following it
/// would use up the numbers. What is said to be farther away is approached jump by jump, so that no two nodes stay apart.
pub const MAX_INCARNATION_JUMP: u64 = 1 << 42;
/// A longer jump than this is believed once in a [`REFUTATION_PACE`] for each link: a liar that jumps every second needs twelve
/// days to use up the numbers.
pub const FREE_INCARNATION_JUMP: u64 = 1 << 24;
/// Time for each refutation, after [`REFUTATION_BURST`] of them in a row: two nodes with one identity do not outbid each other at
/// the speed of the network.
pub const REFUTATION_PACE: Duration = Duration::from_secs(1);
/// A member that is suspected again just after it refuted need not wait until the others declare it down.
const REFUTATION_BURST: u32 = 4;
/// So many refutations in a row are no accident; from then on each 60th is logged.
const DUPLICATE_IDENTITY: u32 = 10;

/// The refutations of this node, made and pending.
pub struct Refutation {
    /// The highest incarnation that was wrong, if its refutation waits.
    pending: Option<u64>,
    /// The last claim, and its author.
    suspicion: Option<(State, NodeId)>,
    /// When the refutations so far come to one in each pace: ahead of now after several.
    paced_at: Instant,
    /// Refutations since there was none for a pace.
    streak: u32,
}

impl Refutation {
    pub const NONE: Self = Self { pending: None, suspicion: None, paced_at: Instant::START, streak: 0 };

    /// Another node says something of this one.
    pub fn hear(
        &mut self,
        context: &mut Context,
        table: &mut Table<'_>,
        rejections: &mut Rejections,
        now: Instant,
        record: &Record<'_>,
    ) {
        let Some(me) = table.find(context.config.id) else { return };
        let slot = *table.slot(me);
        let same = record.state == slot.state
            && (record.metadata.is_empty() || record.metadata == table.metadata(me));
        let wrong =
            record.incarnation > slot.incarnation || (record.incarnation == slot.incarnation && !same);
        if !wrong {
            return;
        }
        if record.incarnation >= MAX_INCARNATION - 1 {
            rejections.count(now, "too high an incarnation", record.id);
            return;
        }
        if record.state != State::Alive {
            self.suspicion = Some((record.state, record.by.unwrap_or(record.id)));
        }
        let pending = self.pending.map_or(record.incarnation, |pending| pending.max(record.incarnation));
        self.pending = Some(pending);
        self.refute(context, table, now);
    }

    /// Refutes what waits, if it is time.
    pub fn refute(&mut self, context: &mut Context, table: &mut Table<'_>, now: Instant) {
        let due = self.due();
        context.timers.put(Timer::Refute, due);
        if due.is_none_or(|due| now < due) {
            return;
        }
        context.timers.clear(Timer::Refute);
        let Some(pending) = self.pending.take() else { return };
        let in_a_row = now < self.paced_at + REFUTATION_PACE;
        let streak = if in_a_row { self.streak.saturating_add(1) } else { 0 };
        if streak == DUPLICATE_IDENTITY {
            warning!(
                "another node seems to use the identity of this one: give it a data directory of its own"
            );
        }
        self.streak = streak;
        self.paced_at = self.paced_at.max(now) + REFUTATION_PACE;
        let suspicion = self.suspicion.take();
        let Some(me) = table.find(context.config.id) else { return };
        let mine = table.slot(me).incarnation;
        if mine > pending {
            return;
        }
        let logged = streak < DUPLICATE_IDENTITY || streak.is_multiple_of(60);
        if let Some((state, by)) = suspicion.filter(|_| logged) {
            warning!("called {} by {}: refuted", state, by);
        }
        // A node that claims more repeats it, and the incarnation jumps again.
        let next = pending.saturating_add(1).min(mine.saturating_add(MAX_INCARNATION_JUMP));
        table.update(me, |slot| slot.incarnation = next);
        table.mark_changed(me, 0);
    }

    fn due(&self) -> Option<Instant> {
        self.pending.map(|_| self.paced_at - REFUTATION_PACE * (REFUTATION_BURST - 1))
    }
}
