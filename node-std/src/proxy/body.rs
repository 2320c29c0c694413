//! The body of a request or response, wherever it comes from.

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
    /// So long for each piece; the flag is raised when one took longer.
    Patience(Duration, Arc<AtomicBool>),
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
    /// The same body, breaking off with [`BodyError::Late`] at `deadline`.
    #[must_use]
    pub fn until(self, deadline: Instant) -> Self {
        Self { limit: Limit::Until(deadline), ..self }
    }

    /// The same body, breaking off with [`BodyError::Stalled`] when its source brings nothing for so long, and what
    /// tells whether it did.
    pub(super) fn patient(self, patience: Duration) -> (Self, Stalled) {
        let stalled = Stalled::default();
        (Self { limit: Limit::Patience(patience, Arc::clone(&stalled.0)), ..self }, stalled)
    }

    /// A response's body: what an exchange brings after `first`. With it, `sending` of the request ends.
    pub(super) fn exchange(first: Bytes, inbound: Inbound, sending: Option<Sending>) -> Self {
        Self { source: Source::Exchange(ExchangeBody::new(first, inbound, sending)), ..Self::default() }
    }

    /// A request's body that somebody else hands over piece by piece, until one says that it was the last.
    pub(super) fn pieces() -> (mpsc::Sender<Piece>, Self) {
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
            if let Limit::Patience(..) = self.limit {
                self.timer = None;
            }
            return polled;
        }
        // Only a body that makes its reader wait needs a timer.
        let Self { limit, timer, .. } = &mut *self;
        let (deadline, error) = match limit {
            Limit::None => return Poll::Pending,
            Limit::Until(deadline) => (*deadline, BodyError::Late),
            Limit::Patience(patience, _) => (Instant::now() + *patience, BodyError::Stalled),
        };
        let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(timer.as_mut().poll(cx));
        if let Limit::Patience(_, stalled) = limit {
            stalled.store(true, Ordering::Relaxed);
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

/// Whether a request's body stood still for too long. It may be asked long after the body was handed over.
#[derive(Clone, Debug, Default)]
pub(super) struct Stalled(Arc<AtomicBool>);

impl Stalled {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What an exchange brought: bytes, or that it ended, or why it ended early.
pub type Piece = Result<Option<Bytes>, ExchangeError>;

/// The task that sends a request while its response arrives already.
pub type Sending = AbortOnDropHandle<()>;

#[derive(Debug)]
struct Pieces {
    receiver: mpsc::Receiver<Piece>,
    ended: bool,
}

impl Pieces {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, ExchangeError>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // A sender that goes without a last piece must not make half a request look whole.
        let gone = || Err(ExchangeError::LinkClosed("the request was given up".into()));
        let piece = ready!(self.receiver.poll_recv(cx)).unwrap_or_else(gone);
        self.ended = !matches!(piece, Ok(Some(_)));
        Poll::Ready(piece.transpose())
    }
}

/// What an exchange brings, as a stream.
struct ExchangeBody {
    first: Bytes,
    /// Made once for a body and used for each piece; it does nothing before it is polled.
    next: ReusableBoxFuture<'static, (Inbound, Piece)>,
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

async fn next(mut inbound: Inbound) -> (Inbound, Piece) {
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
    /// The exchange that it came from did.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The HTTP connection that it came from did.
    #[error(transparent)]
    Http(#[from] hyper::Error),
    /// The deadline of its request passed.
    #[error("the deadline of the request passed while its body was sent")]
    Late,
    /// Whoever sends the body brought nothing for too long.
    #[error("the body stood still for too long")]
    Stalled,
}
