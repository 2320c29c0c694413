//! An exchange of a link as a leg: one that a peer opened, or one to a peer.

use core::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use node_core::http::BodyLength;
use node_core::link::ResetCode;

use super::leg::{Arrived, Leg, LegError, Outline, Protocol};
use crate::link::{Accepted, Inbound, Opened, Outbound};

/// A piece of a body up to this size goes out together with the head.
const SMALL: usize = 8 * 1024;

/// An exchange, and where it is in each of the two messages.
#[derive(Debug)]
pub(crate) struct LinkLeg {
    outbound: Option<Outbound>,
    inbound: Inbound,
    /// Bytes that arrived.
    read: BytesMut,
    /// What is left of a body whose length is known.
    left: Option<u64>,
    ended: bool,
    trailers: Bytes,
    /// How many bytes of the outgoing trailers were sent.
    trailed: usize,
    /// A head that goes out with the first bytes of its body.
    head: BytesMut,
    /// What is left of the outgoing body, if its length is known.
    to_send: Option<u64>,
    /// The outgoing message is over.
    sent: bool,
}

impl LinkLeg {
    /// An exchange that a peer opened.
    pub(crate) fn accepted(accepted: Accepted) -> Self {
        Self::new(accepted.inbound, accepted.outbound)
    }

    /// An exchange that this node opened with a whole head, the bytes of which that were not taken follow. `sent` says that this
    /// was the whole request.
    pub(crate) fn opened(opened: Opened, head: &[u8], outline: Outline, sent: bool) -> Self {
        let mut leg = Self::new(opened.inbound, opened.outbound);
        leg.head.extend_from_slice(head.get(opened.taken..).unwrap_or_default());
        leg.to_send = length_of(outline.body);
        leg.sent = sent && leg.head.is_empty();
        leg
    }

    fn new(inbound: Inbound, outbound: Outbound) -> Self {
        Self {
            outbound: Some(outbound),
            inbound,
            read: BytesMut::new(),
            left: None,
            ended: false,
            trailers: Bytes::new(),
            trailed: 0,
            head: BytesMut::new(),
            to_send: None,
            sent: false,
        }
    }

    /// Gives the exchange up.
    pub(crate) fn reset(&mut self, code: ResetCode) {
        if let Some(outbound) = self.outbound.take() {
            outbound.reset(code);
        }
    }

    /// Sends the head that waits, together with `data`. Returns how many bytes of the data were taken.
    fn poll_head(&mut self, cx: &mut Context<'_>, data: &[u8], end: bool) -> Poll<Result<usize, LegError>> {
        let Some(outbound) = &mut self.outbound else { return Poll::Ready(Err(LegError::Closed)) };
        let with = if data.len() <= SMALL { data } else { &[] };
        let head = self.head.len();
        self.head.extend_from_slice(with);
        let polled = outbound.poll_send(cx, &self.head, end && with.len() == data.len());
        // What is not taken of the data stays with the caller.
        self.head.truncate(head);
        let taken = ready!(polled)?;
        self.head.advance(taken.min(head));
        Poll::Ready(Ok(taken.saturating_sub(head)))
    }
}

impl Leg for LinkLeg {
    fn protocol(&self) -> Protocol {
        Protocol::Link
    }

    fn upgrade(&mut self) {
        (self.left, self.to_send, self.sent) = (None, None, false);
    }

    fn bytes(&self) -> &[u8] {
        &self.read
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<bool, LegError>> {
        if self.ended {
            return Poll::Ready(Ok(false));
        }
        let mut arrived = BytesMut::new();
        let into = if self.read.is_empty() { &mut self.read } else { &mut arrived };
        into.clear();
        let taken = ready!(self.inbound.poll_take(cx, into))?;
        self.read.extend_from_slice(&arrived);
        (self.ended, self.trailers) = (taken.ended, taken.trailers);
        Poll::Ready(Ok(true))
    }

    fn consume(&mut self, bytes: usize) {
        self.read.advance(bytes.min(self.read.len()));
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(bytes as u64);
        }
    }

