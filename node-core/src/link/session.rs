//! The link itself.

use super::error::{OpenError, PeerError, SendError};
use super::exchange::{Exchange, ExchangeId, Side, Stage, deadline};
use super::flow::{Credit, Window};
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::frame::{self, END, Frame, Kind, RESPONDER};
use crate::wire::gossip::MAX_MESSAGE;
use crate::wire::{Full, GoAway, HEADER, Hello, Limits, MIN_FRAME, Open, Outbox, PREFACE, ResetCode};

/// What a link needs to know of its own node.
#[derive(Clone, Copy, Debug)]
pub struct Config<'c> {
    /// This node.
    pub id: NodeId,
    /// Its cluster.
    pub cluster: &'c str,
    /// What this node takes on the link. `exchanges` must not exceed the slots lent for the peer's exchanges.
    pub limits: Limits,
    /// How long the peer has for its hello; 5 s is usual.
    pub hello_timeout: Duration,
    /// Silence after which the peer is pinged; 5 s is usual, longer for a board on a battery.
    pub ping_after: Duration,
    /// Further silence after which the link is dead; 5 s is usual.
    pub dead_after: Duration,
}

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The peer has not said hello.
    Greeting,
    /// Everything goes.
    Up,
    /// A side said GOAWAY: exchanges under way are finished, none is opened here.
    Draining,
    /// Nothing is left to do: close the carrier.
    Over,
}

/// What [`Link::handle_input`] made of its input.
#[derive(Debug)]
pub struct Input<'b> {
    /// Bytes consumed; 0 when more must arrive first.
    pub consumed: usize,
    /// What they mean, if it concerns the adapter.
    pub event: Option<Event<'b>>,
}

/// What the peer did. Bytes that come with an exchange count against credit until they are
/// [released](Link::release).
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'b> {
    /// The peer's hello: the link is up.
    Up(Hello<'b>),
    /// The peer opens an exchange.
    Opened {
        /// Which.
        id: ExchangeId,
        /// What it asks for.
        open: Open,
        /// First bytes of the request.
        data: &'b [u8],
        /// No more follow.
        end: bool,
    },
    /// Bytes of an exchange.
    Data {
        /// Which.
        id: ExchangeId,
        /// Its bytes.
        data: &'b [u8],
        /// No more follow.
        end: bool,
    },
    /// The peer gave the exchange up; it is over.
    Reset {
        /// Which.
        id: ExchangeId,
        /// Why.
        code: ResetCode,
    },
    /// More may be sent: on one exchange, or with `None` on any.
    Credit(Option<ExchangeId>),
    /// A gossip message.
    Gossip(&'b [u8]),
    /// A ping returned after this time.
    Pong(Duration),
    /// The peer ends the link; no further exchange may be opened here.
    GoAway(GoAway),
    /// A frame of a kind that this version does not know was skipped.
    Skipped(u8),
}

/// The protocol machine of one link. See the [module](super) for how its methods work together.
///
/// Times given to one link never go backwards.
pub struct Link<'s> {
    pub(super) config: Config<'s>,
    pub(super) ours: &'s mut [Exchange],
    pub(super) theirs: &'s mut [Exchange],
    pub(super) phase: Phase,
    pub(super) peer: Option<(NodeId, Limits)>,
    pub(super) preface_seen: bool,
    pub(super) credit: Credit,
    pub(super) window: Window,
    pub(super) started: Instant,
    pub(super) heard: Instant,
    pub(super) ping: Ping,
    pub(super) pong: Option<[u8; 8]>,
    pub(super) go_away: Option<GoAway>,
    pub(super) go_away_sent: Option<Instant>,
    pub(super) go_away_received: bool,
    pub(super) owing: bool,
    pub(super) next_slot: usize,
    pub(super) deadline: Option<Instant>,
    pub(super) rtt: Option<Duration>,
}

/// The ping of this side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ping {
    Idle,
    /// To be sent since then.
    Due(Instant),
    Sent(Instant),
}

impl<'s> Link<'s> {
    /// A link on a carrier that was just opened at `now`. `ours` and `theirs` are memory for the exchanges that
    /// either side opens; slots beyond 65,536 are not used.
    #[must_use]
    pub fn new(
        config: Config<'s>,
        ours: &'s mut [Exchange],
        theirs: &'s mut [Exchange],
        now: Instant,
    ) -> Self {
        ours.fill(Exchange::FREE);
        theirs.fill(Exchange::FREE);
        let window = Window::new(config.limits.link_credit);
        Self {
            config,
            ours,
            theirs,
            phase: Phase::Greeting,
            peer: None,
            preface_seen: false,
            credit: Credit::new(0),
            window,
            started: now,
            heard: now,
            ping: Ping::Idle,
            pong: None,
            go_away: None,
            go_away_sent: None,
            go_away_received: false,
            owing: false,
            next_slot: 0,
            deadline: None,
            rtt: None,
        }
    }

