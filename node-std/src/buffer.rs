//! Buffers that are lent while bytes are in them. Each thread keeps a few, so that an idle connection holds none.

use core::cell::RefCell;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Bytes in a lent buffer.
pub(crate) const SIZE: usize = 64 * 1024;
/// Buffers that a thread keeps.
const KEPT: usize = 16;

thread_local! {
    static FREE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// An empty buffer with room for [`SIZE`] bytes.
pub(crate) fn lend() -> BytesMut {
    FREE.with_borrow_mut(Vec::pop).unwrap_or_else(|| BytesMut::with_capacity(SIZE))
}

/// Takes a buffer back, whatever is in it. One that grew, or whose memory is shared, is freed.
pub(crate) fn give_back(mut buffer: BytesMut) {
    buffer.clear();
    if buffer.capacity() >= SIZE / 2 && buffer.try_reclaim(SIZE) && buffer.capacity() <= 2 * SIZE {
        FREE.with_borrow_mut(|free| {
            if free.len() < KEPT {
                free.push(buffer);
            }
        });
    }
}

/// Bytes that were read and are not used yet.
#[derive(Debug, Default)]
pub(crate) struct ReadBuffer(BytesMut);

impl ReadBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Reads once from `io`; 0 is the end. Holds a large buffer only while that is worth it.
    pub(crate) fn poll_fill(
        &mut self,
        cx: &mut Context<'_>,
        io: Pin<&mut (impl AsyncRead + ?Sized)>,
    ) -> Poll<io::Result<usize>> {
        if self.0.is_empty() {
            self.0 = lend();
        } else {
            self.0.reserve(SIZE / 2);
        }
        let polled = poll_read_buf(io, cx, &mut self.0);
        if polled.is_pending() {
            self.shrink();
        }
        polled
    }

    /// Removes bytes from the start.
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.0.advance(bytes.min(self.0.len()));
        if self.0.is_empty() {
            self.shrink();
        }
    }

    /// Gives a large buffer back in which little is held.
    fn shrink(&mut self) {
        if self.0.is_empty() {
            give_back(core::mem::take(&mut self.0));
        } else if self.0.len() < SIZE / 16 && self.0.capacity() > SIZE / 4 {
            let few = BytesMut::from(&self.0[..]);
            give_back(core::mem::replace(&mut self.0, few));
        }
    }
}
