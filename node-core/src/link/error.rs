//! Errors, split by blame: the peer's fault ends the link, the caller's is answered to the caller.

use thiserror::Error;

use crate::crypto::SignError;
use crate::id::{Hex, NodeId};
use crate::wire::{FrameKind, GoAway, VERSION};

/// The peer broke a rule, or may not be linked. The link is over: send [`go_away`](Self::go_away) if the carrier still takes
/// it, and close. Other links are not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PeerError {
    /// The first bytes are not the preface.
    #[error("not a Maelstrom link: it starts with the bytes {}", Hex(.0))]
    NotALink([u8; 8]),
    /// Another protocol version.
    #[error("the peer speaks protocol version {0}, this node {VERSION}: update the older one")]
    Version(u8),
    /// Another cluster.
    #[error("the peer belongs to another cluster: compare the cluster ids")]
    OtherCluster,
    /// The hello is malformed or its limits are out of range.
    #[error("the peer's hello is malformed or its limits are out of range")]
    BadHello,
    /// No hello, or no proof, arrived within the hello timeout.
    #[error("the peer sent no hello, or no proof of its identity, in time")]
    HelloTimeout,
    /// The proof of the peer's identity does not hold on this link.
    #[error(
        "the peer did not prove that it is node {0}: it does not hold that identity key, or another link's proof was replayed"
    )]
    BadProof(NodeId),
    /// The peer said hello, but this node did not prove itself: its identity key cannot be used.
    #[error("this node did not prove its identity: its key cannot be used")]
    Unproved,
    /// The peer did not answer a ping in time.
    #[error("the peer answered no ping in time")]
    Unresponsive,
    /// A frame longer than this node's limit.
    #[error("the peer announced a frame of {announced} bytes where {limit} are allowed")]
    FrameTooLong {
        /// Payload bytes announced.
        announced: usize,
        /// Payload bytes allowed.
        limit: usize,
    },
    /// A frame of this kind may not come now: another frame before the hello, or a second hello.
    #[error("the peer sent a {} frame out of turn", .0.name())]
    Unexpected(FrameKind),
    /// The payload of a frame of this kind cannot be read.
    #[error("the peer sent a malformed {} frame", .0.name())]
    BadPayload(FrameKind),
    /// More bytes than there was credit for.
    #[error("the peer sent more than its credit")]
    OverCredit,
    /// More exchanges than were allowed, or one number twice.
    #[error("the peer opened more exchanges than allowed")]
    TooManyExchanges,
}

impl PeerError {
    /// The reason to give the peer.
    #[must_use]
    pub const fn go_away(self) -> GoAway {
        match self {
            Self::Version(_) => GoAway::OtherVersion,
            Self::OtherCluster => GoAway::OtherCluster,
            Self::BadProof(_) => GoAway::Unproved,
            Self::Unproved => GoAway::Full,
            Self::HelloTimeout | Self::Unresponsive => GoAway::Unresponsive,
            _ => GoAway::Protocol,
        }
    }
}

/// This node could not prove its identity. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The identity key cannot be used.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The outbox has no room for about a frame of 1 KiB, or the peer has not said hello.
    #[error("the outbox has no room for the proof of identity")]
    Full,
}

/// An exchange could not be opened. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpenError {
    /// The peer has not said hello yet.
    #[error("the link is not up yet")]
    NotUp,
    /// One side said GOAWAY: use another link.
    #[error("the link is closing")]
    Draining,
    /// All exchanges that the peer allows are taken: wait for one to end.
    #[error("all exchanges of the link are taken")]
    Exchanges,
    /// The outbox has no room: transmit first.
    #[error("the outbox is full")]
    Outbox,
}

/// Bytes could not be sent on an exchange. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The exchange is over, or this direction was ended.
    #[error("the exchange is over")]
    Closed,
    /// No credit: wait for the event `Credit`.
    #[error("no credit")]
    Credit,
    /// The outbox has no room: transmit first.
    #[error("the outbox is full")]
    Outbox,
}
