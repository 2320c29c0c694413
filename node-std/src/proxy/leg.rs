//! One leg of a proxied request: a connection, or an exchange of a link, on which one message comes in and one goes out.
//!
//! Every leg takes and gives heads as the text that a link carries: a first line and fields, without those that end at a hop.
//! So whoever sends a request and whoever answers it, the same code decides what becomes of it.

use core::task::{Context, Poll};
use std::io;

use node_core::http::{BadChunk, BadTrailers, BodyLength, FramingError, Version};

use crate::link::ExchangeError;

/// What is here of the incoming message's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    /// So many bytes, at least one, at the start of [`Leg::bytes`].
    Data {
        /// How many.
        len: usize,
        /// The message ends after them.
        last: bool,
    },
    /// The end. [`Leg::trailers`] has the trailers.
    End,
}

/// What a leg speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// HTTP/1.1 or 1.0.
    Http1,
    Http2,
    /// Another node is on the other side.
    Link,
}

impl Protocol {
    /// Whether the connection tells where a message ends, and not the message's head.
    pub(crate) const fn ends_itself(self) -> bool {
        matches!(self, Self::Http2 | Self::Link)
    }

    /// What the node that takes a message of HTTP writes in `Via`: the version that it came in, and the name of this cluster
    /// (RFC 9110 section 7.6.3). The text of a head of HTTP/2 has `version` 1.1.
    pub(crate) const fn via(self, version: Version) -> &'static str {
        match (self, version) {
            (Self::Http2, _) => "2.0 maelstrom",
            (_, Version::Http10) => "1.0 maelstrom",
            (_, Version::Http11) => "1.1 maelstrom",
        }
    }
}

/// How a head came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) protocol: Protocol,
    /// The message ended with it.
    pub(crate) ended: bool,
}

impl Carried {
    /// Whether a body follows whose end the connection tells, and not the head.
    pub(crate) const fn ends_itself(self) -> bool {
        self.protocol.ends_itself() && !self.ended
    }
}

/// One leg. Its methods do not block: `Pending` means that the task is woken later.
pub(crate) trait Leg: Send {
    fn protocol(&self) -> Protocol;

    /// Both directions carry bytes without any form from now on.
    fn upgrade(&mut self);

    // The message that comes in.

    /// The bytes that arrived and were not consumed.
    fn bytes(&self) -> &[u8];

    /// Waits for more bytes of a head. `false` is the end of the connection.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, LegError>>;

    /// Drops bytes of a head, or of the body.
    fn consume(&mut self, bytes: usize);

    /// Says how long the body is that comes in, after its head was consumed.
    fn expect(&mut self, body: BodyLength);

    /// The next bytes of the body. Bytes that are not consumed come again.
    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived, LegError>>;

    /// Whether all that is left of the body is here, so that nobody waits for the sender.
    fn is_whole(&self) -> bool;

    /// Whether the sender may wait for an answer before it sends the rest.
    fn is_conversation(&self) -> bool;

    /// The field lines after the body that came in, as they came.
    fn trailers(&self) -> &[u8];

    /// Whether the incoming message ended with its head, which is here and has so many bytes.
    fn ended_with_head(&self, len: usize) -> bool {
        self.protocol().ends_itself()
            && self.is_whole()
            && self.bytes().len() == len
            && self.trailers().is_empty()
    }

    /// How the head came that is here and has so many bytes.
    fn carried(&self, len: usize) -> Carried {
        Carried { protocol: self.protocol(), ended: self.ended_with_head(len) }
    }

    /// Whether the other side is gone, while nothing is expected from it.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    // The message that goes out.

    /// Begins a message: its first line and fields, without the empty line, and the length of the body that follows.
    fn begin(&mut self, head: &[u8], outline: Outline);

    /// Sends bytes of the body, which ends after them if `last`. Returns how many were taken: at least one.
    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Poll<Result<usize, LegError>>;

    /// Ends the body, with these field lines after it, which [`passed`](super::trailers::passed) wrote.
    fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &[u8]) -> Poll<Result<(), LegError>>;

    /// Passes on what is held back.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegError>>;

    /// The rest of the incoming message is not read: a connection that cannot skip it ends after the outgoing one, and says so.
    fn skip_rest(&mut self) {}

    /// Breaks the outgoing message off, so that nobody takes it for a whole one.
    fn abort(&mut self);
}

/// The body of a message that goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    pub(crate) body: BodyLength,
    /// The `Content-Length` of a message that has no body, such as the answer to HEAD.
    pub(crate) announced: Option<u64>,
}

impl Outline {
    pub(crate) const fn of(body: BodyLength) -> Self {
        Self { body, announced: None }
    }
}

/// How a leg fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LegError {
    #[error("the connection closed in the middle of a message")]
    Closed,
    #[error(transparent)]
    Chunk(#[from] BadChunk),
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error(transparent)]
    Http2(#[from] h2::Error),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("its head cannot be written in HTTP/2")]
    Head,
    #[error("the body is not as long as its Content-Length says")]
    Length,
    #[error(transparent)]
    Trailers(#[from] BadTrailers),
}

impl LegError {
    /// Whether the other side only went away.
    pub(crate) fn is_hang_up(&self) -> bool {
        use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};

        match self {
            Self::Closed => true,
            Self::Io(error) => matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof),
            _ => false,
        }
    }
}
