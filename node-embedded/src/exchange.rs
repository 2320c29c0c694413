//! One request and its response on a link, as this node's own code reads and writes it.

mod body;
mod open;
mod pace;

use core::cell::Cell;
use core::future::poll_fn;
use core::task::{Context, Poll};

use node_core::http::EncodeError;
use node_core::link::{ResetCode, SendError, Side};

use crate::sizes::RESPONSE_HEAD;
use crate::state::{Core, ExchangeError, ExchangeKey, SlotIndex, State};

pub(crate) use body::BodyLeft;
pub(crate) use open::{Beginning, Limits, open};
use pace::Pace;

/// An exchange under way. Dropping it before its end resets it. One task may read it while it writes it.
pub(crate) struct Exchange<'d> {
    state: &'d State<'d>,
    slot: SlotIndex,
    sent_end: Cell<bool>,
    /// Bytes were sent.
    #[cfg(feature = "accept")]
    sent: Cell<bool>,
    /// How long the other side may take to send, and to read. `None` for as long as the exchange lasts.
    reading: Option<Pace>,
    writing: Option<Pace>,
    /// The code of the reset when this is dropped before its end.
    reset_code: ResetCode,
}

impl<'d> Exchange<'d> {
    /// An exchange that this node opened, and whose request it sent whole if `sent_end`.
    pub(crate) const fn opened(state: &'d State<'d>, slot: SlotIndex, sent_end: bool) -> Self {
        let sent_end = Cell::new(sent_end);
        Self {
            state,
            slot,
            sent_end,
            #[cfg(feature = "accept")]
            sent: Cell::new(false),
            reading: None,
            writing: None,
            reset_code: ResetCode::Cancelled,
        }
    }

    /// An exchange that a hub opened. It holds a worker, so the hub must keep up a [pace](Pace).
    pub(crate) fn accepted(state: &'d State<'d>, slot: SlotIndex) -> Self {
        let (reading, writing) = (Some(Pace::new()), Some(Pace::new()));
        let mut exchange = Self::opened(state, slot, false);
        (exchange.reading, exchange.writing) = (reading, writing);
        exchange
    }

    /// Waits for bytes and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early, or the other side stalls; bytes that had arrived were read before.
    pub(crate) async fn read(&self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        self.read_some(buffer, |unread| unread.len()).await
    }

    /// Reads a message's head, and nothing that follows it, to the start of `buffer`. Returns its length.
    ///
    /// # Errors
    /// As [`read`](Self::read). The inner error: there is no head.
    pub(crate) async fn read_head(&self, buffer: &mut [u8]) -> Result<Result<usize, NoHead>, ExchangeError> {
        let (mut filled, mut end) = (0, HeadEnd::default());
        while !end.found {
            let room = buffer.get_mut(filled..).unwrap_or_default();
            if room.is_empty() {
                return Ok(Err(NoHead::TooLong));
            }
            match self.read_some(room, |unread| end.search(unread)).await? {
                0 => return Ok(Err(NoHead::Ended)),
                read => filled += read,
            }
        }
        // What was found may be beyond the buffer's end.
        Ok(if buffer.get(..filled).is_some_and(|head| head.ends_with(b"\n")) {
            Ok(filled)
        } else {
            Err(NoHead::TooLong)
        })
    }

    /// Waits for bytes, and copies as many of them as `wanted` says, if there is room.
    async fn read_some(
        &self,
        buffer: &mut [u8],
        mut wanted: impl FnMut(&[u8]) -> usize,
    ) -> Result<usize, ExchangeError> {
        let read = poll_fn(|cx| {
            self.state.with(|core| {
                let Some(slot) = core.table.slot_mut(self.slot) else { return Poll::Ready(Ok(0)) };
                let count = wanted(&slot.unread).min(buffer.len());
                if count > 0 || buffer.is_empty() {
                    if let (Some(to), Some(from)) = (buffer.get_mut(..count), slot.unread.get(..count)) {
                        to.copy_from_slice(from);
                    }
                    slot.unread.drain(..count);
                    if let Some(key) = slot.key {
                        release(core, key, count);
                    }
                    return Poll::Ready(Ok(count));
                }
                match slot.broken {
                    _ if slot.ended => Poll::Ready(Ok(0)),
                    Some(why) => Poll::Ready(Err(why)),
                    None => {
                        slot.waker.register(cx.waker());
                        Poll::Pending
                    }
                }
            })
        });
        match &self.reading {
            Some(pace) => pace.keep(read).await,
            None => read.await,
        }
    }

