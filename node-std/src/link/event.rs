//! The events that the task of a link reports to the task of the cluster.

use bytes::Bytes;
use node_core::gossip::{Certificates, Direction, Failure, Target};
use node_core::id::LinkId;
use node_core::link::{GoAway, Limits};
use node_core::time::UnixTime;

use super::handle::LinkHandle;

/// The beginning of a link.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Whether this node dialled or accepted it.
    pub direction: Direction,
    /// The address at the other end.
    pub address: String,
    /// The certificates that the handshake showed, under TLS.
    pub certificates: Option<Certificates>,
}

/// An event of a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// The carrier is open. The peer's hello has not arrived yet.
    Started(LinkId, Origin),
    /// A dial failed.
    DialFailed {
        /// The node that it was for.
        target: Target,
        /// The address that was dialled.
        address: String,
        /// The state of that node, as the failure shows it.
        failure: Failure,
        /// The error, for the log.
        error: String,
    },
    /// The peer's hello arrived.
    Up {
        /// The link.
        link: LinkHandle,
        /// The peer's incarnation.
        incarnation: u64,
        /// The peer's encoded metadata.
        metadata: Vec<u8>,
        /// The limits of the peer on this link.
        limits: Limits,
        /// The peer's clock.
        time: Option<UnixTime>,
    },
    /// A gossip message.
    Gossip(LinkId, Bytes),
    /// The leaf at the other end was sent as many TLS records as the key usage limit allows.
    KeyUsageLimit(LinkId),
    /// The peer sent GOAWAY.
    GoAway(LinkId, GoAway),
    /// The link is over.
    Down {
        /// The link.
        link: LinkId,
        /// Whether the peer's hello had arrived.
        up: bool,
        /// How it ended.
        outcome: Outcome,
    },
}

/// How a link ended.
#[derive(Debug)]
pub struct Outcome {
    /// The reason of this node's GOAWAY.
    pub sent: Option<GoAway>,
    /// The reason of the peer's GOAWAY. It is [`GoAway::Acknowledged`] when this node sent its own first.
    pub received: Option<GoAway>,
    /// The error that ended the link.
    pub error: Option<String>,
    /// The peer is this node itself.
    pub itself: bool,
}
