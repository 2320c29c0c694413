//! The events that the task of a link reports to the task of the cluster.

use bytes::Bytes;
use node_core::gossip::{Direction, Failure, Target};
use node_core::id::LinkId;
use node_core::identity::Channel;
use node_core::link::GoAway;

use super::handle::LinkHandle;
use super::local::Greeting;
use crate::tls::{Session, Shown};

/// The beginning of a link.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Whether this node dialled or accepted it.
    pub direction: Direction,
    /// The address at the other end.
    pub address: String,
    /// The channel under it, to which both ends bind their proofs.
    pub channel: Channel,
    /// What the peer showed in the handshake of TLS.
    pub shown: Option<Shown>,
    /// What the handshake of TLS agreed on.
    pub session: Option<Session>,
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
        /// Its certificate is not trusted here.
        untrusted: bool,
        /// The state of that node, as the failure shows it.
        failure: Failure,
        /// The error, for the log.
        error: String,
    },
    /// The peer proved its identity.
    Up {
        /// The link.
        link: LinkHandle,
        /// What it says of itself.
        greeting: Greeting,
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
        /// Whether the peer had proved its identity.
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
}
