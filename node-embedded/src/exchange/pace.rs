//! A least pace: who sends, or reads, more slowly than that gives its worker to others.

use core::cell::Cell;
use core::future::Future;

use embassy_time::{Duration, Instant, with_timeout};

use crate::sizes::{LEAST_RATE, STALL};
use crate::state::ExchangeError;

/// How much longer this node waits for the other side. Bytes that move earn more time, up to [`STALL`].
pub(super) struct Pace {
    left: Cell<Duration>,
}

impl Pace {
    /// The whole time.
    pub(super) const fn new() -> Self {
        Self { left: Cell::new(STALL) }
    }

    /// Waits for `work`, which moves some bytes.
    ///
    /// # Errors
    /// [`ExchangeError::Stalled`], or that of the work.
    pub(super) async fn keep(
        &self,
        work: impl Future<Output = Result<usize, ExchangeError>>,
    ) -> Result<usize, ExchangeError> {
        let since = Instant::now();
        let moved = with_timeout(self.left.get(), work).await.map_err(|_| ExchangeError::Stalled)??;
        let earned = Duration::from_micros(moved as u64 * 1_000_000 / LEAST_RATE);
        let left = self.left.get().checked_sub(since.elapsed()).unwrap_or(Duration::MIN);
        self.left.set((left + earned).min(STALL));
        Ok(moved)
    }
}
