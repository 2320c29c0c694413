//! How other tasks use a link.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::id::{LinkId, NodeId};
use node_core::link::{Full, GoAway, Open};
use tokio::sync::{Semaphore, oneshot};

use super::command::Command;
use super::error::ExchangeError;
use super::rtt::Rtt;
use super::stream::{Commands, Inbound, LinkCommand, Outbound};

/// How long a request waits for a free exchange.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// A link of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    id: LinkId,
    peer: NodeId,
    commands: Commands,
    /// A permit for each gossip message that may still wait.
    gossip_room: Arc<Semaphore>,
    rtt: Rtt,
}

impl LinkHandle {
    pub(super) const fn new(
        id: LinkId,
        peer: NodeId,
        commands: Commands,
        gossip_room: Arc<Semaphore>,
        rtt: Rtt,
    ) -> Self {
        Self { id, peer, commands, gossip_room, rtt }
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
        let (reply, answer) = oneshot::channel();
        self.command(Command::Open { open, reply })?;
        let opened = tokio::time::timeout(OPEN_WAIT, answer).await.map_err(|_| ExchangeError::Full)?;
        opened.map_err(|_| closed())?
    }

    /// One whole request for one whole response of at most `limit` bytes: the cheap way for small ones.
    ///
    /// # Errors
    /// The exchange failed, or the response is longer.
    pub async fn call(&self, open: Open, request: Bytes, limit: usize) -> Result<Bytes, ExchangeError> {
        let (reply, answer) = oneshot::channel();
        self.command(Command::Call { open, request, limit, reply })?;
        answer.await.map_err(|_| ExchangeError::Lost("the link closed".into()))?
    }

    /// Sends a gossip message.
    ///
    /// # Errors
    /// Too many wait already.
    pub(crate) fn gossip(&self, message: Bytes) -> Result<(), Full> {
        self.gossip_room.try_acquire().map_err(|_| Full)?.forget();
        // A link that is gone is reported by its task.
        let _ = self.commands.send(Command::Gossip(message));
        Ok(())
    }

    /// Pings the peer at once.
    pub(crate) fn ping(&self) {
        let _ = self.commands.send(Command::Ping);
    }

    /// Ends the link.
    pub(crate) fn go_away(&self, reason: GoAway) {
        let _ = self.commands.send(Command::GoAway(reason));
    }

    fn command(&self, command: LinkCommand) -> Result<(), ExchangeError> {
        self.commands.send(command).map_err(|_| closed())
    }
}

fn closed() -> ExchangeError {
    ExchangeError::LinkClosed("the link closed".into())
}
