//! The cluster as the rest of the daemon sees it: a snapshot of its members, and a way to reach each.

mod changes;
mod dialer;
mod events;
mod latest;
mod memory;
mod task;
#[cfg(test)]
mod tests;
mod view;

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::gossip::NotDown;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use tokio::sync::{Semaphore, mpsc, oneshot};

pub use dialer::{Dialer, Security};
pub use events::{Event, Events};
pub use task::{Description, Seat, Task};
pub use view::{LinkInfo, Member, View};

use latest::Latest;

use crate::exchange::{ExchangeError, Inbound, Outbound};
use crate::link::LinkHandle;

/// How long a request waits for a link that is being made or replaced.
const LINK_WAIT: Duration = Duration::from_secs(5);
/// Requests that may wait at once for leaves that sleep; each keeps what was sent of its body, which credit bounds.
const MAX_SLEEPERS: usize = 256;
/// Links that an exchange may cross.
pub const MAX_HOPS: u8 = 8;

/// How the daemon's tasks reach the cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster {
    me: NodeId,
    latest: Latest,
    requests: mpsc::Sender<Request>,
    events: Events,
    /// Requests that may wait for leaves that sleep.
    sleepers: Arc<Semaphore>,
}

/// What the cluster's task is asked to do.
#[derive(Debug)]
pub(crate) enum Request {
    /// A link to this hub is wanted.
    Redial(NodeId),
    /// Tell the cluster that this node leaves it.
    Announce,
    /// End all links.
    Leave,
    /// Take a member that is down out of the cluster.
    Remove(NodeId, oneshot::Sender<Result<(), NotDown>>),
}

impl Cluster {
    /// A cluster of nobody yet, and the seat from which a [`Task`] runs it.
    #[must_use]
    pub fn new(me: NodeId) -> (Self, Seat) {
        let (publish, latest) = latest::latest();
        let (requests, asked) = mpsc::channel(256);
        let events = Events::new();
        let seat = Seat { publish, requests: asked, events: events.clone() };
        (Self { me, latest, requests, events, sleepers: Arc::new(Semaphore::new(MAX_SLEEPERS)) }, seat)
    }

    /// One that stays as it is.
    #[cfg(test)]
    pub(crate) fn of(me: NodeId, members: Vec<Member>) -> Self {
        let (cluster, seat) = Self::new(me);
        seat.publish.publish(View::of(members));
        cluster
    }

    /// This node's identity.
    #[must_use]
    pub const fn me(&self) -> NodeId {
        self.me
    }

    /// The members as of now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.latest.view()
    }

    /// What happened to members since this daemon started.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// Takes a member that is down out of the cluster.
    ///
    /// # Errors
    /// [`NotDown`]; nothing changed.
    pub async fn remove(&self, id: NodeId) -> Result<(), NotDown> {
        let (reply, answer) = oneshot::channel();
        // A task that is gone gives no answer.
        let _ = self.requests.send(Request::Remove(id, reply)).await;
        answer.await.unwrap_or(Err(NotDown))
    }

    /// Waits until the cluster has this node as a member.
    pub async fn started(&self) {
        let mut latest = self.latest.clone();
        // A task that is gone says why by itself.
        while latest.look().members().is_empty() && latest.changed().await.is_ok() {}
    }

    /// Opens an exchange on the link to `via`. While there is none, or it is being replaced, waits for the next one
    /// within the exchange's budget, but not longer than 5 s.
    ///
    /// # Errors
    /// There is no link in time, or it takes no more exchanges.
    pub async fn open(&self, via: NodeId, open: Open) -> Result<(Outbound, Inbound), ExchangeError> {
        let start = tokio::time::Instant::now();
        self.on_link(via, open, |link, open| async move {
            link.open(Open { budget_ms: left(open.budget_ms, start), ..open }).await
        })
        .await
    }

    /// Asks `to` for a whole response of at most `limit` bytes, over its link or one of its hubs'.
    ///
    /// # Errors
    /// It cannot be reached, or the exchange failed.
    pub async fn call(
        &self,
        to: NodeId,
        (method, budget): (u16, Duration),
        request: Bytes,
        limit: usize,
    ) -> Result<Bytes, ExchangeError> {
        let via = self.next_hop(to)?;
        let budget_ms = u32::try_from(budget.as_millis()).unwrap_or(u32::MAX).max(1);
        let to = (via != to).then_some(to);
        let open = Open { to, hops: MAX_HOPS, budget_ms, service: Service::Rpc(method) };
        let call = self.on_link(via, open, |link, open| {
            let request = request.clone();
            async move { link.call(open, request, limit).await }
        });
        tokio::time::timeout(budget, call).await.map_err(|_| ExchangeError::Timeout(budget))?
    }

    /// The node over whose link `to` is reached.
    ///
    /// # Errors
    /// It is not known, or down.
    pub fn next_hop(&self, to: NodeId) -> Result<NodeId, ExchangeError> {
        let hop = self.view().next_hop(self.me, to);
        hop.ok_or_else(|| ExchangeError::LinkClosed(format!("node {to} is not a live member")))
    }

    /// Tells the cluster that this node leaves it, so that nothing new is asked of it. Links go on for what is under way.
    pub async fn announce_leave(&self) {
        // A task that is gone has left already.
        let _ = self.requests.send(Request::Announce).await;
    }

    /// Says GOAWAY on every link; returns when the last link was drained, or after `patience`.
    pub async fn leave(&self, patience: Duration) {
        // A task that is gone has left already.
        let _ = self.requests.send(Request::Leave).await;
        let _ = tokio::time::timeout(patience, self.requests.closed()).await;
    }

    /// Uses the link to `via`; one that is closing is given up for its successor, and that to a leaf for one to its new hub.
    async fn on_link<T, F: Future<Output = Result<T, ExchangeError>>>(
        &self,
        via: NodeId,
        open: Open,
        act: impl Fn(LinkHandle, Open) -> F,
    ) -> Result<T, ExchangeError> {
        let budget = Duration::from_millis(open.budget_ms.into());
        // A leaf that sleeps is waited for as long as the request has time; not by any number of requests.
        let asleep = self.view().member(via).is_some_and(|member| member.asleep);
        let place = if asleep { self.sleepers.try_acquire().ok() } else { None };
        let wait = if place.is_some() { budget } else { budget.min(LINK_WAIT) };
        let deadline = tokio::time::Instant::now() + wait;
        let mut latest = self.latest.clone();
        let mut tried = None;
        loop {
            let view = latest.look();
            let (via, to) = view.forward(self.me, (via, open.to));
            let (link, leaving) = (view.links.get(&via).cloned(), view.leaving);
            // Not kept while waiting.
            drop(view);
            match link.filter(|link| tried != Some(link.id())) {
                Some(link) => {
                    tried = Some(link.id());
                    match act(link, Open { to, ..open }).await {
                        Err(ExchangeError::LinkClosed(_)) => continue,
                        other => return other,
                    }
                }
                None if leaving => return Err(ExchangeError::LinkClosed("this node is leaving".into())),
                None => {
                    // A queue that is full of requests is as good as one more.
                    let _ = self.requests.try_send(Request::Redial(via));
                }
            }
            match tokio::time::timeout_at(deadline, latest.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ExchangeError::LinkClosed("this node is stopping".into())),
                Err(_) => return Err(ExchangeError::LinkClosed(format!("there is none to node {via}"))),
            }
        }
    }
}

/// What is left of a budget that began at `start`, at least a millisecond.
fn left(budget_ms: u32, start: tokio::time::Instant) -> u32 {
    let spent = u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX);
    budget_ms.saturating_sub(spent).max(1)
}
