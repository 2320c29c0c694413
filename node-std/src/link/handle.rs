//! How other tasks use a link.

use core::time::Duration;

use std::sync::Arc;

use bytes::Bytes;
use node_core::id::{LinkId, NodeId};
use node_core::link::{ExchangeId, Full, GoAway, Open, ResetCode};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::rtt::Rtt;
use crate::exchange::{ExchangeError, Inbound, Outbound};

/// How long a request waits for a free exchange.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// A link of this node. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LinkHandle {
    id: LinkId,
    peer: NodeId,
    commands: mpsc::UnboundedSender<Command>,
    /// A permit for each gossip message that may still wait.
    gossip: Arc<Semaphore>,
    rtt: Rtt,
}

/// What a link's task is asked to do.
///
/// The queue of commands has no bound of its own: what is in it is bounded by the exchanges of the link and their
/// credit, by the permits for gossip, and by the requests that wait for an exchange.
#[derive(Debug)]
pub(crate) enum Command {
    /// Opens an exchange whose request and response are streamed.
    Open {
        open: Open,
        reply: oneshot::Sender<Result<(Outbound, Inbound), ExchangeError>>,
    },
    /// Opens an exchange with a whole request for a whole response of at most `limit` bytes.
    Call {
        open: Open,
        request: Bytes,
        limit: usize,
        reply: oneshot::Sender<Result<Bytes, ExchangeError>>,
    },
    Send {
        id: ExchangeId,
        data: Bytes,
        end: bool,
    },
    Reset {
        id: ExchangeId,
        code: ResetCode,
    },
    /// The rest of what the peer sends on it is of no interest.
    Ignore {
        id: ExchangeId,
    },
    Release {
        id: ExchangeId,
        bytes: usize,
    },
    Gossip(Bytes),
    GoAway(GoAway),
}

impl Command {
    /// Whether whoever asked still waits for the answer.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Open { reply, .. } => !reply.is_closed(),
            Self::Call { reply, .. } => !reply.is_closed(),
            _ => true,
        }
    }
}

impl LinkHandle {
    pub(crate) fn new(
        id: LinkId,
        peer: NodeId,
        commands: mpsc::UnboundedSender<Command>,
        (gossip, rtt): (Arc<Semaphore>, Rtt),
    ) -> Self {
        Self { id, peer, commands, gossip, rtt }
    }

    /// Its number here.
    #[must_use]
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// Who is at its other end.
    #[must_use]
    pub const fn peer(&self) -> NodeId {
        self.peer
    }

    /// How fast it is.
    pub(crate) const fn rtt(&self) -> &Rtt {
        &self.rtt
    }

    /// Opens an exchange; waits while all are taken, but not longer than 5 s.
    ///
    /// # Errors
    /// The link is closing, or no exchange became free in time, or too many wait already.
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
        self.gossip.try_acquire().map_err(|_| Full)?.forget();
        // A link that is gone is reported by its task.
        let _ = self.commands.send(Command::Gossip(message));
        Ok(())
    }

    /// Ends the link.
    pub(crate) fn go_away(&self, reason: GoAway) {
        let _ = self.commands.send(Command::GoAway(reason));
    }

    fn command(&self, command: Command) -> Result<(), ExchangeError> {
        self.commands.send(command).map_err(|_| closed())
    }
}

fn closed() -> ExchangeError {
    ExchangeError::LinkClosed("the link closed".into())
}
