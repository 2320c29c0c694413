//! The two clocks of a server: a monotonic one for the protocol, and the time of day.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

use node_core::time::{Instant, UnixTime};

/// Time since the daemon started, shared by all its tasks.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: tokio::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    #[must_use]
    pub fn start() -> Self {
        Self { start: tokio::time::Instant::now() }
    }

    /// The time for the core.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// The time for tokio. A time that is too far away becomes a day from now.
    #[must_use]
    pub fn tokio(&self, at: Instant) -> tokio::time::Instant {
        let at = self.start.checked_add(Duration::from_micros(at.as_micros()));
        let day = tokio::time::Instant::now() + Duration::from_secs(24 * 3600);
        at.map_or(day, |at| at.min(day))
    }
}

/// The time of day in whole seconds.
#[must_use]
pub fn unix_time() -> UnixTime {
    UnixTime(since_epoch().as_secs())
}

/// The time of day in milliseconds.
#[must_use]
pub fn unix_millis() -> u64 {
    u64::try_from(since_epoch().as_millis()).unwrap_or(u64::MAX)
}

fn since_epoch() -> Duration {
    // A clock before 1970 is not set. At that time no certificate is valid yet.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
