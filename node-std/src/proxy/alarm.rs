//! A timer that is set often and rings seldom: setting it to a later time costs nothing.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

use tokio::time::{Instant, Sleep};

/// A timer.
#[derive(Debug, Default)]
pub(crate) struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    at: Option<Instant>,
}

impl Alarm {
    /// Rings at `at`.
    pub(crate) const fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    /// Never rings.
    pub(crate) const fn clear(&mut self) {
        self.at = None;
    }

    /// Whether it rings. If it is not set, it is set to ring after this time.
    pub(crate) fn poll_within(&mut self, cx: &mut Context<'_>, time: Duration) -> Poll<()> {
        if self.at.is_none() {
            self.at = Some(Instant::now() + time);
        }
        self.poll(cx)
    }

    /// Whether it rings.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at)));
        if sleep.deadline() > at {
            sleep.as_mut().reset(at);
        }
        while sleep.as_mut().poll(cx).is_ready() {
            if sleep.deadline() >= at {
                return Poll::Ready(());
            }
            sleep.as_mut().reset(at);
        }
        Poll::Pending
    }
}
