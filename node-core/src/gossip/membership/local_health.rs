//! Local health (Lifeguard): a node that stalled does not trust what it saw, and gives every suspect the lost time.

use super::table::Table;
use crate::log::warning;
use crate::time::{Duration, Instant};
use crate::wire::State;

/// A node that is called so much later than it asked for stalled.
const STALL: Duration = Duration::from_secs(1);
/// For how long the evidence of a node that stalled is the weakest.
const RECOVERY: Duration = Duration::from_secs(10);

/// Whether this node runs in time.
pub struct LocalHealth {
    /// The last time that this node was told.
    seen_at: Instant,
    stalled_until: Instant,
}

impl LocalHealth {
    pub const fn new(now: Instant) -> Self {
        Self { seen_at: now, stalled_until: now }
    }

    pub fn is_stalled(&self, now: Instant) -> bool {
        now < self.stalled_until
    }

    /// Takes note of the time, and of having been called late. `due` is when this node asked to be called.
    pub fn observe(&mut self, table: &mut Table<'_>, now: Instant, due: Option<Instant>) {
        let due = due.map_or(now, |due| due.max(self.seen_at));
        self.seen_at = now;
        let late = now.since(due);
        if late <= STALL {
            return;
        }
        if !self.is_stalled(now) {
            warning!("this node stalled for {} ms", late.as_millis());
        }
        self.stalled_until = now + RECOVERY;
        give_suspects_time(table, late);
    }
}

/// Messages that arrived during the stall wait to be read, so no suspicion times out for it.
fn give_suspects_time(table: &mut Table<'_>, late: Duration) {
    for index in table.slots_in_memory() {
        if let Some(slot) = table.slot_mut(index).filter(|slot| slot.state == State::Suspect) {
            // The timeout that further confirmers leave counts from here.
            slot.since = slot.since + late;
        }
    }
    table.postpone_deadlines(late);
}
