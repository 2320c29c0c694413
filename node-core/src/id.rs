//! Names of things: nodes, clusters, links, exchanges.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A node's identity: 16 random bytes, made once and kept in the data directory or flash.
///
/// An id is not a key: keys rotate, the id stays. It is shown as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub [u8; 16]);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

impl FromStr for NodeId {
    type Err = BadNodeId;

    fn from_str(text: &str) -> Result<Self, BadNodeId> {
        if text.len() != 32 || !text.is_ascii() {
            return Err(BadNodeId);
        }
        u128::from_str_radix(text, 16).map(|id| Self(id.to_be_bytes())).map_err(|_| BadNodeId)
    }
}

/// The text is not 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a node id is 32 hexadecimal digits")]
pub struct BadNodeId;

/// Longest node name, component name and cluster id, in bytes.
pub const MAX_NAME: usize = 63;

/// A node, component or cluster name: 1 to 63 bytes of `A-Z a-z 0-9 - _ .`, so that it needs no quoting in a
/// header, a path, a log line or a shell.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "heapless::String<MAX_NAME>", into = "heapless::String<MAX_NAME>")]
pub struct Name(heapless::String<MAX_NAME>);

impl Name {
    /// Checks and copies `text`.
    ///
    /// # Errors
    /// [`BadName`] when it is empty, too long or holds another character.
    pub fn new(text: &str) -> Result<Self, BadName> {
        if !is_name(text) {
            return Err(BadName);
        }
        heapless::String::try_from(text).map(Self).map_err(|_| BadName)
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Returns true when `text` may be a [`Name`].
#[must_use]
pub fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

impl TryFrom<heapless::String<MAX_NAME>> for Name {
    type Error = BadName;

    fn try_from(text: heapless::String<MAX_NAME>) -> Result<Self, BadName> {
        if is_name(&text) { Ok(Self(text)) } else { Err(BadName) }
    }
}

impl From<Name> for heapless::String<MAX_NAME> {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        Self::new(text)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text cannot be a [`Name`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a name is 1 to {MAX_NAME} of the characters A-Z a-z 0-9 - _ .")]
pub struct BadName;

/// The number of a link, chosen by the adapter: unique while the process runs, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// Bytes shown as lower-case hexadecimal digits, the one way that bytes are printed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A piece at a time: an id is written for every request.
        for piece in self.0.chunks(16) {
            let mut text = [0; 32];
            for (digits, byte) in text.chunks_exact_mut(2).zip(piece) {
                for (digit, half) in digits.iter_mut().zip([byte >> 4, byte & 15]) {
                    *digit = if half < 10 { b'0' + half } else { b'a' + half - 10 };
                }
            }
            let digits = text.get(..piece.len() * 2).unwrap_or_default();
            f.write_str(core::str::from_utf8(digits).unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
