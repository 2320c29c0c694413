//! What the peer did, as the adapter hears of it.

use super::exchange::ExchangeId;
use crate::time::Duration;
use crate::wire::{GoAway, Hello, Open, ResetCode};

/// What [`Link::handle_input`](super::Link::handle_input) made of its input.
#[derive(Debug)]
pub struct Input<'b> {
    /// Bytes consumed; 0 when more must arrive first.
    pub consumed: usize,
    /// What they mean, if it concerns the adapter.
    pub event: Option<Event<'b>>,
}

/// What the peer did. Bytes that come with an exchange count against credit until they are
/// [released](super::Link::release).
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The peer's hello: the link is up.
    Up(Hello<'b>),
    /// The peer opens an exchange.
    Opened {
        /// The exchange.
        id: ExchangeId,
        /// What it asks for.
        open: Open,
        /// First bytes of the request.
        data: &'b [u8],
        /// Whether the direction ends with these bytes.
        end: bool,
    },
    /// Bytes of an exchange.
    Data {
        /// The exchange.
        id: ExchangeId,
        /// Its bytes.
        data: &'b [u8],
        /// Whether the direction ends with these bytes.
        end: bool,
    },
    /// The peer gave the exchange up; it is over.
    Reset {
        /// The exchange.
        id: ExchangeId,
        /// The reason that the peer gives.
        code: ResetCode,
    },
    /// More may be sent: on one exchange, or with `None` on any.
    Credit(Option<ExchangeId>),
    /// A gossip message.
    Gossip(&'b [u8]),
    /// A ping returned after this time.
    Pong(Duration),
    /// The peer ends the link; no further exchange may be opened here.
    GoAway(GoAway),
    /// A frame of a kind that this version does not know was skipped.
    Skipped(u8),
}
