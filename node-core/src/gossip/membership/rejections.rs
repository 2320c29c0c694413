//! Rejections: records that were not believed, or found no room. They are counted, and logged at a sensible rate.

use crate::id::NodeId;
use crate::log::warning;
use crate::time::{Duration, Instant};

/// Shortest time between two lines of the log about rejections.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Records that were not believed, or found no room.
pub struct Rejections {
    count: u32,
    log_at: Instant,
}

impl Rejections {
    pub const fn new(now: Instant) -> Self {
        Self { count: 0, log_at: now }
    }

    pub fn count(&mut self, now: Instant, why: &str, id: NodeId) {
        self.count = self.count.saturating_add(1);
        if now >= self.log_at {
            warning!("a record of {} is rejected: {} ({} such so far)", id, why, self.count);
            self.log_at = now + LOG_INTERVAL;
        }
    }
}
