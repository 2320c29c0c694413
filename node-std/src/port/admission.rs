//! Who has one of a port's places for connections.
//!
//! A connection first waits in the pool of those that have not said who they are, which costs it nothing but a few bytes. That pool
//! is small: when it is full, the oldest connection of the source with the most of them is dropped, so a flood of silent
//! connections pushes out itself, and whoever says in a moment who it is gets through. Then the connection takes a place. When few
//! are left, connections of the source with the most are asked to end, oldest first: an idle one ends at once, another one after its
//! response. Calls of operators find some places that nobody else gets.

#[cfg(test)]
mod tests;

use core::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::pool::{Client, Pool};
use crate::api::PortConnections;
use crate::config::AddressRange;
use crate::log_limit::LogLimit;
use crate::proxy::ProxyError;
use crate::source::Source;

/// Places that only calls of operators get.
const RESERVED: usize = 16;
/// Most places of a port that are kept free by asking connections to end.
const MOST_SPARE: usize = 256;

/// How many connections a port may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Those of clients that said who they are.
    most: usize,
    /// Those that have not yet.
    unknown: usize,
    /// Those of one source, in each pool.
    per_source: usize,
}

impl Places {
    /// For `most` clients that said who they are, `per_source` of one source.
    #[must_use]
    pub fn new(most: usize, per_source: usize) -> Self {
        Self { most, unknown: (most / 4).clamp(64, 1024), per_source }
    }
}

/// The places of one port.
#[derive(Debug)]
pub struct Admission {
    port: &'static str,
    places: Places,
    /// Sources that may have any number of connections: proxies that stand for many clients.
    trusted: Vec<AddressRange>,
    counts: Arc<PortConnections>,
    pools: Mutex<Pools>,
    dropped: LogLimit,
    refused: LogLimit,
}

#[derive(Debug, Default)]
struct Pools {
    next: u64,
    /// Those that have not said who they are; the task of each, once it runs.
    unknown: Pool<Option<AbortHandle>>,
    /// Those with a place.
    known: Pool<()>,
    /// Of these, those that can be asked to end and were not.
    endable: Pool<CancellationToken>,
    /// Operators beyond these.
    reserved: usize,
}

/// What a connection asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Requests.
    Http,
    /// A link, which is not asked to end: it goes on for as long as both nodes do.
    Link,
    /// A call of an operator.
    Operator,
}

/// Why a connection has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error("all places for connections are taken (limits.connections)")]
    Port,
    #[error("your address has as many connections as one may have (limits.per_source)")]
    Source,
    #[error("too many clients that do not say who they are")]
    Dropped,
}

impl Admission {
    /// The places of the port that is called `port`. Sources in `trusted` and on this machine may have any number of them.
    #[must_use]
    pub fn new(
        port: &'static str,
        places: Places,
        trusted: &[AddressRange],
        counts: &Arc<PortConnections>,
    ) -> Arc<Self> {
        Arc::new(Self {
            port,
            places,
            trusted: trusted.to_vec(),
            counts: Arc::clone(counts),
            pools: Mutex::default(),
            dropped: LogLimit::of("connections that were dropped before they said who they are"),
            refused: LogLimit::of("connections that found no place"),
        })
    }

    /// Takes a new connection in, whose task `spawn` starts. `drain` is the token of the port.
    pub(super) fn enter(
        self: &Arc<Self>,
        peer: IpAddr,
        drain: &CancellationToken,
        spawn: impl FnOnce(Ticket) -> AbortHandle,
    ) {
        let source = Source::of(peer);
        let is_free =
            source.is_loopback() || self.trusted.iter().any(|range| range.contains(peer.to_canonical()));
        let (client, dropped) = {
            let mut pools = self.pools();
            let client = Client { id: pools.next, source, is_free };
            pools.next += 1;
            let dropped = pools.enter(client, self.places);
            self.counts.show(pools.unknown.len(), pools.known.len() + pools.reserved);
            (client, dropped)
        };
        for task in dropped {
            self.counts.dropped();
            if self.dropped.admits() {
                let port = self.port;
                tracing::warn!(
                    "too many clients of the {port} port have not said who they are: the oldest connection is dropped"
                );
            }
            if let Some(task) = task {
                task.abort();
            }
        }
        let ticket = Ticket {
            admission: Arc::clone(self),
            client,
            place: OnceLock::new(),
            drain: drain.child_token(),
        };
        let task = spawn(ticket);
        if let Some(waiting) = self.pools().unknown.find(client) {
            *waiting = Some(task);
        }
    }

