//! The first two frames of each side.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::frame::{HEADER, MIN_FRAME};
use super::record::Record;
use crate::crypto::{PublicKey, Signature};
use crate::time::UnixTime;

/// The first bytes that each side sends, before its hello. A listener tells a link from HTTP and TLS by them.
pub const PREFACE: [u8; 8] = *b"MAEL/1\r\n";

/// The protocol version spoken here.
pub const VERSION: u8 = 2;

/// The first frame of each node: what its peer must know to prove itself, and to judge the proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello<'b> {
    /// Protocol version. The first byte of the payload in every version, so that others can be refused by name.
    pub version: u8,
    /// The cluster that it belongs to.
    pub cluster: &'b str,
    /// Its limits.
    pub limits: Limits,
    /// The public key of its identity, whose id it claims to have.
    pub identity: PublicKey,
    /// Fresh random bytes: a proof made for another link does not hold here.
    pub nonce: [u8; 32],
    /// Its TLS library offers the exporter of this channel.
    pub exporter: bool,
}

/// The second frame of each node: it proves its identity on this link, and says who it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof<'b> {
    /// The signature of its identity over this link.
    #[serde(serialize_with = "signature_to_bytes", deserialize_with = "signature_from_bytes")]
    pub signature: Signature,
    /// Its wall-clock time, when it trusts its clock.
    pub time: Option<UnixTime>,
    /// Its own record.
    #[serde(borrow)]
    pub record: Record<'b>,
}

fn signature_to_bytes<S: Serializer>(signature: &Signature, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bytes(signature.as_bytes())
}

fn signature_from_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Signature, D::Error> {
    let bytes: &[u8] = Deserialize::deserialize(deserializer)?;
    bytes.try_into().map(Signature::from_bytes).map_err(|_| D::Error::custom("a signature has 64 bytes"))
}

/// A node's limits on one link. Its peer MUST stay within them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest payload of a frame in bytes, 1024 to 65,535.
    pub frame: u16,
    /// Exchanges that the peer may have open at the same time.
    pub exchanges: u16,
    /// Bytes that may be sent on one direction of an exchange before credit is given.
    pub exchange_credit: u32,
    /// Bytes that may be sent on all exchanges of the link together before credit is given.
    pub link_credit: u32,
    /// Member records that it keeps.
    pub members: u32,
}

/// The most bytes of a link in one TLS record to a peer whose hello has not arrived (R-003g).
pub const FIRST_RECORD: usize = 1280;

impl Limits {
    /// The most bytes of the link in one TLS record to the node that announces these (R-003g).
    #[must_use]
    pub const fn record(&self) -> usize {
        let frame = HEADER + self.frame as usize;
        if frame > FIRST_RECORD { frame } else { FIRST_RECORD }
    }

    /// Returns true when a peer may announce these.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.frame as usize >= MIN_FRAME
    }
}
