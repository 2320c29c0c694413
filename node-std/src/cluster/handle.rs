//! How the daemon's tasks use the cluster.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::gossip::NotDown;
use node_core::id::NodeId;
use node_core::link::{Open, Service};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::events::Events;
use super::request::{Request, TaskChannels};
#[cfg(test)]
use super::view::Member;
use super::view::{Hop, View};
use super::view_channel::{ViewReceiver, view_channel};
use crate::link::{ExchangeError, Inbound, LinkHandle, Opened, Outbound};

/// How long a request waits for a link that is being made or replaced.
const LINK_WAIT: Duration = Duration::from_secs(5);
/// Requests that may wait at once for leaves that sleep. Each keeps the bytes of its body that were sent, which credit bounds.
const MAX_WAITING_FOR_SLEEPERS: usize = 256;
/// Requests to the task that may wait.
const MAX_WAITING: usize = 256;
/// Links that an exchange may cross.
pub const MAX_HOPS: u8 = 8;

/// How the daemon's tasks reach the cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cluster {
    me: NodeId,
    views: ViewReceiver,
    requests: mpsc::Sender<Request>,
    events: Events,
    /// A permit for each request that may still wait for a leaf that sleeps.
    sleepers: Arc<Semaphore>,
}

impl Cluster {
    /// A cluster without members, and the channels from which a [`Task`](super::Task) runs it.
    #[must_use]
    pub fn new(me: NodeId) -> (Self, TaskChannels) {
        let (sender, views) = view_channel();
        let (requests, receiver) = mpsc::channel(MAX_WAITING);
        let events = Events::new();
        let channels = TaskChannels { views: sender, requests: receiver, events: events.clone() };
        let sleepers = Arc::new(Semaphore::new(MAX_WAITING_FOR_SLEEPERS));
        (Self { me, views, requests, events, sleepers }, channels)
    }

    /// A cluster of these members that does not change.
    #[cfg(test)]
    pub(crate) fn of(me: NodeId, members: Vec<Member>) -> Self {
        let (cluster, channels) = Self::new(me);
        channels.views.publish(View::of(members));
        cluster
    }

    /// This node's identity.
    #[must_use]
    pub const fn me(&self) -> NodeId {
        self.me
    }

    /// The latest view.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        self.views.view()
    }

    /// The state changes of members since this daemon started.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// Takes a member that is down out of the cluster.
    ///
    /// # Errors
    /// [`NotDown`]. Nothing changed.
    pub async fn remove(&self, id: NodeId) -> Result<(), NotDown> {
        let (reply, answer) = oneshot::channel();
        // A task that is gone gives no answer.
        let _ = self.requests.send(Request::Remove(id, reply)).await;
        answer.await.unwrap_or(Err(NotDown))
    }

    /// Waits until the cluster has this node as a member.
    pub async fn started(&self) {
        let mut views = self.views.clone();
        // A task that is gone reports the reason itself.
        while views.read().members().is_empty() && views.changed().await.is_ok() {}
    }

    /// Opens an exchange on the link to `via`. While there is no link, or it is being replaced, waits for the next one: as long
    /// as the exchange's budget, but not longer than 5 s.
    ///
    /// # Errors
    /// There is no link in time, or it takes no more exchanges.
    pub async fn open(&self, via: NodeId, open: Open) -> Result<(Outbound, Inbound), ExchangeError> {
        let start = Instant::now();
        self.on_link(via, open, |link, open| async move {
            link.open(Open { budget_ms: budget_left(open.budget_ms, start), ..open }).await
        })
        .await
    }

    /// Opens an exchange whose first frame holds as much of `data` as fits, and ends the request if `end` and all of it fits;
    /// otherwise like [`open`](Self::open).
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) async fn open_with(
        &self,
        via: NodeId,
        open: Open,
        data: &[u8],
        end: bool,
    ) -> Result<Opened, ExchangeError> {
        let start = Instant::now();
        self.on_link(via, open, |link, open| async move {
            let open = Open { budget_ms: budget_left(open.budget_ms, start), ..open };
            link.open_with(open, data, end).await
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
        method: u16,
        budget: Duration,
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
        timeout(budget, call).await.map_err(|_| ExchangeError::Timeout(budget))?
    }

    /// The node over whose link `to` is reached.
    ///
    /// # Errors
    /// It is not known, or down.
    pub fn next_hop(&self, to: NodeId) -> Result<NodeId, ExchangeError> {
        let hop = self.view().next_hop(self.me, to);
        hop.ok_or_else(|| ExchangeError::LinkClosed(format!("node {to} is not a live member")))
    }

    /// Announces that this node leaves the cluster, so that it gets no new requests. Links stay for requests under way.
    pub async fn announce_leave(&self) {
        // A task that is gone has left already.
        let _ = self.requests.send(Request::Announce).await;
    }

    /// Sends GOAWAY on every link. Returns when the last link has ended, or after `wait`.
    pub async fn leave(&self, wait: Duration) {
        // A task that is gone has left already.
        let _ = self.requests.send(Request::Leave).await;
        let _ = timeout(wait, self.requests.closed()).await;
    }

    /// Uses the link to `via`. A link that is closing is given up for its successor, and the link to a leaf for the link to
    /// the leaf's new hub.
    async fn on_link<T, F: Future<Output = Result<T, ExchangeError>>>(
        &self,
        via: NodeId,
        open: Open,
        act: impl Fn(LinkHandle, Open) -> F,
    ) -> Result<T, ExchangeError> {
        let budget = Duration::from_millis(open.budget_ms.into());
        // A request waits for a leaf that sleeps as long as it has time, but only a limited number of requests do so.
        let asleep = self.view().member(via).is_some_and(|member| member.asleep);
        let permit = if asleep { self.sleepers.try_acquire().ok() } else { None };
        let wait = if permit.is_some() { budget } else { budget.min(LINK_WAIT) };
        let deadline = Instant::now() + wait;
        let mut views = self.views.clone();
        let mut tried = None;
        loop {
            let view = views.read();
            let Hop { via, to } = view.forward(self.me, via, open.to);
            let (link, leaving) = (view.links.get(&via).cloned(), view.leaving);
            // The view is not kept while waiting.
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
                    // With a full queue the task has enough requests already.
                    let _ = self.requests.try_send(Request::Redial(via));
                }
            }
            match timeout_at(deadline, views.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(ExchangeError::LinkClosed("this node is stopping".into())),
                Err(_) => return Err(ExchangeError::LinkClosed(format!("there is none to node {via}"))),
            }
        }
    }
}

/// The rest of a budget that began at `start`, at least a millisecond.
fn budget_left(budget_ms: u32, start: Instant) -> u32 {
    let spent = u32::try_from(start.elapsed().as_millis()).unwrap_or(u32::MAX);
    budget_ms.saturating_sub(spent).max(1)
}
