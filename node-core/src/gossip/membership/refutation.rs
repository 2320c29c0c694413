//! Refutation: a node that hears something wrong of itself announces a higher incarnation.

use crate::gossip::context::Context;
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::{Record, State};

/// The highest incarnation; a higher one is not believed.
pub const MAX_INCARNATION: u64 = 1 << 62;
/// Time for each refutation, after [`REFUTATION_BURST`] of them in a row: two nodes with one identity do not outbid each other at
/// the speed of the network.
pub const REFUTATION_PACE: Duration = Duration::from_secs(1);
/// A member that is suspected again just after it refuted need not wait until the others declare it down.
const REFUTATION_BURST: u32 = 4;
/// So many refutations in a row are logged, and then each 60th.
const LOGGED: u32 = 10;

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

    /// Another node says something wrong of this one, as `record`.
    pub fn note(&mut self, record: &Record<'_>) {
        if record.state != State::Alive {
            self.suspicion = Some((record.state, record.by.unwrap_or(record.id)));
        }
        let pending = self.pending.map_or(record.incarnation, |pending| pending.max(record.incarnation));
        self.pending = Some(pending);
    }

    /// The incarnation that refutes what waits, if it is time. `mine` is the present one.
    pub fn take(&mut self, context: &mut Context, now: Instant, mine: u64) -> Option<u64> {
        let due = self.due();
        context.timers.put(Timer::Refute, due);
        if due.is_none_or(|due| now < due) {
            return None;
        }
        context.timers.clear(Timer::Refute);
        let pending = self.pending.take()?;
        let in_a_row = now < self.paced_at + REFUTATION_PACE;
        self.streak = if in_a_row { self.streak.saturating_add(1) } else { 0 };
        self.paced_at = self.paced_at.max(now) + REFUTATION_PACE;
        let suspicion = self.suspicion.take();
        if mine > pending {
            return None;
        }
        let logged = self.streak < LOGGED || self.streak.is_multiple_of(60);
        if let Some((state, by)) = suspicion.filter(|_| logged) {
            warning!("called {} by {}: refuted", state, by);
        }
        Some(pending.saturating_add(1))
    }

    fn due(&self) -> Option<Instant> {
        self.pending.map(|_| self.paced_at - REFUTATION_PACE * (REFUTATION_BURST - 1))
    }
}
