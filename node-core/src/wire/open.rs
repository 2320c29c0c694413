//! OPEN and RESET: what an exchange asks for, and why a side gives it up.

use core::fmt;

use serde::{Deserialize, Serialize};

use crate::id::NodeId;

/// The head of an exchange: the first bytes of its first frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The node that is to answer, when it is not the peer itself: a hub passes the exchange on.
    pub to: Option<NodeId>,
    /// Links that the exchange may still cross after this one; each hub that passes it on takes one off.
    pub hops: u8,
    /// Time left for the answer, in milliseconds; with 0 the exchange is over immediately.
    pub budget_ms: u32,
    /// The kind of request that follows.
    pub service: Service,
}

impl Open {
    /// Most bytes that it takes on the wire, its length byte included.
    pub(crate) const MAX_BYTES: usize = 32;

    /// Writes it behind its length.
    pub(crate) fn encode<'o>(&self, buffer: &'o mut [u8; Self::MAX_BYTES]) -> Option<&'o [u8]> {
        let (length, rest) = buffer.split_first_mut()?;
        let used = postcard::to_slice(self, rest).ok()?.len();
        *length = u8::try_from(used).ok()?;
        buffer.get(..=used)
    }

    /// Splits a payload into this and the bytes after it. The first is `None` when only its length can be read, because a later
    /// version wrote it.
    pub(crate) fn take(payload: &[u8]) -> Option<(Option<Self>, &[u8])> {
        let (&length, rest) = payload.split_first()?;
        let (head, data) = rest.split_at_checked(length.into())?;
        // Bytes after the known fields are of a later version, too.
        let open = postcard::take_from_bytes::<Self>(head).ok().map(|(open, _)| open);
        Some((open, data))
    }
}

/// The kind of request that an exchange carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Service {
    /// Built-in or added method: the request is its postcard body, the response a postcard `Result`.
    Rpc(u16),
    /// A reverse-proxied HTTP request: each direction is an HTTP/1.1 message head, then the bare body.
    Http,
}

/// The reason why one side gave an exchange up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ResetCode {
    /// The side that opened the exchange no longer wants the answer.
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
