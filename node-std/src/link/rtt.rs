//! The round-trip time of a link. Its task measures, other tasks read the value, and no change is announced.

use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;
use std::sync::Arc;

/// The last measured round-trip time of a link. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Rtt(Arc<AtomicU32>);

impl Rtt {
    /// In microseconds. `None` before the first measurement.
    #[must_use]
    pub fn micros(&self) -> Option<u64> {
        let micros = self.0.load(Ordering::Relaxed);
        (micros != 0).then_some(micros.into())
    }

    /// Keeps a measurement, of at least 1: 0 means that there is none.
    pub(crate) fn set(&self, time: Duration) {
        let micros = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.0.store(micros.max(1), Ordering::Relaxed);
    }
}
