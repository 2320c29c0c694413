//! The timers of one request. A connection keeps them for its next requests, because setting them costs more than keeping them.

use super::alarm::Alarm;
use super::pace::Pace;

/// The timers of one request.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Its deadline.
    pub(crate) alarm: Alarm,
    /// How fast its body arrives.
    pub(crate) received: Pace,
    /// How fast the response is taken.
    pub(crate) sent: Pace,
}

impl Timers {
    /// With this least rate in both directions, in bytes a second.
    pub(crate) fn new(least: u64) -> Self {
        Self { alarm: Alarm::default(), received: Pace::new(least), sent: Pace::new(least) }
    }
}
