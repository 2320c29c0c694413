//! The peer's bytes: they become frames, and the frames events.

use super::error::PeerError;
use super::event::{Event, Input, Introduction};
use super::exchange::{Exchange, ExchangeId, Side, Slots, Stage, deadline};
use super::flow::{Credit, Window};
use super::state::{Claimed, Link, Phase, Ping};
use crate::identity::{Greetings, Identify};
use crate::time::Instant;
use crate::wire::frame::{self, Frame, FrameKind, RESPONDER, TRAILERS};
use crate::wire::gossip::MAX_MESSAGE;
use crate::wire::{GoAway, Hello, Open, PREFACE, Proof, ResetCode, VERSION};

impl<I: Identify, S: Slots> Link<I, S> {
    /// Takes bytes from the carrier: at most one frame of them. Call it again with the rest while it consumes
    /// some. The input must be able to grow to 8 bytes more than this node's frame limit.
    ///
    /// # Errors
    /// [`PeerError`]: the link is over. The next [`poll_transmit`](Self::poll_transmit) tells the peer why, and
    /// further input is swallowed.
    pub fn handle_input<'b>(&mut self, now: Instant, input: &'b [u8]) -> Result<Input<'b>, PeerError> {
        if self.is_ending() {
            return Ok(Input { consumed: input.len(), event: None });
        }
        let result = self.take_input(now, input);
        if let Err(error) = result {
            self.go_away(error.go_away());
        }
        result
    }

    fn take_input<'b>(&mut self, now: Instant, input: &'b [u8]) -> Result<Input<'b>, PeerError> {
        let nothing = Input { consumed: 0, event: None };
        if input.is_empty() {
            return Ok(nothing);
        }
        if !self.preface_seen {
            return self.handle_preface(input);
        }
        let limit = usize::from(self.config.limits.frame);
        let frame = match Frame::parse(input, limit) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ok(nothing),
            Err(frame::TooLong { announced, limit }) => {
                return Err(PeerError::FrameTooLong { announced, limit });
            }
        };
        self.received_at = now;
        let event = self.handle_frame(now, frame)?;
        self.settle();
        Ok(Input { consumed: frame.len(), event })
    }

    fn handle_preface<'b>(&mut self, input: &'b [u8]) -> Result<Input<'b>, PeerError> {
        let seen = input.len().min(PREFACE.len());
        if input.get(..seen) != PREFACE.get(..seen) {
            let mut first = [0; 8];
            first.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
            return Err(PeerError::NotALink(first));
        }
        self.preface_seen = seen == PREFACE.len();
        Ok(Input { consumed: if self.preface_seen { seen } else { 0 }, event: None })
    }

    fn handle_frame<'b>(&mut self, now: Instant, frame: Frame<'b>) -> Result<Option<Event<'b>>, PeerError> {
        let Some(kind) = frame.header.kind() else {
            return match self.peer {
                Some(_) => Ok(Some(Event::Skipped(frame.header.kind))),
                None => Err(PeerError::BadHello),
            };
        };
        let bad = PeerError::BadPayload(kind);
        let side = if frame.header.flags & RESPONDER == 0 { Side::Theirs } else { Side::Ours };
        let id = ExchangeId { side, number: frame.header.exchange };
        match (kind, self.peer) {
            (FrameKind::Hello, None) if self.claimed.is_none() => {
                self.handle_hello(frame.payload).map(|()| Some(Event::Greeted))
            }
            (FrameKind::Proof, None) => {
                self.handle_proof(frame.payload).map(|introduction| Some(Event::Up(introduction)))
            }
            // A peer that refuses the hello of this node does so before any proof.
            (FrameKind::GoAway, None) if self.claimed.is_some() => self.handle_go_away(frame.payload),
            (FrameKind::Hello | FrameKind::Proof, _) | (_, None) => Err(PeerError::Unexpected(kind)),
            (FrameKind::Gossip, _) if frame.payload.len() > MAX_MESSAGE => Err(bad),
            (FrameKind::Gossip, _) => Ok(Some(Event::Gossip(frame.payload))),
            (FrameKind::Open, _) => self.handle_open(now, frame),
            (FrameKind::Data, _) => self.handle_data(id, frame),
            (FrameKind::Reset, _) => {
                // A code that cannot be read is of a later version.
                let code = postcard::from_bytes(frame.payload).unwrap_or(ResetCode::Internal);
                let Some(exchange) = self.known_mut(id) else { return Ok(None) };
                let told = exchange.is_live() || exchange.stage == Stage::Expired;
                exchange.stage = Stage::Free;
                Ok(told.then_some(Event::Reset { id, code }))
            }
            (FrameKind::Credit, _) => {
                let bytes = u32::from_le_bytes(frame.payload.try_into().map_err(|_| bad)?);
                if frame.header.exchange == 0 {
                    self.credit.add(bytes);
                    return Ok(Some(Event::Credit(None)));
                }
                let Some(exchange) = self.live_mut(id) else { return Ok(None) };
                exchange.credit.add(bytes);
                Ok(Some(Event::Credit(Some(id))))
            }
            (FrameKind::Ping, _) => {
                self.pong = Some(frame.payload.try_into().map_err(|_| bad)?);
                Ok(None)
            }
            (FrameKind::Pong, _) => {
                let sent: [u8; 8] = frame.payload.try_into().map_err(|_| bad)?;
                match self.ping {
                    Ping::Sent(at) if at.as_micros().to_le_bytes() == sent => {
                        self.ping = Ping::Idle;
                        self.rtt = Some(now.since(at));
                        Ok(Some(Event::Pong(now.since(at))))
                    }
                    _ => Ok(None),
                }
            }
            (FrameKind::GoAway, _) => self.handle_go_away(frame.payload),
        }
    }

    fn handle_go_away<'b>(&mut self, payload: &[u8]) -> Result<Option<Event<'b>>, PeerError> {
        let reason: GoAway =
            postcard::from_bytes(payload).map_err(|_| PeerError::BadPayload(FrameKind::GoAway))?;
        self.go_away_received = true;
        if reason.drains() {
            self.go_away(GoAway::Acknowledged);
        } else {
            self.phase = Phase::Over;
        }
        Ok(Some(Event::GoAway(reason)))
    }

    fn handle_hello(&mut self, payload: &[u8]) -> Result<(), PeerError> {
        match payload.first() {
            Some(&VERSION) => {}
            Some(&theirs) => return Err(PeerError::Version(theirs)),
            None => return Err(PeerError::BadHello),
        }
        // Bytes after the hello are fields of a later revision.
        let (hello, _) = postcard::take_from_bytes::<Hello<'_>>(payload).map_err(|_| PeerError::BadHello)?;
        if !hello.limits.is_valid() || !hello.identity.is_point() {
            return Err(PeerError::BadHello);
        }
        let identity = self.config.identity.identity();
        if hello.cluster != identity.cluster {
            return Err(PeerError::OtherCluster);
        }
        let greetings = Greetings {
            // Nothing is proved to a peer that was not greeted.
            ours: self.hello.ok_or(PeerError::Unproved)?,
            theirs: identity.sha256(payload),
            exporter: hello.exporter && self.channel.exporter.is_some(),
        };
        let Hello { identity: key, limits, .. } = hello;
        self.claimed = Some(Claimed { key, id: identity.id_of(key), limits, greetings });
        Ok(())
    }

    fn handle_proof<'b>(&mut self, payload: &'b [u8]) -> Result<Introduction<'b>, PeerError> {
        let Some(Claimed { key, id, limits, greetings }) = self.claimed else {
            return Err(PeerError::Unexpected(FrameKind::Proof));
        };
        let bad = PeerError::BadPayload(FrameKind::Proof);
        // Bytes after the record are fields of a later revision.
        let (proof, _) = postcard::take_from_bytes::<Proof<'b>>(payload).map_err(|_| bad)?;
        let Proof { signature, time, record } = proof;
        let verified =
            self.config.identity.identity().verify_proof(key, &self.channel, &greetings, &signature);
        if verified.is_err() || record.id != id {
            return Err(PeerError::BadProof(id));
        }
        if !self.proved {
            return Err(PeerError::Unproved);
        }
        self.peer = Some((id, limits));
        self.credit = Credit::new(limits.link_credit);
        self.phase = if self.go_away.is_some() { Phase::Draining } else { Phase::Up };
        Ok(Introduction { limits, time, record })
    }

    fn handle_open<'b>(&mut self, now: Instant, frame: Frame<'b>) -> Result<Option<Event<'b>>, PeerError> {
        let bad = PeerError::BadPayload(FrameKind::Open);
        let id = ExchangeId { side: Side::Theirs, number: frame.header.exchange };
        let (open, data) = Open::take(frame.payload).ok_or(bad)?;
        if id.generation() == 0 || frame.header.flags & RESPONDER != 0 {
            return Err(bad);
        }
        if self.go_away_received {
            return Err(PeerError::Unexpected(FrameKind::Open));
        }
        let allowed = usize::from(self.config.limits.exchanges);
        if id.slot() >= allowed {
            return Err(PeerError::TooManyExchanges);
        }
        let exchange = self.theirs.reach(id.slot()).ok_or(PeerError::TooManyExchanges)?;
        // A reset that is still owed is dropped: the peer reuses the slot, so it knows that the exchange is over.
        if matches!(exchange.stage, Stage::Live | Stage::Expired) {
            return Err(PeerError::TooManyExchanges);
        }
        if exchange.number == id.number {
            return Err(bad);
        }
        let end = frame.header.ends();
        *exchange = Exchange {
            number: id.number,
            stage: Stage::Live,
            credit: Credit::new(self.peer.map_or(0, |(_, limits)| limits.exchange_credit)),
            window: Window::new(self.config.limits.exchange_credit),
            deadline: now,
            sent_end: false,
            received_end: end,
        };
        if !exchange.window.receive(data.len()) || !self.window.receive(data.len()) {
            return Err(PeerError::OverCredit);
        }
        let Some(open) = open else {
            // The service is of a later version.
            exchange.give_up(ResetCode::Unknown);
            self.owing = true;
            self.window.consume(data.len());
            return Ok(None);
        };
        exchange.deadline = deadline(now, &open);
        self.deadline = Some(self.deadline.map_or(exchange.deadline, |first| first.min(exchange.deadline)));
        Ok(Some(Event::Opened { id, open, data, end }))
    }

    fn handle_data<'b>(&mut self, id: ExchangeId, frame: Frame<'b>) -> Result<Option<Event<'b>>, PeerError> {
        let data = frame.payload;
        if !self.window.receive(data.len()) {
            return Err(PeerError::OverCredit);
        }
        let end = frame.header.ends();
        let Some(exchange) = self.live_mut(id) else {
            // The bytes were under way when the exchange ended here. Their share of the link's credit is given back.
            self.window.consume(data.len());
            return Ok(None);
        };
        if exchange.received_end {
            return Err(PeerError::Unexpected(FrameKind::Data));
        }
        if !exchange.window.receive(data.len()) {
            return Err(PeerError::OverCredit);
        }
        exchange.received_end = end;
        exchange.settle();
        Ok(Some(if frame.header.flags & TRAILERS == 0 {
            Event::Data { id, data, end }
        } else {
            Event::Trailers { id, data, end }
        }))
    }
}
