//! The first frame of each side.

use serde::{Deserialize, Serialize};

use super::frame::MIN_FRAME;
use super::record::Record;
use crate::time::UnixTime;

/// The first bytes that each side sends, before its hello. A listener tells a link from HTTP and TLS by them.
pub const PREFACE: [u8; 8] = *b"MAEL/1\r\n";

/// The protocol version spoken here.
pub const VERSION: u8 = 1;

/// The first frame of each node, about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello<'b> {
    /// Protocol version. The first byte of the payload in every version, so that others can be refused by name.
    pub version: u8,
    /// The cluster that it belongs to.
    pub cluster: &'b str,
    /// Its limits.
    pub limits: Limits,
    /// Its wall-clock time, when it trusts its clock.
    pub time: Option<UnixTime>,
    /// Its own record.
    #[serde(borrow)]
    pub record: Record<'b>,
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

impl Limits {
    /// Returns true when a peer may announce these.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.frame as usize >= MIN_FRAME
    }
}
