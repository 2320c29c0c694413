//! The commands that other tasks send to the task of a link.

use bytes::Bytes;
use node_core::link::{ExchangeId, GoAway, Open, ResetCode};
use tokio::sync::oneshot;

use super::error::ExchangeError;

/// A command to the task of a link.
///
/// The queue of commands has no bound of its own. Its content is bounded by the exchanges of the link and their credit, by the
/// permits for gossip, and by the requests that wait for an exchange.
///
/// `H` stands for the halves of an exchange, which the task hands to the opener. It is a parameter because the halves send
/// commands themselves.
#[derive(Debug)]
pub(super) enum Command<H> {
    /// Opens an exchange whose request and response are streamed.
    Open { open: Open, reply: oneshot::Sender<Result<H, ExchangeError>> },
    /// Opens an exchange with a whole request for a whole response of at most `limit` bytes.
    Call { open: Open, request: Bytes, limit: usize, reply: oneshot::Sender<Result<Bytes, ExchangeError>> },
    /// Sends bytes on an exchange. With `end` they are the last ones of their direction.
    Send { id: ExchangeId, data: Bytes, end: bool },
    /// Gives up an exchange and tells the peer why.
    Reset { id: ExchangeId, code: ResetCode },
    /// Drops what the peer still sends on an exchange.
    Ignore { id: ExchangeId },
    /// Gives the peer credit for bytes that a reader took.
    Release { id: ExchangeId, bytes: usize },
    /// Sends a gossip message.
    Gossip(Bytes),
    /// Measures the round trip, which shows whether the peer is still there.
    Ping,
    /// Ends the link.
    GoAway(GoAway),
}

impl<H> Command<H> {
    /// Whether the caller still waits for the answer.
    pub(super) fn is_wanted(&self) -> bool {
        match self {
            Self::Open { reply, .. } => !reply.is_closed(),
            Self::Call { reply, .. } => !reply.is_closed(),
            _ => true,
        }
    }

    /// Answers a request that the task will not carry out.
    pub(super) fn refuse(self, error: ExchangeError) {
        match self {
            Self::Open { reply, .. } => drop(reply.send(Err(error))),
            Self::Call { reply, .. } => drop(reply.send(Err(error))),
            _ => {}
        }
    }
}