    fn expect(&mut self, body: BodyLength) {
        self.left = match body {
            BodyLength::None => Some(0),
            BodyLength::Known(length) => Some(length),
            BodyLength::Chunked | BodyLength::UntilClose => None,
        };
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Result<Arrived, LegError>> {
        loop {
            let len = self.read.len();
            if len > 0 {
                let last = self.ended && self.trailers.is_empty();
                return Poll::Ready(match self.left {
                    Some(left) if left < len as u64 || (self.ended && left > len as u64) => {
                        Err(LegError::Length)
                    }
                    _ => Ok(Arrived::Data { len, last }),
                });
            }
            match self.left {
                // The end of the exchange comes in a frame of its own, or does not matter any more.
                Some(0) => return Poll::Ready(Ok(Arrived::End)),
                Some(_) if self.ended => return Poll::Ready(Err(LegError::Length)),
                _ if self.ended => return Poll::Ready(Ok(Arrived::End)),
                _ => {}
            }
            ready!(self.poll_more(cx))?;
        }
    }

    fn is_whole(&self) -> bool {
        self.ended || self.left.is_some_and(|left| left <= self.read.len() as u64)
    }

    fn is_conversation(&self) -> bool {
        true
    }

    fn trailers(&self) -> &[u8] {
        &self.trailers
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.outbound.as_ref().map_or(Poll::Ready(()), |outbound| outbound.poll_closed(cx))
    }

    fn begin(&mut self, head: &[u8], Outline { body, announced }: Outline) {
        self.head.extend_from_slice(head);
        finish_head(&mut self.head, Outline { body, announced });
        self.to_send = length_of(body);
        self.sent = false;
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, data: &[u8], last: bool) -> Poll<Result<usize, LegError>> {
        let len = data.len() as u64;
        if self.to_send.is_some_and(|left| left < len || (last && left > len)) {
            return Poll::Ready(Err(LegError::Length));
        }
        // The peer learns the end with the last bytes, and from the length when they may be followed by nothing.
        let end = last || self.to_send == Some(len);
        while !self.head.is_empty() {
            let taken = ready!(self.poll_head(cx, data, end))?;
            if taken > 0 {
                return Poll::Ready(Ok(self.took(taken, data.len(), end)));
            }
        }
        let Some(outbound) = &mut self.outbound else { return Poll::Ready(Err(LegError::Closed)) };
        let taken = ready!(outbound.poll_send(cx, data, end))?;
        Poll::Ready(Ok(self.took(taken, data.len(), end)))
    }

    fn poll_end(&mut self, cx: &mut Context<'_>, trailers: &[u8]) -> Poll<Result<(), LegError>> {
        if self.to_send.is_some_and(|left| left > 0) {
            return Poll::Ready(Err(LegError::Length));
        }
        let mut done = self.sent;
        while !done && !self.head.is_empty() {
            let end = trailers.is_empty();
            ready!(self.poll_head(cx, &[], end))?;
            done = end && self.head.is_empty();
        }
        let Some(outbound) = &mut self.outbound else { return Poll::Ready(Err(LegError::Closed)) };
        if !done && trailers.is_empty() {
            ready!(outbound.poll_send(cx, &[], true))?;
        }
        // All of them: a part of a line is no field.
        while !done && self.trailed < trailers.len() {
            let rest = trailers.get(self.trailed..).unwrap_or_default();
            self.trailed += ready!(outbound.poll_send_trailers(cx, rest, true))?;
        }
        self.sent = true;
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LegError>> {
        while !self.head.is_empty() {
            ready!(self.poll_head(cx, &[], false))?;
        }
        Poll::Ready(Ok(()))
    }

    fn abort(&mut self) {
        self.reset(ResetCode::Internal);
    }
}

impl LinkLeg {
    fn took(&mut self, taken: usize, of: usize, end: bool) -> usize {
        if let Some(left) = &mut self.to_send {
            *left = left.saturating_sub(taken as u64);
        }
        self.sent = end && taken == of;
        taken
    }
}

/// Ends a head for a link. A body whose length is not known has a mark; its bytes are bare all the same.
pub(crate) fn finish_head(head: &mut impl Extend<u8>, Outline { body, announced }: Outline) {
    let mut digits = itoa::Buffer::new();
    let parts = match (length_of(body).filter(|_| body != BodyLength::None).or(announced), body) {
        (Some(length), _) => ["content-length: ", digits.format(length), "\r\n\r\n"],
        (None, BodyLength::None) => ["\r\n", "", ""],
        (None, _) => ["transfer-encoding: chunked\r\n\r\n", "", ""],
    };
    parts.iter().for_each(|part| head.extend(part.bytes()));
}

const fn length_of(body: BodyLength) -> Option<u64> {
    match body {
        BodyLength::Known(length) => Some(length),
        BodyLength::None => Some(0),
        BodyLength::Chunked | BodyLength::UntilClose => None,
    }
}
