//! Remote procedure calls (PROTOCOL.md, R-060 to R-066): an exchange with a method number; the request is the
//! method's body, the response a postcard `Result` whose `Err` says what went wrong.
//!
//! Numbers below 0x1000 are built in; a board or a server adds its own from [`FIRST_CUSTOM`] on.

mod messages;

pub use messages::{KeySlot, MemberItem, Status};

use core::fmt;

use serde::{Deserialize, Serialize};

/// Longest body of a built-in request or response, in bytes; one that is longer is refused.
pub const MAX_BODY: usize = 8192;
/// Longest body of a ping, in bytes.
pub const MAX_PING: usize = 1024;
/// First method number that a board or a server may use for its own.
pub const FIRST_CUSTOM: u16 = 0x1000;

/// Built-in methods. Bodies are postcard unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Method {
    /// Up to [`MAX_PING`] bytes of anything -> `()`, then the same bytes.
    Ping = 1,
    /// `()` -> [`Status`].
    Status = 2,
    /// `()` -> [`MemberItem`]s one after the other until the end.
    Members = 3,
    /// `()` -> component names, `&str` one after the other until the end.
    Components = 4,
    /// `()` -> [`KeySlot`]s one after the other until the end.
    KeysList = 16,
    /// A [`Bundle`](crate::keys::Bundle) as it is -> the digest of the new keyring, `[u8; 32]`. The keyring is
    /// replaced in one step and kept before the answer; refused with [`Code::Refused`] where a TLS directory is
    /// the keyring.
    KeysReplace = 17,
}

impl Method {
    /// The built-in method with this number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Ping,
            2 => Self::Status,
            3 => Self::Members,
            4 => Self::Components,
            16 => Self::KeysList,
            17 => Self::KeysReplace,
            _ => return None,
        })
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// A response: items follow `Ok(())` where a method returns several.
pub type Response<'b, T> = Result<T, RpcError<'b>>;

/// Why a method did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcError<'b> {
    /// The kind of failure.
    pub code: Code,
    /// For people: what it is about and what to do, at most 256 bytes.
    pub message: &'b str,
}

impl fmt::Display for RpcError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message)
    }
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Code {
    /// This node has no such method.
    UnknownMethod,
    /// The request cannot be read.
    BadRequest,
    /// The request is understood and not granted.
    Refused,
    /// Something failed at the node.
    Internal,
}
