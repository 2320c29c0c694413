//! What the task of a link reports to the cluster's.

use bytes::Bytes;
use node_core::gossip::{Certificates, Direction, Failure, Target};
use node_core::id::LinkId;
use node_core::link::{GoAway, Limits};
use node_core::time::UnixTime;

use super::handle::LinkHandle;

/// Where a link comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Dialled or accepted.
    pub how: Direction,
    /// The address at the other end.
    pub address: String,
    /// What the handshake showed, under TLS.
    pub certificates: Option<Certificates>,
}

/// What a link's task reports.
#[derive(Debug)]
pub enum Notice {
    /// The carrier is open; the peer has not said hello yet.
    Started(LinkId, Origin),
    /// A dial came to nothing.
    DialFailed {
        /// Whom it was for.
        target: Target,
        /// What was dialled.
        address: String,
        /// What that says of the one who was to answer.
        failure: Failure,
        /// What went wrong.
        error: String,
    },
    /// The peer said hello.
    Up {
        /// The link.
        link: LinkHandle,
        /// The peer's incarnation.
        incarnation: u64,
        /// The peer's encoded description.
        metadata: Vec<u8>,
        /// What the peer takes.
        limits: Limits,
        /// The peer's clock.
        time: Option<UnixTime>,
    },
    /// A gossip message.
    Gossip(LinkId, Bytes),
    /// The leaf at the other end was sent as many TLS records as one link may carry.
    Worn(LinkId),
    /// The peer said GOAWAY.
    GoAway(LinkId, GoAway),
    /// The link is over. `up` says whether it ever was up.
    Down {
        /// The link.
        link: LinkId,
        /// Whether the peer had said hello.
        up: bool,
        /// Why this node ended it, if it did.
        said: Option<GoAway>,
        /// Why the peer ended it, if it did; [`GoAway::Acknowledged`] when this node said it first.
        heard: Option<GoAway>,
        /// What went wrong, if something did.
        error: Option<String>,
        /// The peer is this node itself.
        itself: bool,
    },
}
