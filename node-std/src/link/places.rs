//! How many exchanges this node has open on a link. Requests wait in turn for a place, proxied ones in a queue of their own:
//! these get most of the exchanges, and the rest is for built-in methods, so that a cluster whose links are full of slow
//! requests can still be inspected.

use core::time::Duration;

use node_core::link::Service;
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError};
use tokio::time::timeout;

use super::error::ExchangeError;

/// How long a request waits for a place.
const WAIT: Duration = Duration::from_secs(5);
/// Requests of each kind that may wait.
const MAX_WAITING: usize = 4096;

/// The places of this node on a link.
pub(super) struct Places {
    all: Semaphore,
    proxied: Semaphore,
    waiting: Semaphore,
}

impl Places {
    /// None, before the peer is known.
    pub(super) fn new() -> Self {
        let none = || Semaphore::new(0);
        Self { all: none(), proxied: none(), waiting: Semaphore::new(MAX_WAITING) }
    }

    /// The peer is known: there are `places`.
    pub(super) fn open(&self, places: usize) {
        self.all.add_permits(places);
        self.proxied.add_permits((places * 7 / 8).max(1));
    }

    /// The link takes no more requests.
    pub(super) fn close(&self) {
        self.all.close();
        self.proxied.close();
    }

    /// Waits for a place.
    ///
    /// # Errors
    /// There was none in time, or the link closes.
    pub(super) async fn take(&self, service: Service) -> Result<Place<'_>, ExchangeError> {
        let proxied = match service {
            Service::Http => Some(self.take_from(&self.proxied).await?),
            Service::Rpc(_) => None,
        };
        Ok(Place { any: self.take_from(&self.all).await?, proxied })
    }

    /// Gives back a place that was [kept](Place::keep).
    pub(super) fn leave(&self, service: Service) {
        self.all.add_permits(1);
        if service == Service::Http {
            self.proxied.add_permits(1);
        }
    }

    async fn take_from<'p>(&self, places: &'p Semaphore) -> Result<SemaphorePermit<'p>, ExchangeError> {
        match places.try_acquire() {
            Ok(place) => Ok(place),
            Err(TryAcquireError::Closed) => Err(closed()),
            Err(TryAcquireError::NoPermits) => {
                let _waiting = self.waiting.try_acquire().map_err(|_| ExchangeError::Full)?;
                let place = timeout(WAIT, places.acquire()).await.map_err(|_| ExchangeError::Full)?;
                place.map_err(|_| closed())
            }
        }
    }
}

/// A place for an exchange that is about to be opened. Dropping it gives it back.
pub(super) struct Place<'p> {
    any: SemaphorePermit<'p>,
    proxied: Option<SemaphorePermit<'p>>,
}

impl Place<'_> {
    /// The exchange is open: whoever ends it gives the place back.
    pub(super) fn keep(self) {
        self.any.forget();
        if let Some(proxied) = self.proxied {
            proxied.forget();
        }
    }
}

fn closed() -> ExchangeError {
    ExchangeError::LinkClosed("the link closed".into())
}
