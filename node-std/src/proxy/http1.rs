//! A connection of HTTP/1 as a leg: a client's or an upstream's.

use core::pin::Pin;
use core::task::{Context, Poll, ready};
use std::io::{IoSlice, Write as _};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use node_core::http::{BodyLength, Chunk, ChunkDecoder, Version};
use tokio::io::{AsyncRead, AsyncWrite};

use super::leg::{Arrived, Leg, LegError, Outline, Protocol};
use crate::buffer::{ReadBuffer, SIZE, give_back, lend};

/// From so many bytes on a piece of a body is written without a copy.
const LARGE: usize = 8 * 1024;

/// A connection, its buffers, and where it is in each of the two messages.
#[derive(Debug)]
pub(crate) struct Http1<IO> {
    io: IO,
    read: ReadBuffer,
    write: BytesMut,
    incoming: Incoming,
    outgoing: Outgoing,
    trailers: Bytes,
    /// Bytes with the end after the data that was shown last.
    end: Option<usize>,
    /// Nothing more comes in.
    eof: bool,
    /// The connection takes no more bytes for now.
    blocked: bool,
    /// The client that is answered, on a connection that this node accepted.
    client: Option<Client>,
}

/// What a client needs to be told.
#[derive(Clone, Copy, Debug)]
struct Client {
    version: Version,
    /// The connection goes on after the response.
    persists: bool,
}

/// Where the incoming message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Incoming {
    Known(u64),
    Chunks(ChunkDecoder),
    UntilClose,
    Over,
}

/// Where the outgoing message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outgoing {
    Known(u64),
    Chunks,
    /// Ends where the connection does.
    UntilClose,
    Over,
}

impl<IO: AsyncRead + AsyncWrite + Unpin + Send> Http1<IO> {
    /// A connection on which nothing was sent.
    pub(crate) fn new(io: IO) -> Self {
        Self {
            io,
            read: ReadBuffer::default(),
            write: BytesMut::new(),
            incoming: Incoming::Over,
            outgoing: Outgoing::Over,
            trailers: Bytes::new(),
            end: None,
            eof: false,
            blocked: false,
            client: None,
        }
    }

    pub(crate) const fn io(&self) -> &IO {
        &self.io
    }

    /// The next response is for a client of this version. The connection goes on after it, or not.
    pub(crate) const fn answers(&mut self, version: Version, persists: bool) {
        self.client = Some(Client { version, persists });
    }

    /// Drops what arrived.
    pub(crate) fn discard(&mut self) {
        let all = self.read.bytes().len();
        self.read.consume(all);
    }

    /// Whether both messages are over, and the connection can carry the next ones.
    pub(crate) fn is_idle(&self) -> bool {
        self.incoming == Incoming::Over
            && self.outgoing == Outgoing::Over
            && self.write.is_empty()
            && !self.eof
    }

    /// Whether the incoming message is over.
    pub(crate) fn has_received(&self) -> bool {
        self.incoming == Incoming::Over
    }

