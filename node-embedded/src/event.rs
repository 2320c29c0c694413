//! What the firmware hears of its links: that one is up or down, that a dial failed, and that a peer was refused, each with its
//! reason.

use embassy_net::IpEndpoint;
use node_core::id::NodeId;
use node_core::link::{GoAway, PeerError};
use node_core::wire::record::MAX_ADDR;
use thiserror::Error;

#[cfg(feature = "accept")]
use crate::tls::AcceptError;
use crate::tls::SessionError;

/// An event of the node's links. There is one for each cause.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkEvent {
    /// A hub, or another peer, proved its identity: requests pass from now on.
    Up {
        /// The node at the other end.
        peer: NodeId,
        /// Its address.
        endpoint: IpEndpoint,
    },
    /// A link has ended, and its connection is closed.
    Down {
        /// The node at the other end.
        peer: NodeId,
        /// Why it ended.
        reason: DownReason,
    },
    /// A dial led to no link; of a name with several addresses, the dial of one of them. The node dials again by itself, less and less often, about every 30 s in the end.
    DialFailed {
        /// The hub's address as the settings or the cluster name it: `HOST:PORT`.
        address: heapless::String<MAX_ADDR>,
        /// The address that was dialled; `None` when there was none to dial.
        endpoint: Option<IpEndpoint>,
        /// Why there is no link.
        error: DialError,
    },
    /// A peer dialled this board, a hub, and got no TLS session. [`AcceptError::Untrusted`] names a board that is not in the keyring yet;
    /// but anybody who reaches the port causes such events, so they make room for all other events, and never take their place.
    #[cfg(feature = "accept")]
    Refused {
        /// The address that it dialled from.
        endpoint: IpEndpoint,
        /// Why it got no session.
        error: AcceptError,
    },
    /// So many events were dropped since the last one was read, because nobody read them in time.
    Missed(u32),
}

/// Why a dial led to no link. Each step has its own longest time.
#[derive(Clone, Copy, Debug, Error)]
#[non_exhaustive]
pub enum DialError {
    /// The address is not `HOST:PORT`.
    #[error("not of the form HOST:PORT")]
    Malformed,
    /// HOST is a name, and this firmware has no DNS.
    #[error("a name, but this firmware can dial numbers only: build it with the feature dns")]
    NoDns,
    /// HOST is an IPv6 address, and this firmware has only IPv4.
    #[error("an IPv6 address, but this firmware has IPv4 only: build it with the feature ipv6")]
    NoIpv6,
    /// The name server knows no address of the name.
    #[error("the name server knows no such name")]
    UnknownName,
    /// No name server of the network gave an answer to the question. It has 5 s; of two, the first has 15 s.
    #[error("no name server answers")]
    NoNameServer,
    /// The network has no way to the address.
    #[error("there is no route to it")]
    NoRoute,
    /// Nothing listens there: the connection was refused.
    #[error("nothing listens there")]
    Refused,
    /// Nothing answered within 5 s.
    #[error("no connection within 5 s")]
    Timeout,
    /// There is no TLS session: the hub is not trusted ([`SessionError::Untrusted`] says why not), does not trust this board
    /// ([`SessionError::Refused`]), sends records that do not fit ([`SessionError::Record`]), or is not done within 10 s.
    #[error(transparent)]
    Session(SessionError),
    /// The TLS session is up, and no link came of it. The hub has 5 s for its hello and its proof.
    #[error(transparent)]
    Link(DownReason),
}

/// Why a link ended, or none came of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DownReason {
    /// The peer ended it.
    #[error("the peer said GOAWAY: {0}")]
    Peer(GoAway),
    /// This board ended it: [`GoAway::Untrusted`] when a new keyring does not trust the peer, [`GoAway::Leaving`] or
    /// [`GoAway::Asleep`] when the firmware asked for it, [`GoAway::Duplicate`] when another link to the peer stays.
    #[error("this board said GOAWAY: {0}")]
    Board(GoAway),
    /// The peer did not answer in time.
    #[error("the peer did not answer in time")]
    Unresponsive,
    /// The peer broke a rule of the protocol.
    #[error(transparent)]
    Fault(PeerError),
    /// The connection broke.
    #[error("the connection broke, or the peer closed it without a GOAWAY")]
    Lost,
}

impl From<PeerError> for DownReason {
    fn from(error: PeerError) -> Self {
        match error {
            PeerError::Unresponsive | PeerError::HelloTimeout => Self::Unresponsive,
            error => Self::Fault(error),
        }
    }
}
