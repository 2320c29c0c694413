//! A stream that a client opened.

use core::task::{Context, Poll};

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::Request;
use http::header::CONTENT_LENGTH;
use node_core::http::BodyLength;

use super::body::{Incoming, Outgoing};
use super::text::{of_request, to_response};
use crate::proxy::leg::{Arrived, Leg, LegError, Outline, Protocol};

/// A stream that a client opened.
#[derive(Debug)]
pub(crate) struct Http2Server {
    incoming: Incoming,
    respond: SendResponse<Bytes>,
    outgoing: Outgoing,
}

impl Http2Server {
    pub(crate) fn new(request: Request<RecvStream>, respond: SendResponse<Bytes>) -> Self {
        let (parts, body) = request.into_parts();
        let has_body = !body.is_end_stream();
        let head = of_request(&Request::from_parts(parts, ()), has_body);
        Self { incoming: Incoming::new(head, Some(body)), respond, outgoing: Outgoing::default() }
    }

    fn try_begin(&mut self, head: &[u8], Outline { body, announced }: Outline) -> Result<(), LegError> {
        let mut response = to_response(head)?;
        if response.status().is_informational() {
            return Ok(self.respond.send_informational(response)?);
        }
        let length = if let BodyLength::Known(length) = body { Some(length) } else { announced };
        if let Some(length) = length {
            response.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        self.outgoing.ended = matches!(body, BodyLength::None | BodyLength::Known(0));
        self.outgoing.stream = Some(self.respond.send_response(response, self.outgoing.ended)?);
        Ok(())
    }
}

impl Leg for Http2Server {
    fn protocol(&self) -> Protocol {
        Protocol::Http2
    }

    fn upgrade(&mut self) {}

    fn bytes(&self) -> &[u8] {
        &self.incoming.read
    }

    fn poll_more(&mut self, _: &mut Context<'_>) -> Poll<Result<bool, LegError>> {
        Poll::Ready(Ok(false))
    }

    fn consume(&mut self, bytes: usize) {
        self.incoming.consume(bytes);
    }

    fn expect(&mut self, body: BodyLength) {
        self.incoming.expect(body);
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived, LegError>> {
        self.incoming.poll_body(cx)
    }

    fn is_whole(&self) -> bool {
        self.incoming.is_whole()
    }

    fn is_conversation(&self) -> bool {
        true
    }

    fn trailers(&self) -> &[u8] {
        self.incoming.trailers()
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.outgoing.stream {
            Some(stream) => stream.poll_reset(cx).map(drop),
            None => self.respond.poll_reset(cx).map(drop),
        }
    }

    fn begin(&mut self, head: &[u8], outline: Outline) {
        self.outgoing.bad = self.try_begin(head, outline).err();
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Poll<Result<usize, LegError>> {
        self.outgoing.poll_send(cx, data, last)
    }

    fn poll_end(&mut self, _: &mut Context<'_>, trailers: &[u8]) -> Poll<Result<(), LegError>> {
        Poll::Ready(self.outgoing.end(trailers))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        // The task of the connection writes.
        Poll::Ready(self.outgoing.bad.take().map_or(Ok(()), Err))
    }

    fn abort(&mut self) {
        match &mut self.outgoing.stream {
            Some(stream) => stream.send_reset(Reason::INTERNAL_ERROR),
            None => self.respond.send_reset(Reason::INTERNAL_ERROR),
        }
    }
}
