//! A link as its users hold it.

use core::future::poll_fn;
use core::task::Poll;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use node_core::identity::Identity;
use node_core::link::Open;

use super::error::ExchangeError;
use super::flow::Reader;
use super::places::Places;
use super::state::State;
use super::stream::{Inbound, Outbound};
use crate::clock::Clock;

/// The state of a link behind its lock, which nobody holds while waiting.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) places: Arc<Places>,
    pub(super) clock: Clock,
}

/// An exchange that this node opened: its halves, and how many of the first bytes were sent.
pub(crate) struct Opened {
    pub(crate) outbound: Outbound,
    pub(crate) inbound: Inbound,
    pub(crate) taken: usize,
}

impl Shared {
    pub(super) const fn new(state: State, places: Arc<Places>, clock: Clock) -> Self {
        Self { state: Mutex::new(state), places, clock }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an exchange with the first bytes of its request, which end it if `end`.
    ///
    /// # Errors
    /// The link is closing, or there was no place in time.
    pub(super) async fn open(
        self: &Arc<Self>,
        open: Open,
        (data, end): (&[u8], bool),
        reader: impl Fn() -> Reader,
    ) -> Result<Opened, ExchangeError> {
        let place = self.places.take(open.service).await?;
        let opened = poll_fn(|cx| {
            let now = self.clock.now();
            match self.lock().open(now, &open, (data, end), reader(), cx.waker()).transpose() {
                Some(opened) => Poll::Ready(opened),
                None => Poll::Pending,
            }
        });
        let (key, taken) = opened.await?;
        place.keep();
        let done = end && taken == data.len();
        let outbound = Outbound::new(key, Arc::clone(self), done);
        Ok(Opened { outbound, inbound: Inbound::new(key, Arc::clone(self), true), taken })
    }
}

impl core::fmt::Debug for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl node_core::identity::Identify for super::local::Local {
    fn identity(&self) -> Identity<'_> {
        self.identity()
    }
}
