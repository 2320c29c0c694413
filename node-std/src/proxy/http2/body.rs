//! The two bodies of a stream.

use core::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use h2::{RecvStream, SendStream};
use node_core::http::BodyLength;

use super::text::{of_trailers, to_trailers};
use crate::proxy::leg::{Arrived, LegError};

/// The body that comes in.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: Option<RecvStream>,
    /// Bytes that arrived and were not consumed: of the head, and then of the body.
    pub(super) read: Bytes,
    /// There is no body, whatever the stream says.
    none: bool,
    in_body: bool,
    trailers: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(head: Vec<u8>, stream: Option<RecvStream>) -> Self {
        Self { stream, read: head.into(), none: false, in_body: false, trailers: Vec::new() }
    }

    /// The response arrived.
    pub(super) fn arrive(&mut self, head: Vec<u8>, stream: Option<RecvStream>) {
        (self.read, self.stream) = (head.into(), stream);
    }

    pub(super) fn expect(&mut self, body: BodyLength) {
        (self.in_body, self.none) = (true, body == BodyLength::None);
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        let bytes = bytes.min(self.read.len());
        self.read.advance(bytes);
        if let (true, Some(stream)) = (self.in_body, &mut self.stream) {
            // It fails only for more bytes than arrived.
            let _ = stream.flow_control().release_capacity(bytes);
        }
    }

    pub(super) fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived, LegError>> {
        let Some(stream) = self.stream.as_mut().filter(|_| !self.none) else {
            return Poll::Ready(Ok(Arrived::End));
        };
        while self.read.is_empty() {
            match ready!(stream.poll_data(cx)).transpose()? {
                Some(data) => self.read = data,
                None => {
                    if let Some(trailers) = ready!(stream.poll_trailers(cx))? {
                        self.trailers = of_trailers(&trailers);
                    }
                    return Poll::Ready(Ok(Arrived::End));
                }
            }
        }
        Poll::Ready(Ok(Arrived::Data { len: self.read.len(), last: stream.is_end_stream() }))
    }

    pub(super) fn is_whole(&self) -> bool {
        self.none || self.stream.as_ref().is_none_or(RecvStream::is_end_stream)
    }

    pub(super) fn trailers(&self) -> &[u8] {
        &self.trailers
    }
}

/// The body that goes out.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    pub(super) stream: Option<SendStream<Bytes>>,
    /// The head cannot be sent.
    pub(super) bad: Option<LegError>,
    pub(super) ended: bool,
}

impl Outgoing {
    /// Sends bytes, and ends after them if `last`. Returns how many were taken.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        last: bool,
    ) -> Poll<Result<usize, LegError>> {
        if let Some(error) = self.bad.take() {
            return Poll::Ready(Err(error));
        }
        let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) else {
            return Poll::Ready(Err(LegError::Length));
        };
        stream.reserve_capacity(data.len());
        while stream.capacity() == 0 {
            match ready!(stream.poll_capacity(cx)) {
                Some(capacity) => drop(capacity?),
                None => return Poll::Ready(Err(LegError::Closed)),
            }
        }
        let taken = stream.capacity().min(data.len());
        let piece = data.get(..taken).unwrap_or_default();
        self.ended = last && taken == data.len();
        stream.send_data(Bytes::copy_from_slice(piece), self.ended)?;
        Poll::Ready(Ok(taken))
    }

    /// Ends, with these field lines after the body.
    pub(super) fn end(&mut self, trailers: &[u8]) -> Result<(), LegError> {
        if let Some(error) = self.bad.take() {
            return Err(error);
        }
        let Some(stream) = self.stream.as_mut().filter(|_| !self.ended) else { return Ok(()) };
        self.ended = true;
        if trailers.is_empty() {
            stream.send_data(Bytes::new(), true)?;
        } else {
            stream.send_trailers(to_trailers(trailers)?)?;
        }
        Ok(())
    }
}
