//! The built-in methods and their numbers.

use num_enum::TryFromPrimitive;

/// Longest body of a built-in request or response, in bytes; one that is longer is refused.
pub const MAX_BODY: usize = 8192;
/// Longest body of a ping, in bytes.
pub const MAX_PING: usize = 1024;
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
    /// `()` -> [`KeySlot`](super::KeySlot)s one after the other until the end.
    KeysList = 16,
    /// A [`Bundle`](crate::keys::Bundle) as it is -> the digest of the new keyring, `[u8; 32]`. The keyring is
    /// replaced in one step and kept before the answer; refused with [`Code::Refused`](super::Code::Refused) where a TLS directory is
    /// the keyring.
    KeysReplace = 17,
}

impl Method {
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
}
