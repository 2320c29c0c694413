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
use crate::clock::Clock;

/// The state of a link behind its lock, which nobody holds while waiting.
pub(super) struct Shared {
    state: Mutex<State>,
    pub(super) places: Arc<Places>,
    pub(super) clock: Clock,
}

impl Shared {
    pub(super) const fn new(state: State, places: Arc<Places>, clock: Clock) -> Self {
        Self { state: Mutex::new(state), places, clock }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens an exchange with the first bytes of its request, which end it if `end`. Returns its key, and how many bytes were taken.
    ///
    /// # Errors
    /// The link is closing, or there was no place in time.
    pub(super) async fn open(
        &self,
        open: Open,
        (data, end): (&[u8], bool),
        reader: impl Fn() -> Reader,
    ) -> Result<(usize, usize), ExchangeError> {
        let place = self.places.take(open.service).await?;
        let opened = poll_fn(|cx| {
            let now = self.clock.now();
            match self.lock().open(now, &open, (data, end), reader(), cx.waker()).transpose() {
                Some(opened) => Poll::Ready(opened),
                None => Poll::Pending,
            }
        });
        let opened = opened.await?;
        place.keep();
        Ok(opened)
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
