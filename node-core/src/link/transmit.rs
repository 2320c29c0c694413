//! Frames that the link sends for itself: hello, gossip, and all that it owes its peer.

use super::exchange::Stage;
use super::state::{Link, Phase, Ping};
use crate::time::Instant;
use crate::wire::frame::{self, FrameKind, HEADER, MIN_FRAME, RESPONDER};
use crate::wire::gossip::MAX_MESSAGE;
use crate::wire::{Full, Hello, Outbox, PREFACE};

impl Link<'_> {
    /// Says hello: the first thing to do on a link. `hello` must hold this node's own limits.
    ///
    /// # Errors
    /// [`Full`]: the outbox has no room for about a frame of 1 KiB; nothing was written.
    pub fn greet(&mut self, hello: &Hello<'_>, out: &mut impl Outbox) -> Result<(), Full> {
        let mut payload = [0; MIN_FRAME];
        let payload = postcard::to_slice(hello, &mut payload).map_err(|_| Full)?;
        if out.room() < PREFACE.len() + HEADER + payload.len() {
            return Err(Full);
        }
        out.put(&[&PREFACE])?;
        frame::put(out, FrameKind::Hello, 0, 0, [payload, &[]])
    }

    /// Sends a gossip message.
    ///
    /// # Errors
    /// [`Full`]: the link is not up, the outbox has no room, or the message is longer than
    /// [`MAX_MESSAGE`].
    pub fn gossip(&mut self, message: &[u8], out: &mut impl Outbox) -> Result<(), Full> {
        if !matches!(self.phase, Phase::Up | Phase::Draining) || message.len() > MAX_MESSAGE {
            return Err(Full);
        }
        frame::put(out, FrameKind::Gossip, 0, 0, [message, &[]])
    }

    /// Writes what the link owes: credit, resets, pings, GOAWAY. Call it after input, commands and time; what
    /// does not fit is written by a later call.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut impl Outbox) {
        if self.phase != Phase::Over && self.transmit(now, out).is_ok() {
            self.settle();
        }
    }

    // Inside

    fn transmit(&mut self, now: Instant, out: &mut impl Outbox) -> Result<(), Full> {
        if self.owing {
            self.transmit_exchanges(out)?;
            self.owing = false;
        }
        if self.window.due() {
            if out.room() < HEADER + 4 {
                return Err(Full);
            }
            let grant = self.window.grant().to_le_bytes();
            frame::put(out, FrameKind::Credit, 0, 0, [&grant, &[]])?;
        }
        if let Some(pong) = self.pong {
            frame::put(out, FrameKind::Pong, 0, 0, [&pong, &[]])?;
            self.pong = None;
        }
        if matches!(self.ping, Ping::Due(_)) && self.peer.is_some() {
            frame::put(out, FrameKind::Ping, 0, 0, [&now.as_micros().to_le_bytes(), &[]])?;
            self.ping = Ping::Sent(now);
        }
        if let (Some(reason), None) = (self.go_away, self.go_away_sent) {
            let mut payload = [0; 8];
            let payload = postcard::to_slice(&reason, &mut payload).map_err(|_| Full)?;
            frame::put(out, FrameKind::GoAway, 0, 0, [payload, &[]])?;
            self.go_away_sent = Some(now);
        }
        Ok(())
    }

    fn transmit_exchanges(&mut self, out: &mut impl Outbox) -> Result<(), Full> {
        for (side, slots) in [(RESPONDER, &mut *self.theirs), (0, &mut *self.ours)] {
            for exchange in slots.iter_mut() {
                match exchange.stage {
                    Stage::Resetting(code) => {
                        let mut payload = [0; 8];
                        let payload = postcard::to_slice(&code, &mut payload).map_err(|_| Full)?;
                        frame::put(out, FrameKind::Reset, side, exchange.number, [payload, &[]])?;
                        exchange.stage = Stage::Free;
                    }
                    Stage::Live if exchange.window.due() && !exchange.received_end => {
                        if out.room() < HEADER + 4 {
                            return Err(Full);
                        }
                        let grant = exchange.window.grant().to_le_bytes();
                        frame::put(out, FrameKind::Credit, side, exchange.number, [&grant, &[]])?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}
