//! The board's time, as the core counts it.

use node_core::time::Instant;

/// The time for the core.
pub(crate) fn now() -> Instant {
    Instant::from_micros(embassy_time::Instant::now().as_micros())
}
