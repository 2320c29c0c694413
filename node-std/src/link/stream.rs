//! The halves of an exchange: one request and its response on a link, as the daemon's tasks see them.

use std::sync::Arc;

use bytes::Bytes;
use node_core::link::{ExchangeId, Open, ResetCode, Side};
use tokio::sync::{Semaphore, mpsc};

use super::command::Command;
use super::error::ExchangeError;

/// Bytes of one direction that may wait for the link before [`Outbound::send`] waits.
pub(super) const QUEUE: usize = 64 * 1024;

/// A command to the task of a link.
pub(super) type LinkCommand = Command<(Outbound, Inbound)>;

/// The way to the task of a link.
pub(super) type Commands = mpsc::UnboundedSender<LinkCommand>;

/// The sending half of one direction of an exchange. Dropping it unfinished resets the exchange.
#[derive(Debug)]
pub struct Outbound {
    id: ExchangeId,
    link: Commands,
    /// One permit for each byte that may still be queued. It is closed when the exchange is over.
    room: Arc<Semaphore>,
    done: bool,
}

impl Outbound {
    pub(super) const fn new(id: ExchangeId, link: Commands, room: Arc<Semaphore>) -> Self {
        Self { id, link, room, done: false }
    }

    /// Hands `data` to the link. Waits for the peer's credit and for room in the link's queue.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed. [`Inbound::next`] returns the reason.
    pub async fn send(&mut self, mut data: Bytes) -> Result<(), ExchangeError> {
        while !data.is_empty() {
            let piece = data.split_to(data.len().min(QUEUE / 2));
            let size = u32::try_from(piece.len()).unwrap_or(u32::MAX);
            let permit = self.room.acquire_many(size).await.map_err(|_| over())?;
            permit.forget();
            self.command(Command::Send { id: self.id, data: piece, end: false })?;
        }
        Ok(())
    }

    /// Ends this direction.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish(self) -> Result<(), ExchangeError> {
        self.finish_with(Bytes::new()).await
    }

    /// Sends the last bytes and ends this direction, in one frame where they fit.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub async fn finish_with(mut self, mut data: Bytes) -> Result<(), ExchangeError> {
        let last = data.split_off(data.len() - data.len().min(QUEUE / 2));
        self.send(data).await?;
        let size = u32::try_from(last.len()).unwrap_or(u32::MAX);
        self.room.acquire_many(size).await.map_err(|_| over())?.forget();
        self.done = true;
        self.command(Command::Send { id: self.id, data: last, end: true })
    }

    /// Waits until the exchange is over before this direction ended: by a reset, the time budget, or the link.
    pub async fn closed(&self) {
        // There are never so many permits, so only closing ends the wait.
        let _ = self.room.acquire_many(u32::try_from(QUEUE + 1).unwrap_or(u32::MAX)).await;
    }

    /// Resets the whole exchange.
    pub fn reset(mut self, code: ResetCode) {
        self.done = true;
        // A link that is gone has no peer to inform.
        let _ = self.link.send(Command::Reset { id: self.id, code });
    }

    fn command(&self, command: LinkCommand) -> Result<(), ExchangeError> {
        self.link.send(command).map_err(|_| over())
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        if !self.done {
            let _ = self.link.send(Command::Reset { id: self.id, code: ResetCode::Cancelled });
        }
    }
}

fn over() -> ExchangeError {
    ExchangeError::LinkClosed("the exchange is over".into())
}

/// The receiving half of one direction of an exchange. Bytes taken from it are credit for the peer, so a slow reader slows
/// the sender down.
///
/// Dropping it before the end resets an exchange that this node opened. If the peer opened the exchange, the rest of the
/// request is ignored, and the exchange can still be answered.
#[derive(Debug)]
pub struct Inbound {
    id: ExchangeId,
    link: Commands,
    /// The credit of the peer bounds its content.
    pieces: mpsc::UnboundedReceiver<Piece>,
    done: bool,
}

/// An item that a link delivers to an [`Inbound`].
#[derive(Debug)]
pub(super) enum Piece {
    Data(Bytes),
    End,
    Failed(ExchangeError),
}

impl Inbound {
    pub(super) const fn new(id: ExchangeId, link: Commands, pieces: mpsc::UnboundedReceiver<Piece>) -> Self {
        Self { id, link, pieces, done: false }
    }

    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// The exchange was reset, ran out of time, or its link closed.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        if self.done {
            return Ok(None);
        }
        match self.pieces.recv().await {
            Some(Piece::Data(data)) => {
                self.release(data.len());
                Ok(Some(data))
            }
            Some(Piece::End) => {
                self.done = true;
                Ok(None)
            }
            Some(Piece::Failed(error)) => {
                self.done = true;
                Err(error)
            }
            None => {
                self.done = true;
                Err(ExchangeError::Lost("the link closed".into()))
            }
        }
    }

    fn release(&self, bytes: usize) {
        let _ = self.link.send(Command::Release { id: self.id, bytes });
    }
}

impl Drop for Inbound {
    fn drop(&mut self) {
        self.pieces.close();
        let mut left = 0;
        while let Ok(piece) = self.pieces.try_recv() {
            match piece {
                Piece::Data(data) => left += data.len(),
                Piece::End | Piece::Failed(_) => self.done = true,
            }
        }
        self.release(left);
        if !self.done {
            let _ = self.link.send(match self.id.side {
                Side::Ours => Command::Reset { id: self.id, code: ResetCode::Cancelled },
                Side::Theirs => Command::Ignore { id: self.id },
            });
        }
    }
}

/// An exchange that the peer opened.
#[derive(Debug)]
pub struct Accepted {
    /// The request of the peer.
    pub open: Open,
    /// Yields the bytes of the request.
    pub inbound: Inbound,
    /// Takes the response.
    pub outbound: Outbound,
}
