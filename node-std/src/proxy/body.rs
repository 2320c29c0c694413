//! The body of a response that this node makes itself.

use core::convert::Infallible;
use core::pin::Pin;
use core::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::mpsc;

/// A body: bytes, or what another task sends piece by piece.
#[derive(Debug, Default)]
pub struct Body(Source);

#[derive(Debug, Default)]
enum Source {
    #[default]
    Empty,
    Bytes(Bytes),
    Pieces(mpsc::Receiver<Bytes>),
}

impl Body {
    /// A body that ends when the sender is dropped. The sender waits while a piece is not taken.
    #[must_use]
    pub fn pieces() -> (mpsc::Sender<Bytes>, Self) {
        let (sender, pieces) = mpsc::channel(1);
        (sender, Self(Source::Pieces(pieces)))
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::default() } else { Self(Source::Bytes(bytes)) }
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.0 {
            Source::Empty => Poll::Ready(None),
            Source::Bytes(bytes) => Poll::Ready(Some(core::mem::take(bytes))),
            Source::Pieces(pieces) => pieces.poll_recv(cx),
        };
        if let Source::Bytes(_) = self.0 {
            self.0 = Source::Empty;
        }
        piece.map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Source::Empty)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Empty => SizeHint::with_exact(0),
            Source::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Pieces(_) => SizeHint::default(),
        }
    }
}
