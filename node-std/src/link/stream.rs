//! The halves of an exchange: one request and its response on a link, as the daemon's tasks see them.

use core::future::poll_fn;
use core::task::{Context, Poll, Waker};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use node_core::link::{Open, ResetCode};

use super::error::ExchangeError;
use super::flow::Section;
use super::shared::Shared;
use super::state::Taken;

/// The sending half of one direction of an exchange. Dropping it unfinished resets the exchange.
#[derive(Debug)]
pub struct Outbound {
    key: usize,
    link: Arc<Shared>,
    done: bool,
}

impl Outbound {
    pub(super) const fn new(key: usize, link: Arc<Shared>, done: bool) -> Self {
        Self { key, link, done }
    }

    /// Sends bytes of the body, and ends this direction after them if `end`. Returns how many were taken, at least one unless
    /// there were none.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed. [`Inbound::next`] returns the reason.
    pub(crate) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        end: bool,
    ) -> Poll<Result<usize, ExchangeError>> {
        self.poll_section(cx, data, end, Section::Body)
    }

    /// Sends bytes of the trailers; otherwise like [`poll_send`](Self::poll_send).
    ///
    /// # Errors
    /// As for [`poll_send`](Self::poll_send).
    pub(crate) fn poll_send_trailers(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        end: bool,
    ) -> Poll<Result<usize, ExchangeError>> {
        self.poll_section(cx, data, end, Section::Trailers)
    }

    fn poll_section(
        &mut self,
        cx: &mut Context<'_>,
        data: &[u8],
        end: bool,
        section: Section,
    ) -> Poll<Result<usize, ExchangeError>> {
        match self.link.lock().send(self.key, (data, end), section, cx.waker())? {
            Some(taken) => {
                self.done = end && taken == data.len();
                Poll::Ready(Ok(taken))
            }
            None => Poll::Pending,
        }
    }

    /// Sends `data`. Waits for the peer's credit and for room in the link's output.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed. [`Inbound::next`] returns the reason.
    pub async fn send(&mut self, data: Bytes) -> Result<(), ExchangeError> {
        self.send_all(&data, false).await
    }

    /// Ends this direction.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish(self) -> Result<(), ExchangeError> {
        self.finish_with(Bytes::new()).await
    }

    /// Sends the last bytes and ends this direction, in one frame where they fit.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish_with(mut self, data: Bytes) -> Result<(), ExchangeError> {
        self.send_all(&data, true).await
    }

    async fn send_all(&mut self, data: &[u8], end: bool) -> Result<(), ExchangeError> {
        let mut rest = data;
        while !rest.is_empty() || (end && !self.done) {
            let taken = poll_fn(|cx| self.poll_send(cx, rest, end)).await?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until the exchange is over before this direction ended: by a reset, the time budget, or the link.
    pub async fn closed(&self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.link.lock().is_closed(self.key, cx.waker()) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Sends a whole response: at once if it fits, as an answer to a method nearly always does.
    pub(super) fn answer(self, response: Bytes) {
        let sent = self.link.lock().send(self.key, (&response, true), Section::Body, Waker::noop());
        if let Ok(taken) = sent
            && taken != Some(response.len())
        {
            let rest = response.slice(taken.unwrap_or(0)..);
            // The exchange has an end of its own, so this task has, too.
            tokio::spawn(async move { self.finish_with(rest).await });
        }
    }

    /// Resets the whole exchange.
    pub fn reset(self, code: ResetCode) {
        self.link.lock().reset(self.key, code);
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.link.lock().drop_writer(self.key);
    }
}

/// The receiving half of one direction of an exchange. Bytes taken from it are credit for the peer, so a slow reader slows
/// the sender down.
///
/// Dropping it before the end resets an exchange that this node opened. If the peer opened the exchange, the rest of the
/// request is ignored, and the exchange can still be answered.
#[derive(Debug)]
pub struct Inbound {
    key: usize,
    link: Arc<Shared>,
    /// This node opened the exchange.
    ours: bool,
    done: bool,
}

impl Inbound {
    pub(super) const fn new(key: usize, link: Arc<Shared>, ours: bool) -> Self {
        Self { key, link, ours, done: false }
    }

    /// Moves what arrived into `buffer`, which is empty.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed.
    pub(crate) fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut BytesMut,
    ) -> Poll<Result<Taken, ExchangeError>> {
        if self.done {
            return Poll::Ready(Ok(Taken { ended: true, trailers: Bytes::new() }));
        }
        match self.link.lock().take(self.key, buffer, cx.waker()).transpose() {
            Some(taken) => {
                self.done = taken.as_ref().map_or(true, |taken| taken.ended);
                Poll::Ready(taken)
            }
            None => Poll::Pending,
        }
    }

    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        let mut buffer = BytesMut::new();
        poll_fn(|cx| self.poll_take(cx, &mut buffer)).await?;
        Ok(if buffer.is_empty() { None } else { Some(buffer.freeze()) })
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        self.link.lock().drop_reader(self.key, self.ours);
    }
}

/// An exchange that this node opened: its halves, and how many of the first bytes were sent.
pub(crate) struct Opened {
    pub(crate) outbound: Outbound,
    pub(crate) inbound: Inbound,
    pub(crate) taken: usize,
}

impl Opened {
    /// `done` says that the request ended with the first bytes.
    pub(super) fn new(link: &Arc<Shared>, key: usize, taken: usize, done: bool) -> Self {
        let outbound = Outbound::new(key, Arc::clone(link), done);
        Self { outbound, inbound: Inbound::new(key, Arc::clone(link), true), taken }
    }
}

/// An exchange that the peer opened.
#[derive(Debug)]
pub struct Accepted {
    /// The request of the peer.
    pub open: Open,
    /// Yields the bytes of the request.
    pub inbound: Inbound,
    /// Takes the response.
    pub outbound: Outbound,
}
