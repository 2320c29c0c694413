//! Errors, split by blame: the peer's fault ends the link, the caller's is answered to the caller.

use core::fmt;

use crate::id::{Hex, NodeId};
use crate::wire::{FrameKind, GoAway};

/// The peer broke a rule, or is not who may be here. The link is over: send [`go_away`](Self::GOAWAY) if the
/// carrier still takes it, and close. Other links are not concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerError {
    /// The first bytes are not the preface.
    NotALink([u8; 8]),
    /// Another protocol version.
    Version(u8),
    /// Another cluster.
    OtherCluster,
    /// The peer is this node itself.
    Itself(NodeId),
    /// The hello is malformed or its limits are out of range.
    BadHello,
    /// Hello did not arrive in time.
    HelloTimeout,
    /// Nothing was heard for too long, pings included.
    Unresponsive,
    /// A frame longer than this node's limit.
    FrameTooLong {
        /// Payload bytes announced.
        announced: usize,
        /// Payload bytes allowed.
        limit: usize,
    },
    /// A frame of this kind may not come now: anything before the hello, or a second hello.
    Unexpected(FrameKind),
    /// The payload of a frame of this kind cannot be read.
    BadPayload(FrameKind),
    /// More bytes than there was credit for.
    OverCredit,
    /// More exchanges than were allowed, or one number twice.
    TooManyExchanges,
}

impl PeerError {
    /// What to tell the peer.
    #[must_use]
    pub const fn go_away(self) -> GoAway {
        match self {
            Self::Version(_) => GoAway::OtherVersion,
            Self::OtherCluster => GoAway::OtherCluster,
            Self::Itself(_) => GoAway::Itself,
            Self::HelloTimeout | Self::Unresponsive => GoAway::Unresponsive,
            _ => GoAway::Protocol,
        }
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotALink(bytes) => {
                write!(f, "not a Maelstrom link: it starts with the bytes {}", Hex(bytes))
            }
            Self::Version(theirs) => {
                write!(f, "the peer speaks protocol version {theirs}, this node {}", crate::wire::VERSION)
            }
            Self::OtherCluster => f.write_str("the peer belongs to another cluster: compare the cluster ids"),
            Self::Itself(id) => write!(f, "the peer is this node itself, {id}: an own address was dialled"),
            Self::BadHello => f.write_str("the peer's hello is malformed or its limits are out of range"),
            Self::HelloTimeout => f.write_str("the peer sent no hello in time"),
            Self::Unresponsive => f.write_str("the peer answered no ping in time"),
            Self::FrameTooLong { announced, limit } => {
                write!(f, "the peer announced a frame of {announced} bytes where {limit} are allowed")
            }
            Self::Unexpected(kind) => write!(f, "the peer sent a {kind:?} frame out of turn"),
            Self::BadPayload(kind) => write!(f, "the peer sent a malformed {kind:?} frame"),
            Self::OverCredit => f.write_str("the peer sent more than its credit"),
            Self::TooManyExchanges => f.write_str("the peer opened more exchanges than allowed"),
        }
    }
}

impl core::error::Error for PeerError {}

/// An exchange could not be opened. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The peer has not said hello yet.
    NotUp,
    /// One side said GOAWAY: use another link.
    Draining,
    /// All exchanges that the peer allows are taken: wait for one to end.
    Exchanges,
    /// The outbox has no room: transmit first.
    Outbox,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotUp => "the link is not up yet",
            Self::Draining => "the link is closing",
            Self::Exchanges => "all exchanges of the link are taken",
            Self::Outbox => "the outbox is full",
        })
    }
}

impl core::error::Error for OpenError {}

/// Bytes could not be sent on an exchange. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The exchange is over, or this direction was ended.
    Closed,
    /// No credit: wait for [`Event::Credit`](super::Event::Credit).
    Credit,
    /// The outbox has no room: transmit first.
    Outbox,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the exchange is over",
            Self::Credit => "no credit",
            Self::Outbox => "the outbox is full",
        })
    }
}

impl core::error::Error for SendError {}