    /// Sends all of `data`, as the other side gives credit for it.
    ///
    /// # Errors
    /// The exchange ended early, or the other side stalls. [`ExchangeError::Answered`]: it wants no more of this node's request.
    pub(crate) async fn write(&self, data: &[u8]) -> Result<(), ExchangeError> {
        let mut rest = data;
        while !rest.is_empty() {
            let taken = self.write_some(|cx| self.poll_send(cx, rest, false)).await?;
            rest = rest.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    /// Sends a head that `encode` writes into a buffer of [`RESPONSE_HEAD`] bytes. The buffer lives only while it is
    /// being sent, so `encode` may be called several times and must write the same each time.
    ///
    /// # Errors
    /// [`ExchangeError::BadHead`] when it cannot be written, and then nothing was sent; otherwise as [`write`](Self::write).
    pub(crate) async fn write_head(
        &self,
        encode: impl Fn(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<(), ExchangeError> {
        let mut sent = 0;
        loop {
            let taken = self.write_some(|cx| {
                let mut buffer = [0; RESPONSE_HEAD];
                let Ok(len) = encode(&mut buffer) else { return Poll::Ready(Err(ExchangeError::BadHead)) };
                let rest = buffer.get(sent..len).unwrap_or_default();
                if rest.is_empty() { Poll::Ready(Ok(0)) } else { self.poll_send(cx, rest, false) }
            });
            match taken.await? {
                0 => return Ok(()),
                taken => sent += taken,
            }
        }
    }

    async fn write_some(
        &self,
        send: impl FnMut(&mut Context<'_>) -> Poll<Result<usize, ExchangeError>>,
    ) -> Result<usize, ExchangeError> {
        match &self.writing {
            Some(pace) => pace.keep(poll_fn(send)).await,
            None => poll_fn(send).await,
        }
    }

    /// Ends this direction. A second call does nothing.
    ///
    /// # Errors
    /// The exchange ended early.
    pub(crate) async fn finish(&self) -> Result<(), ExchangeError> {
        if !self.sent_end.get() {
            poll_fn(|cx| self.poll_send(cx, &[], true)).await?;
            self.sent_end.set(true);
        }
        Ok(())
    }

    /// Whether bytes were sent.
    #[cfg(feature = "accept")]
    pub(crate) fn has_sent(&self) -> bool {
        self.sent.get()
    }

    /// Whether the exchange ended early: the other side reset it, its time ran out, or the link is gone.
    pub(crate) fn is_broken(&self) -> bool {
        self.state.with(|core| core.table.slot_mut(self.slot).is_none_or(|slot| slot.broken.is_some()))
    }

    /// Resets the exchange with this code.
    pub(crate) fn reset(mut self, code: ResetCode) {
        self.reset_code = code;
    }

    /// Sends some of `data`, or the end. Waits when nothing can be sent.
    fn poll_send(&self, cx: &mut Context<'_>, data: &[u8], end: bool) -> Poll<Result<usize, ExchangeError>> {
        self.state.with(|core| {
            let Some(slot) = core.table.slot_mut(self.slot) else {
                return Poll::Ready(Err(ExchangeError::LinkLost));
            };
            let broken = slot.broken.unwrap_or(ExchangeError::LinkLost);
            let port = slot.key.and_then(|key| Some((key, core.ports.get_mut(key.port)?)));
            let Some((key, port)) = port.filter(|(key, port)| port.id() == Some(key.link)) else {
                return Poll::Ready(Err(broken));
            };
            if slot.ended && !end && key.id.side == Side::Ours {
                return Poll::Ready(Err(ExchangeError::Answered));
            }
            match port.link.send(key.id, data, end, port.batch) {
                Ok(taken) => {
                    #[cfg(feature = "accept")]
                    self.sent.set(true);
                    core.runner.wake();
                    Poll::Ready(Ok(taken))
                }
                Err(SendError::Closed) => Poll::Ready(Err(broken)),
                Err(SendError::Outbox | SendError::Credit) => {
                    // Credit and an empty batch both wake this task.
                    port.blocked = true;
                    slot.waker.register(cx.waker());
                    Poll::Pending
                }
            }
        })
    }
}

/// The search for the empty line that ends a head, in pieces.
#[derive(Default)]
struct HeadEnd {
    /// Nothing of a line was seen yet, but for a carriage return. The first line does not count.
    line_begins: bool,
    found: bool,
}

impl HeadEnd {
    /// Returns how many of these bytes belong to the head.
    fn search(&mut self, bytes: &[u8]) -> usize {
        for (read, &byte) in (1..).zip(bytes) {
            match byte {
                b'\n' if self.line_begins => {
                    self.found = true;
                    return read;
                }
                b'\n' => self.line_begins = true,
                b'\r' => {}
                _ => self.line_begins = false,
            }
        }
        bytes.len()
    }
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    /// The message ended before its head did.
    Ended,
    /// It is longer than its buffer.
    TooLong,
}

/// Waits until the exchange in a slot ends early.
pub(crate) async fn broken(state: &State<'_>, slot: SlotIndex) -> ExchangeError {
    state.wait(|core| core.table.slot_mut(slot)?.broken).await
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.state.with(|core| {
            let Some(slot) = core.table.slot_mut(self.slot) else { return };
            let Some(key) = slot.key.take() else { return };
            let unread = slot.unread.len();
            let over = slot.broken.is_some() || (slot.ended && self.sent_end.get());
            // A whole response stands: the rest of the request is dropped when it arrives.
            let answered = key.id.side == Side::Theirs && self.sent_end.get();
            release(core, key, unread);
            if let Some(port) = core.ports.get_mut(key.port).filter(|port| port.id() == Some(key.link))
                && !over
                && !answered
            {
                port.link.reset(key.id, self.reset_code);
            }
            core.runner.wake();
            core.callers.wake();
        });
    }
}

/// Gives the other side credit for as many bytes.
fn release(core: &mut Core<'_>, key: ExchangeKey, bytes: usize) {
    if let Some(port) = core.ports.get_mut(key.port).filter(|port| port.id() == Some(key.link)) {
        port.link.release(key.id, bytes);
        core.runner.wake();
    }
}
