//! The bytes of one link, from its session to its end.

use core::future::poll_fn;
use core::task::Poll;

use embassy_futures::select::{Either3, select3};

use crate::sizes::INPUT;
use crate::state::{Outgoing, State, now};
use crate::tls::{Receive, SessionError, Transmit};

/// Moves the bytes of the link on one port.
pub(super) struct Traffic<'d> {
    pub(super) state: &'d State<'d>,
    pub(super) port: usize,
}

impl Traffic<'_> {
    /// Moves bytes until the link is over. Returns true when both sides said GOAWAY and everything is sent: then the session may be
    /// closed, whether or not the peer learns of it.
    ///
    /// # Errors
    /// [`SessionError`]: the session ended before the link did.
    pub(super) async fn run(
        &self,
        reader: &mut impl Receive,
        writer: &mut impl Transmit,
        input: &mut [u8; INPUT],
    ) -> Result<bool, SessionError> {
        // A waiting read is dropped only here, where the session ends.
        match select3(self.read(reader, input), self.write(writer), self.go_away_timeout()).await {
            Either3::First(SessionError::Closed | SessionError::Lost) if self.is_over() => Ok(false),
            Either3::First(error) | Either3::Second(Err(error)) => Err(error),
            Either3::Second(Ok(())) => Ok(true),
            Either3::Third(()) => Err(SessionError::Lost),
        }
    }

    fn is_over(&self) -> bool {
        self.state.with(|core| core.is_over(self.port))
    }

    /// Feeds the link until the session ends, and returns why it ended.
    async fn read(&self, reader: &mut impl Receive, input: &mut [u8; INPUT]) -> SessionError {
        let mut filled = 0;
        loop {
            let room = input.get_mut(filled..).unwrap_or_default();
            match reader.read(room).await {
                Ok(read) => filled += read,
                Err(error) => return error,
            }
            let bytes = input.get(..filled).unwrap_or_default();
            let keys = self.state.keys.borrow();
            let used = self.state.with(|core| core.handle_input(self.port, now(), &keys, bytes));
            drop(keys);
            input.copy_within(used.min(filled)..filled, 0);
            filled -= used.min(filled);
        }
    }

    /// Sends the link's frames, all that wait in one record. Ends when the link is over.
    async fn write(&self, writer: &mut impl Transmit) -> Result<(), SessionError> {
        loop {
            let staged = self
                .state
                .wait(|core| {
                    core.transmit(self.port, now());
                    core.take_batch(self.port, |bytes| writer.stage(bytes))
                })
                .await;
            match staged {
                Outgoing::Staged(staged) => staged?,
                Outgoing::Finished => return Ok(()),
            }
            writer.send().await?;
        }
    }

    /// Ends when the peer had enough time for a GOAWAY and did not take it.
    async fn go_away_timeout(&self) {
        poll_fn(|cx| {
            self.state.with(|core| {
                core.runner.register(cx.waker());
                if core.is_overdue(self.port, now()) { Poll::Ready(()) } else { Poll::Pending }
            })
        })
        .await;
    }
}
