//! How an exchange fails.

use core::time::Duration;

use node_core::link::ResetCode;

/// Why an exchange ended early.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The peer reset the exchange.
    #[error("the peer reset the exchange: {0}")]
    Reset(ResetCode),
    /// There is no link for it. Nothing was sent.
    #[error("no link: {0}")]
    LinkClosed(String),
    /// The link broke under it. The peer may have done what was asked.
    #[error("the link broke: {0}")]
    Lost(String),
    /// Too many exchanges wait for the link already.
    #[error("the link has no free exchange")]
    Full,
    /// The time budget ran out.
    #[error("the time budget of {0:?} ran out")]
    Timeout(Duration),
}
