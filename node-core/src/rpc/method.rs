//! The built-in methods and their numbers.

use num_enum::TryFromPrimitive;

use crate::trust::Roles;

/// Longest body of a built-in request or response, in bytes; one that is longer is refused.
pub const MAX_BODY: usize = 8192;
/// Longest body of a ping, in bytes.
pub const MAX_PING: usize = 1024;
/// Longest event that is published, in bytes. A board takes shorter ones.
pub const MAX_EVENT: usize = 8000;
/// How long a subscription lasts, in seconds, unless it is renewed.
pub const LEASE_S: u32 = 60;
/// First method number that a board or a server may use for its own.
pub const FIRST_CUSTOM: u16 = 0x1000;

/// Built-in methods. Bodies are postcard unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromPrimitive)]
#[repr(u16)]
pub enum Method {
    /// Up to [`MAX_PING`] bytes of anything -> `()`, then the same bytes.
    Ping = 1,
    /// `()` -> [`Status`](super::Status).
    Status = 2,
    /// `()` -> [`MemberItem`](super::MemberItem)s one after the other until the end.
    Members = 3,
    /// `()` -> component names, `&str` one after the other until the end.
    Components = 4,
    /// `()` -> [`Counters`](super::Counters), of a board.
    Counters = 5,
    /// `()` -> [`KeySlot`](super::KeySlot)s one after the other until the end.
    KeysList = 16,
    /// A [`Bundle`](crate::keys::Bundle) as it is -> the digest of the new keyring, `[u8; 32]`. The keyring is
    /// replaced in one step and kept before the answer; refused with [`Code::Refused`](super::Code::Refused) where a TLS directory is
    /// the keyring.
    KeysReplace = 17,
    /// A JSON-RPC 2.0 request as text -> `()`, then the response as text, of any length. Only what reads is carried out
    ///
    JsonRpc = 32,
    /// A [`LogRequest`](super::LogRequest) -> `()`, then [`LogItem`](super::LogItem)s as they come, for a minute.
    Logs = 33,
    /// A [`Subscribe`](super::Subscribe) -> the lease in seconds, `u32`: the caller subscribes to a topic of this node.
    Subscribe = 48,
    /// An [`Event`](super::Event), and behind it the bytes of the event -> `()`: the caller publishes to a node that subscribed
    ///
    Event = 49,
}

impl Method {
    /// All of them, in the order of their numbers.
    pub const ALL: &[Self] = &[
        Self::Ping,
        Self::Status,
        Self::Members,
        Self::Components,
        Self::Counters,
        Self::KeysList,
        Self::KeysReplace,
        Self::JsonRpc,
        Self::Logs,
        Self::Subscribe,
        Self::Event,
    ];

    /// The built-in method with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::try_from(number).ok()
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// A caller needs one of these roles.
    #[must_use]
    pub const fn needs(self) -> Roles {
        match self {
            Self::Ping
            | Self::Status
            | Self::Members
            | Self::Components
            | Self::Counters
            | Self::KeysList
            | Self::KeysReplace
            | Self::JsonRpc
            | Self::Logs
            | Self::Subscribe
            | Self::Event => Roles::LINK_AS_LEAF,
        }
    }
}

/// A caller of the method with this number needs one of these roles. A method of a board or a server's own, and one that is passed
/// on to another node, needs what every node on a link has.
#[must_use]
pub fn needs(number: u16) -> Roles {
    Method::from_number(number).map_or(Roles::LINK_AS_LEAF, Method::needs)
}

#[cfg(test)]
mod tests {
    use super::{FIRST_CUSTOM, Method};

    #[test]
    fn all_are_all() {
        assert!((0..FIRST_CUSTOM).filter_map(Method::from_number).eq(Method::ALL.iter().copied()));
    }
}
