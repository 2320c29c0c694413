//! A connection in memory.

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use embedded_io_async::{ErrorType, Read, Write};

/// One direction. All clones are the same pipe.
#[derive(Clone, Default)]
pub struct Pipe(Rc<RefCell<State>>);

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    closed: bool,
    reader: Option<Waker>,
}

impl Pipe {
    /// No more bytes will come.
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        state.wake();
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().bytes.is_empty()
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl ErrorType for Pipe {
    type Error = Infallible;
}

impl Read for Pipe {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let mut state = self.0.borrow_mut();
            if state.bytes.is_empty() && !state.closed {
                state.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let count = buffer.len().min(state.bytes.len());
            buffer.iter_mut().zip(state.bytes.drain(..count)).for_each(|(to, from)| *to = from);
            Poll::Ready(Ok(count))
        })
        .await
    }
}

impl Write for Pipe {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        let mut state = self.0.borrow_mut();
        state.bytes.extend(bytes);
        state.wake();
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
