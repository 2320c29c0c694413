//! The timers of one request. A connection keeps them for its next requests, because setting them costs more than keeping them.

use core::task::Context;
use core::time::Duration;

use super::alarm::Alarm;
use super::pace::Pace;
use crate::config::{HttpLimits, Timeouts};

/// The timers of one request.
#[derive(Debug)]
pub(crate) struct Timers {
    /// Its deadline.
    pub(crate) alarm: Alarm,
    /// How fast its body arrives.
    pub(crate) received: Pace,
    /// How fast the response is taken.
    pub(crate) sent: Pace,
    /// When the whole request must be here.
    body: Alarm,
    /// When the whole response must be taken, or the next bytes of one without an end of its own must move.
    pub(super) response: Alarm,
    /// How long the client may take. `None` for another node, which has a client of its own.
    pub(super) timeouts: Option<Timeouts>,
}

impl Timers {
    /// Those of a client.
    pub(crate) fn of_client(limits: &HttpLimits) -> Self {
        Self { timeouts: Some(limits.timeouts), ..Self::with_rate(limits.min_rate.unwrap_or(0)) }
    }

    /// Those of another node.
    pub(super) fn of_node() -> Self {
        Self::with_rate(0)
    }

    fn with_rate(least: u64) -> Self {
        Self {
            alarm: Alarm::default(),
            received: Pace::new(least),
            sent: Pace::new(least),
            body: Alarm::default(),
            response: Alarm::default(),
            timeouts: None,
        }
    }

    /// The head of a request is here.
    pub(crate) const fn begin(&mut self) {
        self.received.restart();
        self.sent.restart();
        self.body.clear();
        self.response.clear();
    }

    /// The rest of the request is waited for. Returns whether the client takes too long; if not, the task is woken when it does.
    pub(crate) fn awaits_request(&mut self, cx: &mut Context<'_>) -> bool {
        let read = self.timeouts.map(|timeouts| timeouts.read);
        self.received.waits(cx) || read.is_some_and(|read| self.body.poll_within(cx, read).is_ready())
    }

    /// The response began, and does not move. Returns whether that lasts longer than `time`.
    pub(super) fn awaits_response(&mut self, cx: &mut Context<'_>, time: Option<Duration>) -> bool {
        time.is_some_and(|time| self.response.poll_within(cx, time).is_ready())
    }
}
