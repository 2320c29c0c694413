//! Gossip messages, each at most [`MAX_MESSAGE`] bytes: a tag, then items until the end.

use num_enum::TryFromPrimitive;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::frame::MIN_FRAME;
use super::record::{Record, State};
use crate::id::NodeId;

/// Longest gossip message in bytes: every node's frames hold it.
pub const MAX_MESSAGE: usize = MIN_FRAME;

/// The kind of a message's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromPrimitive)]
#[repr(u8)]
pub enum Tag {
    /// [`Record`]s that the receiver may not have.
    Records = 1,
    /// [`RangeFingerprint`]s of the table, to find where two tables differ.
    RangeFingerprints = 2,
    /// One [`IdRange`], then a [`Version`] for each member that the sender knows in it.
    ItemList = 3,
    /// [`NodeId`]s of the members whose records the sender asks for.
    IWant = 4,
    /// [`Version`]s of records that changed here, for lazy push.
    IHave = 5,
    /// One byte of flags: GRAFT or PRUNE the link, and whether to push eagerly.
    Neighbor = 6,
}

/// Node ids from `first` to `last`, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdRange {
    /// The smallest id.
    pub first: NodeId,
    /// The largest id.
    pub last: NodeId,
}

impl IdRange {
    /// Every id.
    pub const ALL: Self = Self { first: NodeId([0; 16]), last: NodeId([0xff; 16]) };
}

/// The fingerprint of what the sender holds in a range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeFingerprint {
    /// The ids that it covers.
    pub range: IdRange,
    /// The live members in the range.
    pub count: u32,
    /// The sum of the hashes of their records, modulo 2^64.
    pub fingerprint: u64,
}

/// The version of a member's record that the sender holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// The member.
    pub id: NodeId,
    /// Its incarnation.
    pub incarnation: u64,
    /// Its state.
    pub state: State,
    /// Digest of its metadata.
    pub digest: [u8; 4],
}

/// Collects items of one kind into a message.
pub(crate) struct Writer {
    buffer: [u8; MAX_MESSAGE],
    len: usize,
}

impl Writer {
    pub(crate) const fn new(tag: Tag) -> Self {
        let mut buffer = [0; MAX_MESSAGE];
        buffer[0] = tag as u8;
        Self { buffer, len: 1 }
    }

    /// Adds an item; `false`, and no change, when it does not fit.
    pub(crate) fn push(&mut self, item: &impl Serialize) -> bool {
        let Some(rest) = self.buffer.get_mut(self.len..) else { return false };
        match postcard::to_slice(item, rest) {
            Ok(used) => {
                self.len += used.len();
                true
            }
            Err(_) => false,
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.len <= 1
    }

    pub(crate) fn message(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    pub(crate) const fn clear(&mut self) {
        self.len = 1;
    }
}

/// Reads items of one kind until the end of a message; an item that cannot be read is an error.
#[derive(Clone)]
pub(crate) struct Items<'b, T> {
    rest: &'b [u8],
    item: core::marker::PhantomData<T>,
}

impl<'b, T: Deserialize<'b>> Items<'b, T> {
    pub(crate) const fn new(rest: &'b [u8]) -> Self {
        Self { rest, item: core::marker::PhantomData }
    }
}

impl<'b, T: Deserialize<'b>> Iterator for Items<'b, T> {
    type Item = Result<T, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match postcard::take_from_bytes::<T>(self.rest) {
            Ok((item, rest)) => {
                self.rest = rest;
                Some(Ok(item))
            }
            Err(_) => {
                self.rest = &[];
                Some(Err(Malformed))
            }
        }
    }
}

/// A gossip message cannot be read. The sender is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("malformed gossip message")]
pub struct Malformed;

/// A borrowed record is what [`Tag::Records`] holds.
pub(crate) type Records<'b> = Items<'b, Record<'b>>;
