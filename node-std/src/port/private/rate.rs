//! A limit on handshakes in a second: each costs this node a signature.

use core::time::Duration;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Counts handshakes second by second, as NATS does.
#[derive(Debug, Default)]
pub struct Rate(Mutex<Option<(Instant, u32)>>);

impl Rate {
    /// Counts one more. Returns whether it is one of the first `limit` of its second.
    pub fn admits(&self, limit: u32) -> bool {
        self.admits_at(Instant::now(), limit)
    }

    fn admits_at(&self, now: Instant, limit: u32) -> bool {
        let mut second = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, count) = match *second {
            Some((start, count)) if now.duration_since(start) < Duration::from_secs(1) => (start, count),
            _ => (now, 0),
        };
        *second = Some((start, count.saturating_add(1)));
        count < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_count() {
        let (rate, start) = (Rate::default(), Instant::now());
        let admitted = |millis: u64| rate.admits_at(start + Duration::from_millis(millis), 2);
        assert_eq!([0, 10, 20, 999].map(admitted), [true, true, false, false]);
        assert_eq!([1000, 1001, 1999].map(admitted), [true, true, false]);
    }
}
