//! Lines that anybody who can reach a port may cause: each one while they are few, a number when they are many.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lines in one window.
const LINES: u64 = 20;
const WINDOW: Duration = Duration::from_secs(30);

/// Counts occurrences and says which to log.
#[derive(Debug, Default)]
pub struct LogLimit(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    window_start: Option<Instant>,
    in_window: u64,
}

/// What to log of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// This one.
    pub logged: bool,
    /// How many in the window before were not.
    pub unlogged_before: u64,
}

impl LogLimit {
    /// Counts an occurrence.
    pub fn count(&self) -> Verdict {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).count(Instant::now())
    }
}

impl Tally {
    fn count(&mut self, now: Instant) -> Verdict {
        let mut unlogged_before = 0;
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW) {
            unlogged_before = self.in_window.saturating_sub(LINES);
            self.window_start = Some(now);
            self.in_window = 0;
        }
        self.in_window += 1;
        Verdict { logged: self.in_window <= LINES, unlogged_before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_but_logged_only_in_part() {
        let start = Instant::now();
        let mut tally = Tally::default();
        let logged = (0..100).filter(|_| tally.count(start).logged).count();
        assert_eq!(logged, 20);
        assert_eq!(tally.count(start + WINDOW), Verdict { logged: true, unlogged_before: 80 });
        assert_eq!(tally.count(start + WINDOW), Verdict { logged: true, unlogged_before: 0 });
    }
}
