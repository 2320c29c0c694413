//! A least transfer rate: who sends more slowly than that gives its place to others. Only the time counts in which the sender
//! is waited for.

use core::task::Context;
use core::time::Duration;

use tokio::time::Instant;

use super::alarm::Alarm;

/// How long a sender may take however little it sends.
const GRACE: Duration = Duration::from_secs(10);

/// How fast a body arrives.
#[derive(Debug)]
pub(crate) struct Pace {
    /// In bytes a second. With 0 it may take for ever.
    least: u64,
    /// It counts.
    on: bool,
    bytes: u64,
    waited: Duration,
    since: Option<Instant>,
    alarm: Alarm,
}

impl Pace {
    /// At least so many bytes a second.
    pub(crate) fn new(least: u64) -> Self {
        Self { least, on: least > 0, bytes: 0, waited: Duration::ZERO, since: None, alarm: Alarm::default() }
    }

    /// A new body.
    pub(crate) const fn restart(&mut self) {
        self.on = self.least > 0;
        (self.bytes, self.waited, self.since) = (0, Duration::ZERO, None);
        self.alarm.clear();
    }

    /// Counts no more, until the next body.
    pub(crate) const fn stop(&mut self) {
        self.on = false;
        self.alarm.clear();
    }

    /// So many bytes arrived.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Nothing is here. Returns whether the sender is too slow; if not, the task is woken when it may be.
    pub(crate) fn waits(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.on {
            return false;
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let allowed = GRACE + Duration::from_secs(self.bytes / self.least.max(1));
        self.alarm.set(since + allowed.saturating_sub(self.waited));
        self.alarm.poll(cx).is_ready()
    }
}
