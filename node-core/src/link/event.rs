//! Events: the peer's acts, as the adapter hears of them.

use super::exchange::ExchangeId;
use crate::time::{Duration, UnixTime};
use crate::wire::{GoAway, Limits, Open, Record, ResetCode};

/// The result of [`Link::handle_input`](super::Link::handle_input).
#[derive(Debug)]
pub struct Input<'b> {
    /// Bytes consumed; 0 when more must arrive first.
    pub consumed: usize,
    /// The event in them, if it concerns the adapter.
    pub event: Option<Event<'b>>,
}

/// An act of the peer. Bytes that come with an exchange count against credit until they are
/// [released](super::Link::release).
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The peer said hello. [`prove`](super::Link::prove) answers it, before anything else is sent.
    Greeted,
    /// The peer proved its identity: the link is up. Its record is its own word, but its signature is not verified yet.
    Up(Introduction<'b>),
    /// The peer opens an exchange.
    Opened {
        /// The exchange.
        id: ExchangeId,
        /// The request's head.
        open: Open,
        /// First bytes of the request.
        data: &'b [u8],
        /// True when the direction ends with these bytes.
        end: bool,
    },
    /// Bytes of an exchange.
    Data {
        /// The exchange.
        id: ExchangeId,
        /// Its bytes.
        data: &'b [u8],
        /// True when the direction ends with these bytes.
        end: bool,
    },
    /// Bytes of the trailers that follow the body of a proxied message.
    Trailers {
        /// The exchange.
        id: ExchangeId,
        /// Bytes of field lines.
        data: &'b [u8],
        /// True when the direction ends with these bytes.
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

/// What a peer that proved its identity says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Introduction<'b> {
    /// Its limits on this link.
    pub limits: Limits,
    /// Its wall-clock time, when it trusts its clock.
    pub time: Option<UnixTime>,
    /// Its record, with the id that it proved.
    pub record: Record<'b>,
}
