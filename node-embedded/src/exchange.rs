//! One request and its response on a link, as this node's own code reads and writes it.

use core::future::poll_fn;
use core::task::Poll;

use node_core::http::EncodeError;
use node_core::link::{ResetCode, SendError, Side};

use crate::sizes::RESPONSE_HEAD;
use crate::state::{Core, ExchangeError, ExchangeKey, SlotIndex, State};

/// An exchange under way. Dropping it before its end resets it.
pub(crate) struct Exchange<'d> {
    state: &'d State<'d>,
    slot: SlotIndex,
    sent_end: bool,
    /// The code of the reset when this is dropped before its end.
    reset_code: ResetCode,
}

impl<'d> Exchange<'d> {
    pub(crate) const fn new(state: &'d State<'d>, slot: SlotIndex, sent_end: bool) -> Self {
        Self { state, slot, sent_end, reset_code: ResetCode::Cancelled }
    }

    /// Waits for bytes and copies some to the start of `buffer`; 0 is the end.
    ///
    /// # Errors
    /// The exchange ended early; bytes that had arrived were read before.
    pub(crate) async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ExchangeError> {
        poll_fn(|cx| {
            self.state.with(|core| {
                let Some(slot) = core.table.slot_mut(self.slot) else { return Poll::Ready(Ok(0)) };
                let count = slot.unread.len().min(buffer.len());
                if count > 0 || buffer.is_empty() {
                    buffer.iter_mut().zip(slot.unread.drain(..count)).for_each(|(to, from)| *to = from);
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
        })
        .await
    }

    /// Sends all of `data`, as the other side gives credit for it.
    ///
    /// # Errors
    /// The exchange ended early.
    pub(crate) async fn write(&mut self, data: &[u8]) -> Result<(), ExchangeError> {
        let mut sent = 0;
        poll_fn(|cx| {
            let rest = data.get(sent..).unwrap_or_default();
            if rest.is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.state
                .with(|core| self.send(core, cx, Outgoing { data: rest, end: false, sent: &mut sent }))
                .map_ok(|_| ())
        })
        .await
    }

    /// Sends a head that `encode` writes into a buffer of [`RESPONSE_HEAD`] bytes. The buffer lives only while it is
    /// being sent, so `encode` may be called several times and must write the same each time.
    ///
    /// # Errors
    /// [`ExchangeError::BadHead`] when it cannot be written; otherwise the exchange ended early.
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
            self.state
                .with(|core| self.send(core, cx, Outgoing { data: rest, end: false, sent: &mut sent }))
                .map_ok(|_| ())
        })
        .await
    }

    /// Ends this direction. A second call does nothing.
    ///
    /// # Errors
    /// The exchange ended early.
    pub(crate) async fn finish(&mut self) -> Result<(), ExchangeError> {
        if self.sent_end {
            return Ok(());
        }
        let mut sent = 0;
        poll_fn(|cx| {
            self.state.with(|core| self.send(core, cx, Outgoing { data: &[], end: true, sent: &mut sent }))
        })
        .await?;
        self.sent_end = true;
        Ok(())
    }

    /// Resets the exchange with this code.
    pub(crate) fn reset(mut self, code: ResetCode) {
        self.reset_code = code;
    }

    /// Sends once, and waits when nothing can be sent or bytes are left.
    fn send(
        &self,
        core: &mut Core<'d>,
        cx: &mut core::task::Context<'_>,
        Outgoing { data, end, sent }: Outgoing<'_>,
    ) -> Poll<Result<(), ExchangeError>> {
        let Some(slot) = core.table.slot_mut(self.slot) else {
            return Poll::Ready(Err(ExchangeError::LinkLost));
        };
        let broken = slot.broken.unwrap_or(ExchangeError::LinkLost);
        let port = slot.key.and_then(|key| Some((key, core.ports.get_mut(key.port)?)));
        let Some((key, port)) = port.filter(|(key, port)| port.id() == Some(key.link)) else {
            return Poll::Ready(Err(broken));
        };
        match port.link.send(key.id, data, end, port.batch) {
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
        // The rest waits for credit or for an empty batch. Both wake this task.
        port.blocked = true;
        slot.waker.register(cx.waker());
        Poll::Pending
    }
}

/// Bytes to send, and how many of them were sent so far.
struct Outgoing<'a> {
    data: &'a [u8],
    end: bool,
    sent: &'a mut usize,
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
            let over = slot.broken.is_some() || (slot.ended && self.sent_end);
            // A whole response stands: the rest of the request is dropped when it arrives.
            let answered = key.id.side == Side::Theirs && self.sent_end;
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