    /// Writes bytes as they are.
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        if self.write.capacity() == 0 {
            self.write = lend();
        }
        self.write.extend_from_slice(bytes);
    }

    /// Closes the sending direction.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        ready!(self.poll_flush(cx))?;
        Poll::Ready(ready!(Pin::new(&mut self.io).poll_shutdown(cx)).map_err(LegError::from))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        while !self.write.is_empty() {
            let written = match Pin::new(&mut self.io).poll_write(cx, &self.write) {
                Poll::Ready(written) => written?,
                Poll::Pending => {
                    self.blocked = true;
                    return Poll::Pending;
                }
            };
            if written == 0 {
                return Poll::Ready(Err(LegError::Closed));
            }
            self.write.advance(written);
        }
        self.blocked = false;
        give_back(core::mem::take(&mut self.write));
        Poll::Ready(Ok(()))
    }

    /// Writes what waits and then `data`; what is not taken at once is kept. `after` follows the data.
    fn write_through(&mut self, cx: &mut Context<'_>, data: &[u8], after: &[u8]) -> Result<(), LegError> {
        let mut written = 0;
        if data.len() >= LARGE {
            let parts = [IoSlice::new(&self.write), IoSlice::new(data)];
            if let Poll::Ready(taken) = Pin::new(&mut self.io).poll_write_vectored(cx, &parts) {
                let taken = taken?;
                let waited = taken.min(self.write.len());
                self.write.advance(waited);
                written = taken - waited;
            }
        }
        self.put(data.get(written..).unwrap_or_default());
        self.put(after);
        Ok(())
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin + Send> Leg for Http1<IO> {
    fn protocol(&self) -> Protocol {
        Protocol::Http1
    }

    fn upgrade(&mut self) {
        (self.incoming, self.outgoing) = (Incoming::UntilClose, Outgoing::UntilClose);
    }

    fn bytes(&self) -> &[u8] {
        self.read.bytes()
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, LegError>> {
        if self.eof {
            return Poll::Ready(Ok(false));
        }
        let read = ready!(self.read.poll_fill(cx, Pin::new(&mut self.io)))?;
        self.eof = read == 0;
        Poll::Ready(Ok(!self.eof))
    }

    fn consume(&mut self, bytes: usize) {
        let mut all = bytes;
        match &mut self.incoming {
            Incoming::Known(left) => {
                *left = left.saturating_sub(bytes as u64);
                if *left == 0 {
                    self.incoming = Incoming::Over;
                }
            }
            Incoming::Chunks(decoder) => {
                if let Some(end) = decoder.ends_after(self.read.bytes(), bytes).filter(|_| self.end.is_some())
                {
                    self.incoming = Incoming::Over;
                    all = end;
                } else {
                    decoder.take(bytes);
                }
            }
            Incoming::UntilClose | Incoming::Over => {}
        }
        self.read.consume(all);
    }

    fn expect(&mut self, body: BodyLength) {
        self.incoming = match body {
            BodyLength::None | BodyLength::Known(0) => Incoming::Over,
            BodyLength::Known(length) => Incoming::Known(length),
            BodyLength::Chunked => Incoming::Chunks(ChunkDecoder::default()),
            BodyLength::UntilClose => Incoming::UntilClose,
        };
        (self.trailers, self.end) = (Bytes::new(), None);
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived, LegError>> {
        loop {
            let here = self.read.bytes().len();
            match &mut self.incoming {
                Incoming::Over => return Poll::Ready(Ok(Arrived::End)),
                Incoming::Known(left) if here > 0 => {
                    let len = usize::try_from(*left).unwrap_or(usize::MAX).min(here);
                    return Poll::Ready(Ok(Arrived::Data { len, last: len as u64 == *left }));
                }
                Incoming::UntilClose if here > 0 => {
                    return Poll::Ready(Ok(Arrived::Data { len: here, last: false }));
                }
                Incoming::UntilClose if self.eof => self.incoming = Incoming::Over,
                Incoming::Known(_) | Incoming::UntilClose => {}
                Incoming::Chunks(decoder) => {
                    let (skip, chunk) = decoder.next(self.read.bytes())?;
                    let decoder = *decoder;
                    self.read.consume(skip);
                    match chunk {
                        Chunk::Incomplete => {}
                        Chunk::Data(len) => {
                            self.end = decoder.ends_after(self.read.bytes(), len);
                            return Poll::Ready(Ok(Arrived::Data { len, last: self.end.is_some() }));
                        }
                        Chunk::End(fields, all) => {
                            let lines = self.read.bytes().get(..fields).unwrap_or_default();
                            self.trailers = Bytes::copy_from_slice(lines);
                            self.read.consume(all);
                            self.incoming = Incoming::Over;
                        }
                    }
                }
            }
            if self.incoming != Incoming::Over
                && !ready!(self.poll_more(cx))?
                && self.incoming != Incoming::UntilClose
            {
                return Poll::Ready(Err(LegError::Closed));
            }
        }
    }

    fn is_whole(&self) -> bool {
        let here = self.read.bytes();
        match self.incoming {
            Incoming::Over => true,
            Incoming::Known(left) => left <= here.len() as u64,
            Incoming::Chunks(decoder) => ends_within(decoder, here),
            Incoming::UntilClose => false,
        }
    }

    fn is_conversation(&self) -> bool {
        matches!(self.incoming, Incoming::Chunks(_) | Incoming::UntilClose)
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Further requests of a client wait here, and in the system when there are too many.
        while self.read.bytes().len() < SIZE {
            match self.poll_more(cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        Poll::Pending
    }

    fn begin(&mut self, head: &[u8], Outline { mut body, announced }: Outline) {
        // "HTTP/1.1 103": the status of an interim response begins with 1.
        let is_interim = self.client.is_some() && head.get(9) == Some(&b'1');
        match &mut self.client {
            Some(Client { version: Version::Http10, .. }) if is_interim => return,
            Some(Client { version: Version::Http10, persists }) if body == BodyLength::Chunked => {
                (body, *persists) = (BodyLength::UntilClose, false);
            }
            _ => {}
        }
        self.put(head);
        match self.client {
            Some(Client { persists: false, .. }) if !is_interim => self.put(b"connection: close\r\n"),
            Some(Client { version: Version::Http10, persists: true }) => {
                self.put(b"connection: keep-alive\r\n")
            }
            _ => {}
        }
        let (length, outgoing) = match body {
            BodyLength::Known(length) => (Some(length), Outgoing::Known(length)),
            BodyLength::Chunked => (None, Outgoing::Chunks),
            BodyLength::UntilClose => (None, Outgoing::UntilClose),
            BodyLength::None => (announced, Outgoing::Over),
        };
        self.outgoing = if outgoing == Outgoing::Known(0) { Outgoing::Over } else { outgoing };
        if let Some(length) = length {
            self.put(b"content-length: ");
            self.put(itoa::Buffer::new().format(length).as_bytes());
            self.put(b"\r\n");
        } else if body == BodyLength::Chunked {
            self.put(b"transfer-encoding: chunked\r\n");
        }
        self.put(b"\r\n");
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Poll<Result<usize, LegError>> {
        if self.blocked || self.write.len() >= SIZE {
            ready!(self.poll_write(cx))?;
        }
        match &mut self.outgoing {
            Outgoing::Known(left) => {
                *left = left.checked_sub(data.len() as u64).ok_or(LegError::Length)?;
                if last && *left > 0 {
                    return Poll::Ready(Err(LegError::Length));
                }
                if *left == 0 {
                    self.outgoing = Outgoing::Over;
                }
                self.write_through(cx, data, b"")?;
            }
            Outgoing::Chunks => {
                self.put(b"");
                let _ = write!((&mut self.write).writer(), "{:x}\r\n", data.len());
                self.write_through(cx, data, if last { b"\r\n0\r\n\r\n" } else { b"\r\n" })?;
                if last {
                    self.outgoing = Outgoing::Over;
                }
            }
            Outgoing::UntilClose => self.write_through(cx, data, b"")?,
            Outgoing::Over => return Poll::Ready(Err(LegError::Length)),
        }
        Poll::Ready(Ok(data.len()))
    }

    fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &[u8]) -> Poll<Result<(), LegError>> {
        match self.outgoing {
            Outgoing::Known(_) => return Poll::Ready(Err(LegError::Length)),
            Outgoing::Chunks => {
                self.put(b"0\r\n");
                self.put(trailers);
                self.put(b"\r\n");
            }
            Outgoing::UntilClose => ready!(self.poll_shutdown(cx))?,
            Outgoing::Over => {}
        }
        self.outgoing = Outgoing::Over;
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        if !self.write.is_empty() {
            ready!(self.poll_write(cx))?;
        }
        Poll::Ready(ready!(Pin::new(&mut self.io).poll_flush(cx)).map_err(LegError::from))
    }

    fn skip_rest(&mut self) {
        if let (Some(client), true) = (&mut self.client, self.incoming != Incoming::Over) {
            client.persists = false;
        }
    }

    fn abort(&mut self) {
        // Whoever closes the connection now closes it in the middle of the message.
        self.outgoing = Outgoing::UntilClose;
    }
}

/// Whether a body in chunks ends within these bytes. Bytes that are no chunks end it, too.
fn ends_within(mut decoder: ChunkDecoder, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    loop {
        let Ok((skip, chunk)) = decoder.next(rest) else { return true };
        rest = rest.get(skip..).unwrap_or_default();
        match chunk {
            Chunk::Incomplete => return false,
            Chunk::Data(len) => {
                decoder.take(len);
                rest = rest.get(len..).unwrap_or_default();
            }
            Chunk::End(..) => return true,
        }
    }
}
