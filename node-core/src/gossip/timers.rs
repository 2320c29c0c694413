//! The timers of a node: one table for all that is not tied to one member or one link.

use crate::time::Instant;

/// The work of a node at a time to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Look for an address to dial.
    Dial,
    /// A hub probes a random member that is down, and looks for orphans in a part of its table.
    RandomProbe,
    /// A hub links to a random hub that it has no link to.
    Shuffle,
    /// A hub prunes links that are too many.
    Prune,
    /// A node without an address announces its hubs anew.
    AnnounceHubs,
    /// Refute what others say of this node.
    Refute,
}

/// How many timers there are.
const COUNT: usize = Timer::Refute as usize + 1;

/// When each timer is due; none is due that was not set.
pub struct Timers {
    due: [Option<Instant>; COUNT],
}

impl Timers {
    pub const fn new() -> Self {
        Self { due: [None; COUNT] }
    }

    pub fn set(&mut self, timer: Timer, at: Instant) {
        self.put(timer, Some(at));
    }

    /// Sets a timer that is not set.
    pub fn set_if_unset(&mut self, timer: Timer, at: Instant) {
        if self.due(timer).is_none() {
            self.set(timer, at);
        }
    }

    /// Moves a timer to the front, never back.
    pub fn set_no_later(&mut self, timer: Timer, at: Instant) {
        self.set(timer, self.due(timer).map_or(at, |due| due.min(at)));
    }

    pub fn clear(&mut self, timer: Timer) {
        self.put(timer, None);
    }

    pub fn due(&self, timer: Timer) -> Option<Instant> {
        self.due.get(timer as usize).copied().flatten()
    }

    pub fn is_due(&self, timer: Timer, now: Instant) -> bool {
        self.due(timer).is_some_and(|due| now >= due)
    }

    pub fn earliest(&self) -> Option<Instant> {
        self.due.iter().flatten().min().copied()
    }

    pub fn put(&mut self, timer: Timer, at: Option<Instant>) {
        if let Some(due) = self.due.get_mut(timer as usize) {
            *due = at;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Timer, Timers};
    use crate::time::Instant;

    const fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    #[test]
    fn the_earliest_timer_that_is_set_is_due_first() {
        let mut timers = Timers::new();
        assert_eq!(timers.earliest(), None);
        timers.set(Timer::Refute, at(7));
        timers.set(Timer::Dial, at(9));
        assert_eq!(timers.earliest(), Some(at(7)));
        assert!(timers.is_due(Timer::Refute, at(7)) && !timers.is_due(Timer::Dial, at(8)));
        timers.clear(Timer::Refute);
        assert_eq!(timers.earliest(), Some(at(9)));
    }

    #[test]
    fn a_timer_that_is_set_can_be_kept_or_moved_to_the_front() {
        let mut timers = Timers::new();
        timers.set_if_unset(Timer::Prune, at(5));
        timers.set_if_unset(Timer::Prune, at(3));
        assert_eq!(timers.due(Timer::Prune), Some(at(5)));
        timers.set_no_later(Timer::Prune, at(8));
        assert_eq!(timers.due(Timer::Prune), Some(at(5)));
        timers.set_no_later(Timer::Prune, at(3));
        assert_eq!(timers.due(Timer::Prune), Some(at(3)));
    }
}
