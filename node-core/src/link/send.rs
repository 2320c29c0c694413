//! The commands on exchanges: open, send, reset, release.

use super::error::{OpenError, SendError};
use super::exchange::{Exchange, ExchangeId, Side, Slots, Stage, deadline};
use super::flow::{Credit, Window};
use super::state::{Link, Phase};
use crate::identity::Identify;
use crate::time::Instant;
use crate::wire::frame::{self, END, FrameKind, HEADER, MIN_FRAME, RESPONDER, TRAILERS};
use crate::wire::{Open, Outbox, ResetCode};

impl<I: Identify, S: Slots> Link<I, S> {
    /// Opens an exchange and sends as much of `data` as fits; `end` says that the request ends with `data`.
    /// Returns the exchange and the bytes taken: when these are fewer, send the rest, and the end, later.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was sent.
    pub fn open(
        &mut self,
        now: Instant,
        open: &Open,
        data: &[u8],
        end: bool,
        out: &mut impl Outbox,
    ) -> Result<(ExchangeId, usize), OpenError> {
        let limits = match (self.phase, self.peer) {
            (Phase::Up, Some((_, limits))) => limits,
            (Phase::Draining | Phase::Over, _) => return Err(OpenError::Draining),
            _ => return Err(OpenError::NotUp),
        };
        let mut head = [0; Open::MAX_BYTES];
        let head = open.encode(&mut head).ok_or(OpenError::Outbox)?;
        let slots = self.ours.all();
        let free = slots.iter().position(|exchange| exchange.stage == Stage::Free);
        let slot = free.unwrap_or(slots.len());
        if slot >= limits.exchanges.into() {
            return Err(OpenError::Exchanges);
        }
        let room = out.room().min(HEADER + usize::from(limits.frame));
        let room = room.checked_sub(HEADER + head.len()).ok_or(OpenError::Outbox)?;
        let taken = data.len().min(room).min(self.credit.available()).min(limits.exchange_credit as usize);
        let ends = end && taken == data.len();
        let exchange = self.ours.reach(slot).ok_or(OpenError::Exchanges)?;
        let generation = (exchange.number >> 16) % 0xffff + 1;
        let number = generation << 16 | u32::try_from(slot).unwrap_or(0xffff);
        let flags = if ends { END } else { 0 };
        let data = data.get(..taken).unwrap_or_default();
        frame::put(out, FrameKind::Open, flags, number, [head, data]).map_err(|_| OpenError::Outbox)?;
        *exchange = Exchange {
            number,
            stage: Stage::Live,
            credit: Credit::new(limits.exchange_credit),
            window: Window::new(self.config.limits.exchange_credit),
            deadline: deadline(now, open),
            sent_end: ends,
            received_end: false,
        };
        exchange.credit.spend(taken);
        self.credit.spend(taken);
        self.deadline = Some(self.deadline.map_or(exchange.deadline, |first| first.min(exchange.deadline)));
        Ok((ExchangeId { side: Side::Ours, number }, taken))
    }

    /// Sends bytes on an exchange, in as many frames as the outbox, the credit and the peer's frame limit allow,
    /// and ends this direction if `end` is set and all were taken. Returns the bytes taken; with an empty `data`
    /// and `end`, 0 is success.
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent.
    pub fn send(
        &mut self,
        id: ExchangeId,
        data: &[u8],
        end: bool,
        out: &mut impl Outbox,
    ) -> Result<usize, SendError> {
        self.send_section(id, 0, data, end, out)
    }

    /// Sends bytes of the trailers of a proxied message, after its body; otherwise like [`send`](Self::send).
    ///
    /// # Errors
    /// [`SendError`]; nothing was sent.
    pub fn send_trailers(
        &mut self,
        id: ExchangeId,
        data: &[u8],
        end: bool,
        out: &mut impl Outbox,
    ) -> Result<usize, SendError> {
        self.send_section(id, TRAILERS, data, end, out)
    }

    fn send_section(
        &mut self,
        id: ExchangeId,
        section: u8,
        data: &[u8],
        end: bool,
        out: &mut impl Outbox,
    ) -> Result<usize, SendError> {
        if self.phase == Phase::Over {
            return Err(SendError::Closed);
        }
        let limit = self.peer.map_or(MIN_FRAME, |(_, limits)| usize::from(limits.frame));
        let available = self.credit.available();
        let exchange = self.live_mut(id).filter(|exchange| !exchange.sent_end).ok_or(SendError::Closed)?;
        if !data.is_empty() && available.min(exchange.credit.available()) == 0 {
            return Err(SendError::Credit);
        }
        let flag = section | if id.side == Side::Theirs { RESPONDER } else { 0 };
        let mut taken = 0;
        loop {
            let rest = data.get(taken..).unwrap_or_default();
            let room = out.room().saturating_sub(HEADER).min(limit);
            let piece = rest.len().min(room).min(exchange.credit.available()).min(available - taken);
            let ends = end && piece == rest.len();
            if piece == 0 && !ends {
                break;
            }
            let flags = flag | if ends { END } else { 0 };
            let bytes = rest.get(..piece).unwrap_or_default();
            if frame::put(out, FrameKind::Data, flags, id.number, [bytes, &[]]).is_err() {
                break;
            }
            exchange.credit.spend(piece);
            taken += piece;
            if ends {
                exchange.sent_end = true;
                exchange.settle();
                break;
            }
        }
        let done = end && taken == data.len() && exchange.sent_end;
        let starved = exchange.credit.available() == 0;
        self.credit.spend(taken);
        self.settle();
        match (taken, done) {
            (0, false) if !data.is_empty() && starved => Err(SendError::Credit),
            (0, false) if !data.is_empty() || end => Err(SendError::Outbox),
            _ => Ok(taken),
        }
    }

    /// Gives an exchange up. The next [`poll_transmit`](Self::poll_transmit) sends the reset. Bytes of the exchange that
    /// were not released yet MUST still be released.
    pub fn reset(&mut self, id: ExchangeId, code: ResetCode) {
        if let Some(exchange) = self.known_mut(id) {
            exchange.give_up(code);
            self.owing = true;
        }
    }

    /// Says that `bytes` of what arrived on an exchange were consumed or dropped, so that the peer may send
    /// more. Call it for every byte, also after the exchange is over: the link as a whole has a bound too.
    pub fn release(&mut self, id: ExchangeId, bytes: usize) {
        self.window.consume(bytes);
        if let Some(exchange) = self.live_mut(id) {
            exchange.window.consume(bytes);
            let due = exchange.window.due();
            self.owing |= due;
        }
    }

    /// An exchange whose time budget ran out. The next [`poll_transmit`](Self::poll_transmit) sends the reset.
    pub fn poll_expired(&mut self) -> Option<ExchangeId> {
        if !self.expired {
            return None;
        }
        for (side, slots) in [(Side::Ours, self.ours.all_mut()), (Side::Theirs, self.theirs.all_mut())] {
            if let Some(exchange) = slots.iter_mut().find(|exchange| exchange.stage == Stage::Expired) {
                exchange.stage = Stage::Resetting(ResetCode::Timeout);
                self.owing = true;
                return Some(ExchangeId { side, number: exchange.number });
            }
        }
        self.expired = false;
        None
    }
}
