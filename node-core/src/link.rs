//! The link protocol.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// What an exchange asks for; the first bytes of its first frame (PROTOCOL.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The node that is to answer, when it is not the peer itself: a hub passes it on to its leaf.
    pub to: Option<NodeId>,
    /// Links that the exchange may still cross; each hub takes one off.
    pub hops: u8,
    /// Time left for the answer, in milliseconds; 0 is refused.
    pub budget_ms: u32,
    /// Which kind of request follows.
    pub service: Service,
}

/// The kind of request that an exchange carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Built-in or added method; the request is its postcard body, the response a postcard `Result`.
    Rpc(u16),
    /// A reverse-proxied HTTP request: each direction is an HTTP/1.1 message head, then the bare body.
    Http,
}

/// Why one side gave an exchange up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResetCode {
    /// The side that asked lost interest.
    Cancelled,
    /// The time budget ran out.
    Timeout,
    /// No room: table, queue or memory is full.
    Full,
    /// The service, method or node is not known here.
    Unknown,
    /// The peer broke a rule of the exchange.
    Protocol,
    /// Something failed here that is not the peer's fault.
    Internal,
}

impl fmt::Display for ResetCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "cancelled",
            Self::Timeout => "out of time",
            Self::Full => "full",
            Self::Unknown => "unknown service or node",
            Self::Protocol => "protocol violation",
            Self::Internal => "internal error",
        })
    }
}
