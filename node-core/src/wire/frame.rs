//! Frames (R-010 to R-014): an 8-byte header, then the payload.
//!
//! ```text
//! 0        2      3       4            8
//! | length | kind | flags | exchange   | payload …
//! ```
//!
//! Numbers are little-endian. `length` counts the payload alone.

use num_enum::TryFromPrimitive;

use super::outbox::{Full, Outbox};

/// Bytes of a frame header.
pub const HEADER: usize = 8;

/// The longest payload that every node takes, in bytes. A node MUST NOT announce a smaller frame limit (R-022), so a
/// hello and a gossip message always fit.
pub const MIN_FRAME: usize = 1024;

/// This direction of the exchange ends with this frame.
pub const END: u8 = 1;
/// The sender answers this exchange; without it, the sender opened it. Each side numbers the exchanges that it
/// opens, so both may use one number at once.
pub const RESPONDER: u8 = 2;
/// The bytes of this DATA frame are trailers, which follow the body (R-075).
pub const TRAILERS: u8 = 4;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, TryFromPrimitive)]
#[repr(u8)]
pub enum FrameKind {
    /// The first frame of each side.
    Hello = 1,
    /// A gossip message.
    Gossip = 2,
    /// A new exchange: [`Open`](super::Open), then the first bytes of the request.
    Open = 3,
    /// Bytes of an exchange.
    Data = 4,
    /// The exchange is given up; the payload is a [`ResetCode`](super::ResetCode).
    Reset = 5,
    /// More bytes may be sent; the payload is their number. Exchange 0 with no flag is the whole link.
    Credit = 6,
    /// Eight bytes that the receiver returns.
    Ping = 7,
    /// The eight bytes of a ping.
    Pong = 8,
    /// No further exchange is opened by the sender; the payload is a [`GoAway`](super::GoAway).
    GoAway = 9,
    /// The second frame of each side: a [`Proof`](super::Proof).
    Proof = 10,
}

impl FrameKind {
    /// The name of this kind, for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hello => "Hello",
            Self::Gossip => "Gossip",
            Self::Open => "Open",
            Self::Data => "Data",
            Self::Reset => "Reset",
            Self::Credit => "Credit",
            Self::Ping => "Ping",
            Self::Pong => "Pong",
            Self::GoAway => "GoAway",
            Self::Proof => "Proof",
        }
    }
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Payload bytes.
    pub length: u16,
    /// Frame kind; one that is not a [`FrameKind`] is skipped.
    pub kind: u8,
    /// [`END`], [`RESPONDER`], [`TRAILERS`]; other bits are sent as zero and ignored.
    pub flags: u8,
    /// Exchange number; zero where there is none.
    pub exchange: u32,
}

impl Header {
    /// Its bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; HEADER] {
        let [l0, l1] = self.length.to_le_bytes();
        let [e0, e1, e2, e3] = self.exchange.to_le_bytes();
        [l0, l1, self.kind, self.flags, e0, e1, e2, e3]
    }

    /// The header in these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; HEADER]) -> Self {
        let [l0, l1, kind, flags, e0, e1, e2, e3] = bytes;
        Self {
            length: u16::from_le_bytes([l0, l1]),
            kind,
            flags,
            exchange: u32::from_le_bytes([e0, e1, e2, e3]),
        }
    }

    /// The kind, when it is a known one.
    #[must_use]
    pub fn kind(self) -> Option<FrameKind> {
        self.kind.try_into().ok()
    }

    /// Returns true when [`END`] is set.
    #[must_use]
    pub const fn ends(self) -> bool {
        self.flags & END != 0
    }
}

/// A frame at the start of some input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'b> {
    /// Its header.
    pub header: Header,
    /// Its payload.
    pub payload: &'b [u8],
}

impl<'b> Frame<'b> {
    /// The frame at the start of `input`, `None` while it is incomplete.
    ///
    /// # Errors
    /// [`TooLong`] as soon as the header announces more than `limit` payload bytes (R-012).
    pub fn parse(input: &'b [u8], limit: usize) -> Result<Option<Self>, TooLong> {
        let Some((header, rest)) = input.split_first_chunk::<HEADER>() else { return Ok(None) };
        let header = Header::from_bytes(*header);
        let announced = usize::from(header.length);
        if announced > limit {
            return Err(TooLong { announced, limit });
        }
        Ok(rest.get(..announced).map(|payload| Self { header, payload }))
    }

    /// Bytes of the whole frame.
    #[must_use]
    pub const fn len(&self) -> usize {
        HEADER + self.payload.len()
    }

    /// Returns true when the payload is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.payload.is_empty()
    }
}

/// The peer announced a longer frame than it may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Payload bytes in its header.
    pub announced: usize,
    /// Payload bytes that were allowed.
    pub limit: usize,
}

/// Puts one frame whose payload is the concatenation of `parts`.
///
/// # Errors
/// [`Full`] when it does not fit the outbox, or a payload is longer than a header can say.
pub(crate) fn put(
    out: &mut impl Outbox,
    kind: FrameKind,
    flags: u8,
    exchange: u32,
    parts: [&[u8]; 2],
) -> Result<(), Full> {
    let [first, second] = parts;
    let length = u16::try_from(first.len() + second.len()).map_err(|_| Full)?;
    let header = Header { length, kind: kind as u8, flags, exchange }.to_bytes();
    out.put(&[&header, first, second])
}
