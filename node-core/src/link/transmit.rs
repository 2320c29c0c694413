//! Frames that the link sends for itself: hello, gossip, and all that it owes its peer.

use super::config::Config;
use super::error::ProveError;
use super::exchange::{Slots, Stage};
use super::state::{Link, Phase, Ping};
use crate::identity::{Channel, Identify};
use crate::time::{Instant, UnixTime};
use crate::wire::frame::{self, FrameKind, HEADER, MIN_FRAME, RESPONDER};
use crate::wire::gossip::MAX_MESSAGE;
use crate::wire::{Full, Hello, Outbox, PREFACE, Proof, Record, VERSION};

/// Longest payload of a hello, in bytes.
const MAX_HELLO: usize = 192;

impl<I: Identify, S: Slots> Link<I, S> {
    /// Says hello: the first thing to do on a link. `nonce` MUST be fresh random bytes of a cryptographic generator.
    ///
    /// # Errors
    /// [`Full`]: the outbox has no room for some 200 bytes; nothing was written.
    pub fn greet(&mut self, nonce: [u8; 32], channel: Channel, out: &mut impl Outbox) -> Result<(), Full> {
        let Config { identity, limits, .. } = &self.config;
        let identity = identity.identity();
        let hello = Hello {
            version: VERSION,
            cluster: identity.cluster,
            limits: *limits,
            identity: identity.key,
            nonce,
            exporter: channel.exporter.is_some(),
        };
        let mut payload = [0; MAX_HELLO];
        let payload = postcard::to_slice(&hello, &mut payload).map_err(|_| Full)?;
        if out.room() < PREFACE.len() + HEADER + payload.len() {
            return Err(Full);
        }
        out.put(&[&PREFACE])?;
        (self.channel, self.hello) = (channel, Some(identity.sha256(payload)));
        frame::put(out, FrameKind::Hello, 0, 0, [payload, &[]])
    }

    /// Proves this node's identity to a peer that said hello, and introduces it: the answer to
    /// [`Greeted`](super::Event::Greeted).
    ///
    /// # Errors
    /// [`ProveError`]: the link MUST be ended; nothing was written.
    pub fn prove(
        &mut self,
        time: Option<UnixTime>,
        record: Record<'_>,
        out: &mut impl Outbox,
    ) -> Result<(), ProveError> {
        let claimed = self.claimed.ok_or(ProveError::Full)?;
        let signature = self.config.identity.identity().prove(&self.channel, &claimed.greetings)?;
        let mut payload = [0; MIN_FRAME];
        let proof = Proof { signature, time, record };
        let payload = postcard::to_slice(&proof, &mut payload).map_err(|_| ProveError::Full)?;
        frame::put(out, FrameKind::Proof, 0, 0, [payload, &[]]).map_err(|_| ProveError::Full)?;
        self.proved = true;
        Ok(())
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

    /// Whether [`poll_transmit`](Self::poll_transmit) has credit or a reset to write, for a caller that does not call it each
    /// time.
    #[must_use]
    pub const fn owes(&self) -> bool {
        self.owing || self.window.due()
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
        for (side, slots) in [(RESPONDER, self.theirs.all_mut()), (0, self.ours.all_mut())] {
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
