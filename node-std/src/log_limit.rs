//! Limits log lines that any client of a port can cause: few lines are all logged, of many lines only their number.

use core::time::Duration;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

/// Lines in one window.
const LINES: u64 = 20;
const WINDOW: Duration = Duration::from_secs(30);

/// Counts occurrences and decides which to log.
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

impl LogLimit {
    /// A limit for lines about `what`, in the plural.
    #[must_use]
    pub fn of(what: &'static str) -> Self {
        Self { what, tally: Mutex::default() }
    }

    /// Counts an occurrence. Returns whether to log it.
    pub fn admits(&self) -> bool {
        let now = Instant::now();
        self.tally(now).count(now)
    }

    /// Logs the number of lines that were left out, once their window is over. Returns when to call it again for lines that were
    /// left out.
    pub fn flush(&self) -> Option<Instant> {
        self.tally(Instant::now()).due()
    }

    fn tally(&self, now: Instant) -> MutexGuard<'_, Tally> {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        let unlogged = tally.close(now);
        if unlogged > 0 {
            tracing::warn!("not logged: {unlogged} more {}", self.what);
        }
        tally
    }
}

impl Tally {
    /// Ends a window that is over. Returns how many lines were left out.
    fn close(&mut self, now: Instant) -> u64 {
        if self.window_start.is_none_or(|start| now.saturating_duration_since(start) < WINDOW) {
            return 0;
        }
        core::mem::take(self).in_window.saturating_sub(LINES)
    }

    fn count(&mut self, now: Instant) -> bool {
        self.window_start.get_or_insert(now);
        self.in_window += 1;
        self.in_window <= LINES
    }

    fn due(&self) -> Option<Instant> {
        self.window_start.filter(|_| self.in_window > LINES).map(|start| start + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_logged_only_partly() {
        let start = Instant::now();
        let mut tally = Tally::default();
        assert_eq!((tally.close(start), tally.due()), (0, None));
        let logged = (0..20).filter(|_| tally.count(start)).count();
        assert_eq!((logged, tally.due()), (20, None));
        let logged = (0..80).filter(|_| tally.count(start)).count();
        assert_eq!((logged, tally.due()), (0, Some(start + WINDOW)));
        assert_eq!(tally.close(start), 0);
        assert_eq!((tally.close(start + WINDOW), tally.due()), (80, None));
        assert!(tally.count(start + WINDOW));
    }
}