    /// What the port is called.
    pub(super) const fn port(&self) -> &'static str {
        self.port
    }

    fn pools(&self) -> MutexGuard<'_, Pools> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pools {
    /// Takes a client in that has not said who it is. Returns the tasks of those that are dropped for it.
    fn enter(&mut self, client: Client, places: Places) -> Vec<Option<AbortHandle>> {
        self.unknown.insert(client, None);
        let share = places.per_source.min(places.unknown / 2).max(1);
        let mut dropped = Vec::new();
        if !client.is_free && self.unknown.of(client.source) > share {
            dropped.extend(self.unknown.pop_of(client.source));
        }
        if self.unknown.len() > places.unknown {
            dropped.extend(self.unknown.pop());
        }
        dropped
    }

    /// Gives a client a place. Returns that, and the connection that is to end so that there are places for others.
    fn admit(
        &mut self,
        client: Client,
        places: Places,
        wish: Wish,
    ) -> (Result<Place, Full>, Option<CancellationToken>) {
        if self.unknown.find(client).is_none() {
            return (Err(Full::Dropped), None);
        }
        let spare = (places.most / 16).clamp(1, MOST_SPARE);
        let is_crowded = self.known.len() + spare >= places.most;
        let ends = if is_crowded { self.endable.pop() } else { None };
        let place = if self.known.len() >= places.most {
            Err(Full::Port)
        } else if !client.is_free && self.known.of(client.source) >= places.per_source {
            Err(Full::Source)
        } else {
            Ok(Place::Known)
        };
        let place = match place {
            Err(_) if wish == Wish::Operator && self.reserved < RESERVED => Ok(Place::Reserved),
            place => place,
        };
        match place {
            Ok(Place::Known) => self.known.insert(client, ()),
            Ok(Place::Reserved) => self.reserved += 1,
            Err(_) => return (place, ends),
        }
        self.unknown.remove(client);
        (place, ends)
    }

    fn leave(&mut self, client: Client, place: Option<Place>) {
        match place {
            None => drop(self.unknown.remove(client)),
            Some(Place::Known) => {
                self.known.remove(client);
                self.endable.remove(client);
            }
            Some(Place::Reserved) => self.reserved = self.reserved.saturating_sub(1),
        }
    }
}

/// The place of a connection that said who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Known,
    Reserved,
}

/// The right of a connection to be here. Dropping it gives its place to others.
#[derive(Debug)]
pub(super) struct Ticket {
    admission: Arc<Admission>,
    client: Client,
    place: OnceLock<Place>,
    drain: CancellationToken,
}

impl Ticket {
    /// Cancelled when the connection is to end after the request under way: the port drains, or needs the place.
    pub(super) const fn drain(&self) -> &CancellationToken {
        &self.drain
    }

    /// Whether the connection has a place.
    pub(super) fn is_admitted(&self) -> bool {
        self.place.get().is_some()
    }

    /// Takes a place for a client that said who it is. A reserved one is for one call.
    ///
    /// # Errors
    /// There is none. The connection may stay for long enough to tell the client so.
    pub(super) fn admit(&self, wish: Wish) -> Result<(), Full> {
        let Admission { places, counts, .. } = &*self.admission;
        let mut pools = self.admission.pools();
        // Requests of one connection may ask at the same time.
        if self.is_admitted() {
            return Ok(());
        }
        let (place, ends) = pools.admit(self.client, *places, wish);
        if let Ok(place) = place {
            // It was empty.
            let _ = self.place.set(place);
            if place == Place::Known && wish != Wish::Link {
                pools.endable.insert(self.client, self.drain.clone());
            }
        }
        counts.show(pools.unknown.len(), pools.known.len() + pools.reserved);
        drop(pools);
        if let Some(ends) = ends {
            counts.ended();
            ends.cancel();
        }
        match place? {
            Place::Known => {}
            Place::Reserved => self.drain.cancel(),
        }
        Ok(())
    }

    /// The same for a request. One that asks whether this node is alive needs no place: without an answer the node would be taken
    /// for dead.
    ///
    /// # Errors
    /// There is none, and the client is to be told so.
    pub(super) fn admit_request(&self, wish: Wish, is_probe: bool) -> Result<(), ProxyError> {
        let Err(why) = self.admit(wish) else { return Ok(()) };
        if is_probe {
            self.drain.cancel();
            return Ok(());
        }
        self.refuse(why);
        Err(ProxyError::Busy { who: "this node".to_owned(), reason: why.to_string() })
    }

    /// Notes that the client is told that there is no place. Its connection ends after that.
    pub(super) fn refuse(&self, why: Full) {
        self.admission.counts.refused();
        if self.admission.refused.admits() {
            let (port, source) = (self.admission.port, self.client.source);
            tracing::warn!("the {port} port refused a client at {source}: {why}");
        }
        self.drain.cancel();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut pools = self.admission.pools();
        pools.leave(self.client, self.place.get().copied());
        self.admission.counts.show(pools.unknown.len(), pools.known.len() + pools.reserved);
    }
}
