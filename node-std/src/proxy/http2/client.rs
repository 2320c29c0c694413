//! A stream to an upstream.

use core::future::Future as _;
use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use http::header::CONTENT_LENGTH;
use node_core::http::BodyLength;

use super::body::{Incoming, Outgoing};
use super::text::{of_response, to_request};
use crate::proxy::leg::{Arrived, Leg, LegError, Outline, Protocol};

/// A stream to an upstream.
#[derive(Debug)]
pub(crate) struct Http2Client {
    connection: SendRequest<Bytes>,
    scheme: &'static str,
    incoming: Incoming,
    response: Option<ResponseFuture>,
    outgoing: Outgoing,
}

impl Http2Client {
    /// A stream on a connection that is ready for one.
    pub(crate) fn new(connection: SendRequest<Bytes>, scheme: &'static str) -> Self {
        Self {
            connection,
            scheme,
            incoming: Incoming::new(Vec::new(), None),
            response: None,
            outgoing: Outgoing::default(),
        }
    }

    fn try_begin(&mut self, head: &[u8], body: BodyLength) -> Result<(), LegError> {
        let mut request = to_request(head, self.scheme)?;
        if let BodyLength::Known(length) = body {
            request.headers_mut().insert(CONTENT_LENGTH, length.into());
        }
        self.outgoing.ended = matches!(body, BodyLength::None | BodyLength::Known(0));
        let (response, stream) = self.connection.send_request(request, self.outgoing.ended)?;
        (self.response, self.outgoing.stream) = (Some(response), Some(stream));
        Ok(())
    }
}

impl Leg for Http2Client {
    fn protocol(&self) -> Protocol {
        Protocol::Http2
    }

    fn upgrade(&mut self) {}

    fn bytes(&self) -> &[u8] {
        &self.incoming.read
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, LegError>> {
        if let Some(error) = self.outgoing.bad.take() {
            return Poll::Ready(Err(error));
        }
        let Some(response) = &mut self.response else { return Poll::Ready(Ok(false)) };
        if let Poll::Ready(Some(interim)) = response.poll_informational(cx) {
            let interim = interim?;
            self.incoming.arrive(of_response(interim.status(), interim.headers(), false), None);
            return Poll::Ready(Ok(true));
        }
        let (parts, body) = ready!(Pin::new(response).poll(cx))?.into_parts();
        self.response = None;
        let head = of_response(parts.status, &parts.headers, !body.is_end_stream());
        self.incoming.arrive(head, Some(body));
        Poll::Ready(Ok(true))
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

    fn poll_gone(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }

    fn begin(&mut self, head: &[u8], outline: Outline) {
        self.outgoing.bad = self.try_begin(head, outline.body).err();
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Poll<Result<usize, LegError>> {
        self.outgoing.poll_send(cx, data, last)
    }

    fn poll_end(&mut self, _: &mut Context<'_>, trailers: &[u8]) -> Poll<Result<(), LegError>> {
        Poll::Ready(self.outgoing.end(trailers))
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        // The task of the connection writes.
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        if let Some(stream) = &mut self.outgoing.stream {
            stream.send_reset(Reason::CANCEL);
        }
    }
}

impl Drop for Http2Client {
    fn drop(&mut self) {
        // A request that nobody waits for any more.
        if !self.outgoing.ended {
            self.abort();
        }
    }
}
