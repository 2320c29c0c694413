//! The body of a request or response, wherever it comes from.

use core::pin::Pin;
use core::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_util::sync::ReusableBoxFuture;
use tokio_util::task::AbortOnDropHandle;

use crate::exchange::{ExchangeError, Inbound};

/// A body that streams with back-pressure: nothing is read from its source before the reader asks.
#[derive(Debug, Default)]
pub struct Body {
    source: Source,
    deadline: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
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
        Self { deadline: Some(deadline), ..self }
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
        match (polled, self.deadline) {
            // Only a body that makes its reader wait needs a timer.
            (Poll::Pending, Some(deadline)) => {
                let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
                ready!(timer.as_mut().poll(cx));
                Poll::Ready(Some(Err(BodyError::Late)))
            }
            (polled, _) => polled,
        }
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
}
