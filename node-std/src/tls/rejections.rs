//! Rejected peers in the log: each one while they are few, a number when they are many.

use core::fmt;
use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Lines in one window.
const LINES: u64 = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// Counts rejections and keeps whoever knocks from filling the log.
#[derive(Debug, Default)]
pub struct Rejections(Mutex<Tally>);

#[derive(Debug, Default)]
struct Tally {
    total: u64,
    window_start: Option<Instant>,
    in_window: u64,
}

impl Rejections {
    /// Counts a rejection and logs it, if its window has room for a line.
    pub fn note(&self, now: Instant, subject: Option<&str>, rejection: &impl fmt::Display) {
        let (logged, unlogged_before) = self.0.lock().unwrap_or_else(PoisonError::into_inner).count(now);
        if unlogged_before > 0 {
            tracing::warn!("refused {unlogged_before} more peers after the last one that is named here");
        }
        if logged {
            tracing::warn!(subject = subject.unwrap_or("unnamed"), "refused a peer: {rejection}");
        }
    }

    /// Rejections since the start.
    pub fn total(&self) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).total
    }
}

impl Tally {
    /// Whether this rejection is logged, and how many in the window before were not.
    fn count(&mut self, now: Instant) -> (bool, u64) {
        let mut unlogged_before = 0;
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) >= WINDOW) {
            unlogged_before = self.in_window.saturating_sub(LINES);
            self.window_start = Some(now);
            self.in_window = 0;
        }
        self.total += 1;
        self.in_window += 1;
        (self.in_window <= LINES, unlogged_before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_but_logged_only_in_part() {
        let start = Instant::now();
        let mut tally = Tally::default();
        let logged = (0..100).filter(|_| tally.count(start).0).count();
        assert_eq!(logged, 10);
        assert_eq!(tally.count(start + WINDOW), (true, 90));
        assert_eq!(tally.count(start + WINDOW), (true, 0));
        assert_eq!(tally.total, 102);
    }
}