    /// The same memory for a new carrier that was just opened at `now`: everything else is forgotten.
    pub fn restart(&mut self, now: Instant) {
        let (ours, theirs) = (core::mem::take(&mut self.ours), core::mem::take(&mut self.theirs));
        *self = Self::new(self.config, ours, theirs, now);
    }

    // Getters

    /// Where the link is in its life.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Who the peer is and what it takes, once it has said hello.
    #[must_use]
    pub const fn peer(&self) -> Option<(NodeId, Limits)> {
        self.peer
    }

    /// The last measured round trip.
    #[must_use]
    pub const fn rtt(&self) -> Option<Duration> {
        self.rtt
    }

    /// Exchanges under way, of both sides.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slots().filter(|exchange| exchange.stage != Stage::Free).count()
    }

    // What happened

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
        self.heard = now;
        let event = self.handle_frame(now, frame)?;
        self.settle();
        Ok(Input { consumed: frame.len(), event })
    }

    /// Tells the link what time it is; call it no later than [`poll_timeout`](Self::poll_timeout) says, then
    /// drain [`poll_expired`](Self::poll_expired).
    ///
    /// # Errors
    /// [`PeerError::HelloTimeout`], [`PeerError::Unresponsive`]: the link is over, as after
    /// [`handle_input`](Self::handle_input).
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        if self.lingers(now) {
            self.phase = Phase::Over;
        }
        if self.phase == Phase::Over {
            return Ok(());
        }
        self.expire(now);
        if now < self.silence_ends() {
            return Ok(());
        }
        if self.is_ending() {
            // The carrier does not even take the GOAWAY.
            self.phase = Phase::Over;
            return Ok(());
        }
        let error = match self.ping {
            _ if self.peer.is_none() => PeerError::HelloTimeout,
            Ping::Idle => {
                self.ping = Ping::Due(now);
                return Ok(());
            }
            Ping::Due(_) | Ping::Sent(_) => PeerError::Unresponsive,
        };
        self.go_away(error.go_away());
        Err(error)
    }

    fn expire(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            for exchange in self.slots_mut().filter(|exchange| exchange.is_live() && now >= exchange.deadline)
            {
                exchange.stage = Stage::Expired;
            }
            self.deadline = self.slots().filter(|exchange| exchange.is_live()).map(|e| e.deadline).min();
        }
    }

    // Commands

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
        frame::put(out, (Kind::Hello, 0, 0), [payload, &[]])
    }

    /// Opens an exchange and sends as much of `data` as fits; `end` says that the request ends with `data`.
    /// Returns the exchange and the bytes taken: when these are fewer, send the rest, and the end, later.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was sent.
    pub fn open(
        &mut self,
        now: Instant,
        open: &Open,
        (data, end): (&[u8], bool),
        out: &mut impl Outbox,
    ) -> Result<(ExchangeId, usize), OpenError> {
        let limits = match (self.phase, self.peer) {
            (Phase::Up, Some((_, limits))) => limits,
            (Phase::Draining | Phase::Over, _) => return Err(OpenError::Draining),
            _ => return Err(OpenError::NotUp),
        };
        let mut head = [0; Open::MAX_BYTES];
        let head = open.encode(&mut head).ok_or(OpenError::Outbox)?;
        let usable = self.ours.len().min(limits.exchanges.into());
        let slot = (0..usable)
            .map(|offset| (self.next_slot + offset) % usable)
            .find(|&slot| self.ours.get(slot).is_some_and(|exchange| exchange.stage == Stage::Free))
            .ok_or(OpenError::Exchanges)?;
        let room = out.room().min(HEADER + usize::from(limits.frame));
        let room = room.checked_sub(HEADER + head.len()).ok_or(OpenError::Outbox)?;
        let taken = data.len().min(room).min(self.credit.available()).min(limits.exchange_credit as usize);
        let ends = end && taken == data.len();
        let exchange = self.ours.get_mut(slot).ok_or(OpenError::Exchanges)?;
        let generation = (exchange.number >> 16) % 0xffff + 1;
        let number = generation << 16 | u32::try_from(slot).unwrap_or(0xffff);
        let flags = if ends { END } else { 0 };
        let data = data.get(..taken).unwrap_or_default();
        frame::put(out, (Kind::Open, flags, number), [head, data]).map_err(|_| OpenError::Outbox)?;
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
        self.next_slot = (slot + 1) % usable;
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
        (data, end): (&[u8], bool),
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
        let flag = if id.side == Side::Theirs { RESPONDER } else { 0 };
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
            if frame::put(out, (Kind::Data, flags, id.number), [bytes, &[]]).is_err() {
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

    /// Gives an exchange up; the peer is told by the next [`poll_transmit`](Self::poll_transmit). Bytes of it
    /// that were not released yet still must be.
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

    /// Sends a gossip message.
    ///
    /// # Errors
    /// [`Full`]: the link is not up, the outbox has no room, or the message is longer than
    /// [`MAX_MESSAGE`].
    pub fn gossip(&mut self, message: &[u8], out: &mut impl Outbox) -> Result<(), Full> {
        if !matches!(self.phase, Phase::Up | Phase::Draining) || message.len() > MAX_MESSAGE {
            return Err(Full);
        }
        frame::put(out, (Kind::Gossip, 0, 0), [message, &[]])
    }

    /// Measures the round trip: an [`Event::Pong`] will follow.
    pub fn ping(&mut self, now: Instant) {
        if self.ping == Ping::Idle {
            self.ping = Ping::Due(now);
        }
    }

    /// Ends the link. With a reason that [drains](GoAway::drains) the exchanges under way are finished first.
    pub fn go_away(&mut self, reason: GoAway) {
        if self.phase == Phase::Over || self.go_away.is_some_and(|earlier| !earlier.drains()) {
            return;
        }
        if self.go_away.is_none() || !reason.drains() {
            self.go_away = Some(reason);
            self.go_away_sent = None;
        }
        if self.phase == Phase::Up {
            self.phase = Phase::Draining;
        }
    }

    // What to do next

    /// Writes what the link owes: credit, resets, pings, GOAWAY. Call it after input, commands and time; what
    /// does not fit is written by a later call.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut impl Outbox) {
        if self.phase != Phase::Over && self.transmit(now, out).is_ok() {
            self.settle();
        }
    }

    /// An exchange that ran out of time; the peer is told by the next [`poll_transmit`](Self::poll_transmit).
    pub fn poll_expired(&mut self) -> Option<ExchangeId> {
        for (side, slots) in [(Side::Ours, &mut *self.ours), (Side::Theirs, &mut *self.theirs)] {
            if let Some(exchange) = slots.iter_mut().find(|exchange| exchange.stage == Stage::Expired) {
                exchange.stage = Stage::Resetting(ResetCode::Timeout);
                self.owing = true;
                return Some(ExchangeId { side, number: exchange.number });
            }
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        [Some(self.silence_ends()), self.deadline, self.linger_ends()].into_iter().flatten().min()
    }

    // Inside

    /// When the peer has been silent for so long that something must be done. A peer is called unresponsive only
    /// when it was asked, so a node that itself stood still for a while does not blame its peers.
    fn silence_ends(&self) -> Instant {
        match self.ping {
            _ if self.peer.is_none() => self.started + self.config.hello_timeout,
            Ping::Idle => self.heard + self.config.ping_after,
            Ping::Due(at) | Ping::Sent(at) => at.max(self.heard) + self.config.dead_after,
        }
    }

    /// Whether a GOAWAY that does not drain was said: nothing that the peer does matters any more.
    fn is_ending(&self) -> bool {
        self.phase == Phase::Over || self.go_away.is_some_and(|reason| !reason.drains())
    }

    /// Ends the link when both sides said GOAWAY and nothing is under way, or at once after a GOAWAY that
    /// does not drain.
    pub(super) fn settle(&mut self) {
        let Some(reason) = self.go_away.filter(|_| self.go_away_sent.is_some()) else { return };
        if !reason.drains() || (self.go_away_received && self.in_flight() == 0) {
            self.phase = Phase::Over;
        }
    }

    /// When the wait for the peer's GOAWAY ends: it is not waited for longer than one that is silent.
    fn linger_ends(&self) -> Option<Instant> {
        let said = self.go_away_sent?;
        (self.in_flight() == 0).then(|| said + self.config.dead_after)
    }

    fn lingers(&self, now: Instant) -> bool {
        self.linger_ends().is_some_and(|end| now >= end)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = &Exchange> {
        self.ours.iter().chain(self.theirs.iter())
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.ours.iter_mut().chain(self.theirs.iter_mut())
    }

    pub(super) fn known_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        let slots = match id.side {
            Side::Ours => &mut *self.ours,
            Side::Theirs => &mut *self.theirs,
        };
        slots
            .get_mut(id.slot())
            .filter(|exchange| exchange.number == id.number && exchange.stage != Stage::Free)
    }

    pub(super) fn live_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        self.known_mut(id).filter(|exchange| exchange.is_live())
    }
}
