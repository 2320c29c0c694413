//! How other tasks use a link.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Open};

use super::error::ExchangeError;
use super::flow::Reader;
use super::rtt::Rtt;
use super::shared::Shared;
use super::stream::{Inbound, Opened, Outbound};

/// A link of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    id: LinkId,
    peer: NodeId,
    shared: Arc<Shared>,
    rtt: Rtt,
}

impl LinkHandle {
    pub(super) const fn new(id: LinkId, peer: NodeId, shared: Arc<Shared>, rtt: Rtt) -> Self {
        Self { id, peer, shared, rtt }
    }

    /// Its number here.
    #[must_use]
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// The node at its other end.
    #[must_use]
    pub const fn peer(&self) -> NodeId {
        self.peer
    }

    /// Its round-trip time.
    pub(crate) const fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// Opens an exchange. Waits for a free one, for 5 s at most.
    ///
    /// # Errors
    /// The link is closing, or no exchange became free in time, or too many requests wait already.
    pub async fn open(&self, open: Open) -> Result<(Outbound, Inbound), ExchangeError> {
        let Opened { outbound, inbound, .. } = self.open_with(open, &[], false).await?;
        Ok((outbound, inbound))
    }

    /// Opens an exchange whose first frame holds as much of `data` as fits, and ends the request if `end` and all of it fits.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub(crate) async fn open_with(
        &self,
        open: Open,
        data: &[u8],
        end: bool,
    ) -> Result<Opened, ExchangeError> {
        let (key, taken) = self.shared.open(open, (data, end), || Reader::Pieces(None)).await?;
        Ok(Opened::new(&self.shared, key, taken, end && taken == data.len()))
    }

    /// One whole request for one whole response of at most `limit` bytes: the cheap way for small ones.
    ///
    /// # Errors
    /// The exchange failed, or the response is longer.
    pub async fn call(&self, open: Open, request: Bytes, limit: usize) -> Result<Bytes, ExchangeError> {
        let reader = || Reader::Whole { limit, waker: None };
        let (key, taken) = self.shared.open(open, (&request, true), reader).await?;
        let opened = Opened::new(&self.shared, key, taken, taken == request.len());
        let Opened { outbound, mut inbound, taken } = opened;
        if taken < request.len() {
            outbound.finish_with(request.slice(taken..)).await?;
        }
        let mut response = BytesMut::new();
        core::future::poll_fn(|cx| inbound.poll_take(cx, &mut response)).await?;
        Ok(response.freeze())
    }

    /// Sends a gossip message.
    ///
    /// # Errors
    /// Too many wait already.
    pub(crate) fn gossip(&self, message: Bytes) -> Result<(), Full> {
        // A link that is gone is reported by its task.
        if self.shared.lock().gossip(message) { Ok(()) } else { Err(Full) }
    }

    /// Pings the peer at once.
    pub(crate) fn ping(&self) {
        let mut state = self.shared.lock();
        state.link.ping(self.shared.clock.now());
        state.wake_task();
    }

    /// Ends the link.
    pub(crate) fn go_away(&self, reason: GoAway) {
        let mut state = self.shared.lock();
        state.sent.get_or_insert(reason);
        state.link.go_away(reason);
        state.wake_task();
    }
}
