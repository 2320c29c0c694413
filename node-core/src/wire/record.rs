//! A member's record and metadata on the wire.

use core::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use crate::crypto::{PublicKey, Signature};
use crate::id::{NodeId, is_name};

/// Most bytes of an encoded [`Metadata`], its signature included.
pub const MAX_METADATA: usize = 864;
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
    /// The encoded [`Metadata`] and its signature, set by the member alone and passed on untouched.
    #[serde(serialize_with = "as_bytes")]
    pub metadata: &'b [u8],
}

/// The same on the wire as a slice of numbers, which would be written byte by byte.
fn as_bytes<S: Serializer>(bytes: &&[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(bytes)
}

impl Record<'_> {
    /// Whether the member itself says it: no other node calls a member alive, or left without naming itself.
    #[must_use]
    pub const fn is_own_word(&self) -> bool {
        match self.state {
            State::Alive => true,
            State::Left => self.by.is_none(),
            State::Suspect | State::Down => false,
        }
    }

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
    /// The start of the process that says this. The node itself sets it.
    pub start: Start,
    /// Another process that runs with the same identity. The node itself sets it.
    #[serde(borrow)]
    pub rival: Option<Rival<'b>>,
    /// The member leaves: this is its last word. The node itself sets it.
    pub left: bool,
    /// The public key of its identity. The node itself sets it.
    pub identity: PublicKey,
}

/// One start of a node, from which two processes with one identity are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Start {
    /// The time in Unix milliseconds; on a node without a clock, how often it was started. The later start has the larger
    /// number.
    pub at: u64,
    /// A random number, for two starts at one time.
    pub random: u32,
}

/// Another process with the identity of the node that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rival<'b> {
    /// Its start.
    pub start: Start,
    /// Its first address, or nothing.
    pub address: &'b str,
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
            start: Start { at: 0, random: 0 },
            rival: None,
            left: false,
            identity: PublicKey::NONE,
        }
    }

    /// Reads encoded metadata and checks it: the names are names, the addresses printable and of the form
    /// `HOST:PORT`. Bytes between its fields and its signature are a later version's fields and are ignored. The
    /// signature is not verified: see [`Identity::verify_record`](crate::identity::Identity::verify_record).
    ///
    /// # Errors
    /// [`BadMetadata`]; the member that sent it is at fault.
    pub fn decode(bytes: &'b [u8]) -> Result<Self, BadMetadata> {
        if bytes.len() > MAX_METADATA {
            return Err(BadMetadata);
        }
        let (fields, _) = split_signature(bytes).ok_or(BadMetadata)?;
        let (metadata, _) = postcard::take_from_bytes::<Self>(fields).map_err(|_| BadMetadata)?;
        let names = metadata.components.iter().chain(&metadata.uses);
        let rival = metadata.rival.map_or("", |rival| rival.address);
        let good = is_name(metadata.name)
            && names.into_iter().all(|name| is_name(name))
            && metadata.addrs.iter().all(|addr| is_address(addr))
            && (rival.is_empty() || is_address(rival));
        if good { Ok(metadata) } else { Err(BadMetadata) }
    }

    /// Writes it into `buffer`, with room for a signature at the end, and returns the bytes used. To be signed by
    /// [`Identity::sign_record`](crate::identity::Identity::sign_record).
    ///
    /// # Errors
    /// [`BadMetadata`] when it takes more than `buffer` or [`MAX_METADATA`], or would not [`decode`](Self::decode).
    pub fn encode<'o>(&self, buffer: &'o mut [u8]) -> Result<&'o [u8], BadMetadata> {
        let fields = postcard::to_slice(self, buffer).map_err(|_| BadMetadata)?.len();
        let bytes = buffer.get_mut(..fields + Signature::LEN).ok_or(BadMetadata)?;
        bytes.get_mut(fields..).ok_or(BadMetadata)?.fill(0);
        Metadata::decode(bytes)?;
        Ok(bytes)
    }
}

/// Splits encoded metadata into what is signed and the signature; `None` when it is too short for one.
#[must_use]
pub fn split_signature(metadata: &[u8]) -> Option<(&[u8], Signature)> {
    let (fields, signature) = metadata.split_last_chunk()?;
    Some((fields, Signature::from_bytes(*signature)))
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
