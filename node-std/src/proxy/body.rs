//! The body of a request or response, from any source.

use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::ReusableBoxFuture;
use tokio_util::task::AbortOnDropHandle;

use crate::link::{ExchangeError, Inbound};

/// A body that streams with back-pressure: nothing is read from its source before the reader asks.
#[derive(Debug, Default)]
pub struct Body {
    source: Source,
    limit: Limit,
    /// Runs while the reader waits.
    timer: Option<Pin<Box<Sleep>>>,
}

/// How long a body may make its reader wait.
#[derive(Debug, Default)]
enum Limit {
    #[default]
    None,
    Until(Instant),
    Stall(StallTimeout),
}

/// The longest wait for one piece.
#[derive(Debug)]
struct StallTimeout {
    timeout: Duration,
    /// Raised when a piece took longer.
    stalled: Stalled,
}

#[derive(Debug, Default)]
enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    Http(Incoming),
    Pieces(Pieces),
    Exchange(ExchangeBody),
}

impl Body {
    /// The same body, ending early with [`BodyError::Late`] at `deadline`.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self { limit: Limit::Until(deadline), ..self }
    }

    /// The same body, ending early with [`BodyError::Stalled`] when nothing arrives for `timeout`, and the flag that says
    /// whether it did.
    pub(super) fn with_stall_timeout(self, timeout: Duration) -> (Self, Stalled) {
        let stalled = Stalled::default();
        let limit = Limit::Stall(StallTimeout { timeout, stalled: stalled.clone() });
        (Self { limit, ..self }, stalled)
    }

    /// A response's body: `first`, then the pieces of an exchange. When it is dropped, `sending` of the request ends.
    pub(super) fn exchange(first: Bytes, inbound: Inbound, sending: Option<Sending>) -> Self {
        Self { source: Source::Exchange(ExchangeBody::new(first, inbound, sending)), ..Self::default() }
    }

    /// A request's body that another task hands over piece by piece, up to the one that ends it.
    pub(super) fn pieces() -> (mpsc::Sender<BodyPiece>, Self) {
        let (sender, receiver) = mpsc::channel(1);
        let source = Source::Pieces(Pieces { receiver, ended: false });
        (sender, Self { source, ..Self::default() })
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self { source: Source::Bytes(bytes), ..Self::default() }
    }
}

impl From<Incoming> for Body {
    fn from(incoming: Incoming) -> Self {
        Self { source: Source::Http(incoming), ..Self::default() }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = match &mut self.source {
            Source::Empty => Poll::Ready(None),
            Source::Bytes(bytes) => {
                let bytes = core::mem::take(bytes);
                self.source = Source::Empty;
                Poll::Ready((!bytes.is_empty()).then_some(Ok(Frame::data(bytes))))
            }
            Source::Http(incoming) => Pin::new(incoming).poll_frame(cx).map_err(BodyError::Http),
            Source::Pieces(pieces) => pieces.poll_next(cx).map_ok(Frame::data).map_err(BodyError::Exchange),
            Source::Exchange(body) => body.poll_next(cx).map_ok(Frame::data).map_err(BodyError::Exchange),
        };
        if polled.is_ready() {
            if let Limit::Stall(_) = self.limit {
                self.timer = None;
            }
            return polled;
        }
        // Only a body that makes its reader wait needs a timer.
        let Self { limit, timer, .. } = &mut *self;
        let (deadline, error) = match limit {
            Limit::None => return Poll::Pending,
            Limit::Until(deadline) => (*deadline, BodyError::Late),
            Limit::Stall(StallTimeout { timeout, .. }) => (Instant::now() + *timeout, BodyError::Stalled),
        };
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(timer.as_mut().poll(cx));
        if let Limit::Stall(StallTimeout { stalled, .. }) = limit {
            stalled.raise();
        }
        Poll::Ready(Some(Err(error)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Empty => true,
            Source::Bytes(bytes) => bytes.is_empty(),
            Source::Http(incoming) => incoming.is_end_stream(),
            Source::Pieces(pieces) => pieces.ended,
            Source::Exchange(body) => body.ended,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Empty => SizeHint::with_exact(0),
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Http(incoming) => incoming.size_hint(),
            Source::Pieces(_) | Source::Exchange(_) => SizeHint::default(),
        }
    }
}

/// Whether a request's body stalled. The flag can be read after the body was handed over.
#[derive(Clone, Debug, Default)]
pub(super) struct Stalled(Arc<AtomicBool>);

impl Stalled {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn raise(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// The next bytes of a body, `None` at its end, or why it ended early.
pub type BodyPiece = Result<Option<Bytes>, ExchangeError>;

/// The task that sends a request while its response arrives already.
pub type Sending = AbortOnDropHandle<()>;

#[derive(Debug)]
struct Pieces {
    receiver: mpsc::Receiver<BodyPiece>,
    ended: bool,
}

impl Pieces {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ExchangeError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // A sender that is dropped before the last piece must not make half a request look whole.
        let gone = || Err(ExchangeError::LinkClosed("the request was given up".into()));
        let piece = ready!(self.receiver.poll_recv(cx)).unwrap_or_else(gone);
        self.ended = !matches!(piece, Ok(Some(_)));
        Poll::Ready(piece.transpose())
    }
}

/// The pieces of an exchange, as a stream.
struct ExchangeBody {
    first: Bytes,
    /// Allocated once for a body and reused for each piece. It does nothing before it is polled.
    next: ReusableBoxFuture<'static, (Inbound, BodyPiece)>,
    ended: bool,
    _sending: Option<Sending>,
}

impl ExchangeBody {
    fn new(first: Bytes, inbound: Inbound, sending: Option<Sending>) -> Self {
        Self { first, next: ReusableBoxFuture::new(next(inbound)), ended: false, _sending: sending }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ExchangeError>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(core::mem::take(&mut self.first))));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let (inbound, piece) = ready!(self.next.poll(cx));
        self.ended = !matches!(piece, Ok(Some(_)));
        if !self.ended {
            self.next.set(next(inbound));
        }
        Poll::Ready(piece.transpose())
    }
}

async fn next(mut inbound: Inbound) -> (Inbound, BodyPiece) {
    let piece = inbound.next().await;
    (inbound, piece)
}

impl core::fmt::Debug for ExchangeBody {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ExchangeBody").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Its exchange ended early.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// Its HTTP connection ended early.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The deadline of its request passed.
    #[error("the deadline of the request passed while its body was sent")]
    Late,
    /// Nothing of the body arrived for too long.
    #[error("the body stalled: nothing of it arrived for too long")]
    Stalled,
}
