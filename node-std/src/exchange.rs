//! One request and its response on a link, as the daemon's tasks see it.

use core::time::Duration;

use bytes::Bytes;
use node_core::link::{Open, ResetCode};

/// Why an exchange ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The other side gave the exchange up.
    #[error("the peer reset the exchange: {0}")]
    Reset(ResetCode),
    /// The link under it is gone.
    #[error("the link closed: {0}")]
    LinkClosed(String),
    /// Every exchange slot of the link is taken.
    #[error("the link has no free exchange")]
    Full,
    /// The time budget ran out.
    #[error("the time budget of {0:?} ran out")]
    Timeout(Duration),
}

/// The sending half of one direction of an exchange. Dropping it unfinished resets the exchange.
#[derive(Debug)]
pub struct Outbound;

impl Outbound {
    /// Hands `data` to the link; waits while the peer's credit or the link's queue is used up.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed.
    pub async fn send(&mut self, data: Bytes) -> Result<(), ExchangeError> {
        let _ = data;
        Err(ExchangeError::Full)
    }

    /// Ends this direction.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish(self) -> Result<(), ExchangeError> {
        Err(ExchangeError::Full)
    }

    /// Gives the whole exchange up, telling the peer why.
    pub fn reset(self, code: ResetCode) {
        let _ = code;
    }
}

/// The receiving half of one direction of an exchange. Bytes taken from it are credit for the peer, so
/// a slow reader slows the sender down. Dropping it before the end resets the exchange.
#[derive(Debug)]
pub struct Inbound;

impl Inbound {
    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        Err(ExchangeError::Full)
    }
}

/// An exchange that the peer opened.
#[derive(Debug)]
pub struct Accepted {
    /// What the peer asks for.
    pub open: Open,
    /// The request's bytes.
    pub inbound: Inbound,
    /// Where the response goes.
    pub outbound: Outbound,
}
