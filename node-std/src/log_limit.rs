//! Lines that anybody who can reach a port may cause: each one while they are few, a number when they are many.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

/// Lines in one window.
const LINES: u64 = 20;
const WINDOW: Duration = Duration::from_secs(30);

/// Counts occurrences and says which to log.
#[derive(Debug)]
pub struct LogLimit {
    what: &'static str,
    tally: Mutex<Tally>,
}

#[derive(Debug, Default)]
struct Tally {
    window_start: Option<Instant>,
    in_window: u64,
}

/// What to log of an occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Verdict {
    /// This one.
    logged: bool,
    /// How many in the window before were not.
    unlogged_before: u64,
}

impl LogLimit {
    /// For lines about `what`, in the plural.
    #[must_use]
    pub fn of(what: &'static str) -> Self {
        Self { what, tally: Mutex::default() }
    }

    /// Counts an occurrence: whether to log it. Before the first of a window, says how many were left out.
    pub fn admits(&self) -> bool {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let verdict = tally.count(Instant::now());
        drop(tally);
        if verdict.unlogged_before > 0 {
            tracing::warn!("not logged: {} more {}", verdict.unlogged_before, self.what);
        }
        verdict.logged
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
