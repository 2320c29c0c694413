//! One request and its response on a link, as this node's own code reads and writes it.

use core::future::poll_fn;
use core::task::Poll;

use node_core::http::EncodeError;
use node_core::link::{ResetCode, SendError, Side};

use crate::sizes::RESPONSE_HEAD;
use crate::state::{Core, State};
use crate::table::{ExchangeError, Place, SlotIndex};

/// An exchange under way. Dropped before its end, it is given up and the other side is told.
pub(crate) struct Exchange<'d> {
    state: &'d State<'d>,
    slot: SlotIndex,
    sent_end: bool,
    verdict: ResetCode,
}

impl<'d> Exchange<'d> {
    pub(crate) const fn new(state: &'d State<'d>, slot: SlotIndex, sent_end: bool) -> Self {
        Self { state, slot, sent_end, verdict: ResetCode::Cancelled }
    }

    /// Waits for bytes and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// It ended early; what had arrived was read before.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        poll_fn(|cx| {
            self.state.with(|core| {
                let Some(slot) = core.table.slot_mut(self.slot) else { return Poll::Ready(Ok(0)) };
                let count = slot.unread.len().min(buffer.len());
                if count > 0 || buffer.is_empty() {
                    buffer.iter_mut().zip(slot.unread.drain(..count)).for_each(|(to, from)| *to = from);
                    if let Some(at) = slot.at {
                        release(core, at, count);
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
        })
        .await
    }

    /// Sends all of `data`, as the other side gives credit for it.
    ///
    /// # Errors
    /// It ended early.
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<(), ExchangeError> {
        let mut sent = 0;
        poll_fn(|cx| {
            let rest = data.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.state.with(|core| self.send(core, cx, (rest, false), &mut sent)).map_ok(|_| ())
        })
        .await
    }

    /// Sends a head that `encode` writes into a buffer of [`RESPONSE_HEAD`] bytes. The buffer lives only while it is
    /// being sent, so `encode` may be called several times and must write the same each time.
    ///
    /// # Errors
    /// [`ExchangeError::BadHead`] when it cannot be written; else it ended early.
    pub(crate) async fn write_head(
        &mut self,
        encode: impl Fn(&mut [u8]) -> Result<usize, EncodeError>,
    ) -> Result<(), ExchangeError> {
        let mut sent = 0;
        poll_fn(|cx| {
            let mut buffer = [0; RESPONSE_HEAD];
            let Ok(len) = encode(&mut buffer) else { return Poll::Ready(Err(ExchangeError::BadHead)) };
            let rest = buffer.get(sent..len).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.state.with(|core| self.send(core, cx, (rest, false), &mut sent)).map_ok(|_| ())
        })
        .await
    }

    /// Ends this direction; again does nothing.
    ///
    /// # Errors
    /// It ended early.
    pub(crate) async fn finish(&mut self) -> Result<(), ExchangeError> {
        if self.sent_end {
            return Ok(());
        }
        let mut sent = 0;
        poll_fn(|cx| self.state.with(|core| self.send(core, cx, (&[], true), &mut sent))).await?;
        self.sent_end = true;
        Ok(())
    }

    /// Gives it up and says why.
    pub(crate) fn reset(mut self, code: ResetCode) {
        self.verdict = code;
    }

    /// Sends once, and waits if nothing can be sent or bytes are left.
    fn send(
        &self,
        core: &mut Core<'d>,
        cx: &mut core::task::Context<'_>,
        (data, end): (&[u8], bool),
        sent: &mut usize,
    ) -> Poll<Result<(), ExchangeError>> {
        let Some(slot) = core.table.slot_mut(self.slot) else {
            return Poll::Ready(Err(ExchangeError::LinkLost));
        };
        let broken = slot.broken.unwrap_or(ExchangeError::LinkLost);
        let port = slot.at.and_then(|at| Some((at, core.ports.get_mut(at.port)?)));
        let Some((at, port)) = port.filter(|(at, port)| port.id() == Some(at.link)) else {
            return Poll::Ready(Err(broken));
        };
        match port.link.send(at.id, data, end, port.batch) {
            Ok(taken) => {
                core.runner.wake();
                *sent += taken;
                if taken == data.len() {
                    return Poll::Ready(Ok(()));
                }
            }
            Err(SendError::Closed) => return Poll::Ready(Err(broken)),
            Err(SendError::Outbox | SendError::Credit) => {}
        }
        // What did not fit waits for credit or for the batch to be sent; either wakes.
        port.blocked = true;
        slot.waker.register(cx.waker());
        Poll::Pending
    }
}

/// Waits until the exchange in a slot ends early, if it does.
pub(crate) async fn broken(state: &State<'_>, slot: SlotIndex) -> ExchangeError {
    state.wait(|core| core.table.slot_mut(slot)?.broken).await
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.state.with(|core| {
            let Some(slot) = core.table.slot_mut(self.slot) else { return };
            let Some(at) = slot.at.take() else { return };
            let unread = slot.unread.len();
            let over = slot.broken.is_some() || (slot.ended && self.sent_end);
            // A response that is whole stands; what is left of the request is dropped as it arrives.
            let answered = at.id.side == Side::Theirs && self.sent_end;
            release(core, at, unread);
            if let Some(port) = core.ports.get_mut(at.port).filter(|port| port.id() == Some(at.link))
                && !over
                && !answered
            {
                port.link.reset(at.id, self.verdict);
            }
            core.runner.wake();
            core.callers.wake();
        });
    }
}

/// The other side may send as much again.
fn release(core: &mut Core<'_>, at: Place, bytes: usize) {
    if let Some(port) = core.ports.get_mut(at.port).filter(|port| port.id() == Some(at.link)) {
        port.link.release(at.id, bytes);
        core.runner.wake();
    }
}
