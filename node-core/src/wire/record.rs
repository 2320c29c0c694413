//! A member's record and metadata on the wire.

use core::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::id::{NodeId, is_name};

/// Most bytes of an encoded [`Metadata`].
pub const MAX_METADATA: usize = 768;
/// Most addresses of a member.
pub const MAX_ADDRS: usize = 4;
/// Longest address, `HOST:PORT`, in bytes.
pub const MAX_ADDR: usize = 128;
/// Most components of a member.
pub const MAX_COMPONENTS: usize = 32;
/// Most components that a leaf uses.
pub const MAX_USES: usize = 8;
/// Most hubs that a member without an address names.
pub const MAX_HUBS: usize = 2;

/// A statement of one node about one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record<'b> {
    /// The member.
    pub id: NodeId,
    /// Only the member itself raises it. The higher incarnation wins, whatever the state.
    pub incarnation: u64,
    /// At one incarnation the later state wins.
    pub state: State,
    /// The node that suspects the member or declared it down; `None` when the member speaks for itself.
    pub by: Option<NodeId>,
    /// The encoded [`Metadata`], set by the member alone and passed on untouched.
    #[serde(serialize_with = "as_bytes")]
    pub metadata: &'b [u8],
}

/// The same on the wire as a slice of numbers, which would be written byte by byte.
fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl Record<'_> {
    /// Most bytes that it takes on the wire.
    pub const MAX_BYTES: usize = 16 + 10 + 1 + 17 + 2 + MAX_METADATA;
}

/// The kind of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// Accepts links, holds the whole member table.
    Hub,
    /// Only dials out; its hubs detect its failure.
    Leaf,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hub => "hub",
            Self::Leaf => "leaf",
        })
    }
}

/// The state of a member, as a node believes it. At one incarnation the later variant wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum State {
    /// It runs.
    Alive,
    /// A node could not reach it. The member has the suspicion timeout to refute.
    Suspect,
    /// It did not refute in time.
    Down,
    /// It left the cluster, or an operator removed it.
    Left,
}

impl State {
    /// Returns true for a member that counts as running: alive or suspect.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Alive | Self::Suspect)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Down => "down",
            Self::Left => "left",
        })
    }
}

/// A member's statement about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<'b> {
    /// Its [`Name`](crate::id::Name).
    pub name: &'b str,
    /// Hub or leaf.
    pub kind: Kind,
    /// SHA-256 of the certificate that it presents; zero when it has none.
    #[serde(with = "digest")]
    pub active_key: [u8; 32],
    /// Digest of the certificates that it trusts; zero when it has none.
    #[serde(with = "digest")]
    pub keyring: [u8; 32],
    /// Addresses at which it can be dialled, `HOST:PORT`; empty for a leaf.
    #[serde(borrow)]
    pub addrs: heapless::Vec<&'b str, MAX_ADDRS>,
    /// Components that it offers.
    #[serde(borrow)]
    pub components: heapless::Vec<&'b str, MAX_COMPONENTS>,
    /// For a leaf: components that it uses. Its hubs tell it which members offer them.
    #[serde(borrow)]
    pub uses: heapless::Vec<&'b str, MAX_USES>,
    /// For a member without an address, as a leaf is: the hubs that it is linked to.
    pub hubs: heapless::Vec<NodeId, MAX_HUBS>,
    /// For a leaf that is about to sleep: how many seconds it sleeps, during which no hub suspects it. 0 while it is awake.
    pub sleep_s: u32,
}

impl<'b> Metadata<'b> {
    /// Metadata that holds only a name and a kind.
    #[must_use]
    pub const fn new(name: &'b str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            active_key: [0; 32],
            keyring: [0; 32],
            addrs: heapless::Vec::new(),
            components: heapless::Vec::new(),
            uses: heapless::Vec::new(),
            hubs: heapless::Vec::new(),
            sleep_s: 0,
        }
    }

    /// Reads encoded metadata and checks it: the names are names, the addresses printable and of the form
    /// `HOST:PORT`. Bytes after it are a later version's fields and are ignored.
    ///
    /// # Errors
    /// [`BadMetadata`]; the member that sent it is at fault.
    pub fn decode(bytes: &'b [u8]) -> Result<Self, BadMetadata> {
        if bytes.len() > MAX_METADATA {
            return Err(BadMetadata);
        }
        let (metadata, _) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| BadMetadata)?;
        let names = metadata.components.iter().chain(&metadata.uses);
        let good = is_name(metadata.name)
            && names.into_iter().all(|name| is_name(name))
            && metadata.addrs.iter().all(|addr| is_address(addr));
        if good { Ok(metadata) } else { Err(BadMetadata) }
    }

    /// Writes it into `buffer` and returns the bytes used.
    ///
    /// # Errors
    /// [`BadMetadata`] when it takes more than `buffer` or [`MAX_METADATA`], or would not [`decode`](Self::decode).
    pub fn encode<'o>(&self, buffer: &'o mut [u8]) -> Result<&'o [u8], BadMetadata> {
        let bytes = postcard::to_slice(self, buffer).map_err(|_| BadMetadata)?;
        Metadata::decode(bytes)?;
        Ok(bytes)
    }
}

/// Returns true when `text` has the form `HOST:PORT` or `[IPv6]:PORT`.
#[must_use]
pub fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    text.len() <= MAX_ADDR
        && !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:[]%".contains(&b))
        && port.parse::<u16>().is_ok_and(|port| port != 0)
}

/// A member's metadata is too long or malformed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a member's metadata is malformed or takes more than {MAX_METADATA} bytes")]
pub struct BadMetadata;

/// 32 bytes; zeros travel as none.
mod digest {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(digest: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(if *digest == [0; 32] { &[] } else { digest })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        match <&[u8]>::deserialize(deserializer)? {
            [] => Ok([0; 32]),
            bytes => bytes.try_into().map_err(|_| D::Error::custom("a digest has 32 bytes")),
        }
    }
}
