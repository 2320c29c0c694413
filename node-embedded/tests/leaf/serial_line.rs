//! A serial line between a test and a board.

use core::cell::RefCell;
use core::convert::Infallible;
use core::future::poll_fn;
use core::task::{Poll, Waker};
use std::collections::VecDeque;
use std::rc::Rc;

use embedded_io_async::{ErrorType, Read, Write};
use node_core::provision::frame::{self, Answer, MAX_FRAME, MAX_PAYLOAD, Request};

/// One direction.
#[derive(Default)]
struct Wire {
    bytes: VecDeque<u8>,
    reader: Option<Waker>,
    cut: bool,
}

/// One end of a line.
#[derive(Clone)]
pub struct End {
    ours: Rc<RefCell<Wire>>,
    theirs: Rc<RefCell<Wire>>,
}

/// The two ends of a line.
pub fn line() -> (End, End) {
    let (one, other) = (Rc::default(), Rc::default());
    (End { ours: Rc::clone(&one), theirs: Rc::clone(&other) }, End { ours: other, theirs: one })
}

impl End {
    /// Sends bytes.
    pub fn send(&self, bytes: &[u8]) {
        let mut wire = self.theirs.borrow_mut();
        wire.bytes.extend(bytes);
        wire.reader.take().into_iter().for_each(Waker::wake);
    }

    /// Pulls the cable.
    pub fn cut(&self) {
        let mut wire = self.theirs.borrow_mut();
        wire.cut = true;
        wire.reader.take().into_iter().for_each(Waker::wake);
    }

    /// Sends a request as a frame.
    pub fn ask(&self, request: &Request<'_>) {
        self.send(&framed(request));
    }

    /// The next answer of a board, as text.
    pub async fn answer(&mut self) -> String {
        self.read_answer(|answer| match answer {
            Answer::Identity(about) => format!("{} {} {}", about.kind, about.id, about.provisioned),
            Answer::Provisioned(about) => format!("provisioned {} {}", about.id, about.provisioned),
            Answer::Refused(reason) => reason.to_owned(),
            Answer::CertificateRequest(_) => "a certificate request".to_owned(),
        })
        .await
    }

    /// The next answer of a board, a certificate request.
    #[cfg(feature = "tls-key")]
    pub async fn request(&mut self) -> Vec<u8> {
        self.read_answer(|answer| match answer {
            Answer::CertificateRequest(request) => request.to_vec(),
            other => panic!("{other:?}"),
        })
        .await
    }

    async fn read_answer<T>(&mut self, look: impl Fn(Answer<'_>) -> T) -> T {
        let mut part = Vec::new();
        loop {
            let mut byte = [0];
            assert_eq!(self.read(&mut byte).await, Ok(1));
            if byte != [frame::END] {
                part.push(byte[0]);
            } else if let Ok(answer) = frame::decode::<Answer<'_>>(&mut part) {
                return look(answer);
            } else {
                part.clear();
            }
        }
    }
}

/// A request as a frame.
pub fn framed(request: &Request<'_>) -> Vec<u8> {
    frame::encode(request, &mut vec![0; MAX_PAYLOAD + 8000], &mut vec![0; MAX_FRAME + 8000]).unwrap().to_vec()
}

impl ErrorType for End {
    type Error = Infallible;
}

impl Read for End {
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Infallible> {
        poll_fn(|cx| {
            let mut wire = self.ours.borrow_mut();
            if wire.bytes.is_empty() && !wire.cut {
                wire.reader = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let length = buffer.len().min(wire.bytes.len());
            buffer.iter_mut().zip(wire.bytes.drain(..length)).for_each(|(to, byte)| *to = byte);
            Poll::Ready(Ok(length))
        })
        .await
    }
}

impl Write for End {
    async fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        self.send(bytes);
        Ok(bytes.len())
    }

    async fn flush(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}
