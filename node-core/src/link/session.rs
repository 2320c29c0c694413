//! The link itself.

use super::error::{OpenError, PeerError, SendError};
use super::exchange::{Exchange, ExchangeId, Side, Stage, deadline};
use super::flow::{Credit, Window};
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::frame::{self, END, Frame, Kind, RESPONDER};
use crate::wire::gossip::MAX_MESSAGE;
use crate::wire::{
    Full, Goodbye, HEADER, Hello, Limits, MIN_FRAME, Open, Outbox, PREFACE, ResetCode, SliceOutbox, VERSION,
};

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
    /// A side said goodbye: exchanges under way are finished, none is opened here.
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
    Goodbye(Goodbye),
    /// A frame of a kind that this version does not know was skipped.
    Skipped(u8),
}

/// The protocol machine of one link. See the [module](super) for how its methods work together.
///
/// Times given to one link never go backwards.
pub struct Link<'s> {
    config: Config<'s>,
    ours: &'s mut [Exchange],
    theirs: &'s mut [Exchange],
    phase: Phase,
    peer: Option<(NodeId, Limits)>,
    preface_seen: bool,
    credit: Credit,
    window: Window,
    started: Instant,
    heard: Instant,
    ping: Ping,
    pong: Option<[u8; 8]>,
    goodbye: Option<Goodbye>,
    goodbye_sent: Option<Instant>,
    goodbye_received: bool,
    owing: bool,
    next_slot: usize,
    deadline: Option<Instant>,
    rtt: Option<Duration>,
}

/// The ping of this side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ping {
    Idle,
    Due,
    Sent(Instant),
}

impl<'s> Link<'s> {
    /// A link on a carrier that was just opened at `now`. `ours` and `theirs` are memory for the exchanges that
    /// either side opens; slots beyond 65,536 are not used.
    #[must_use]
    pub fn new(config: Config<'s>, ours: &'s mut [Exchange], theirs: &'s mut [Exchange], now: Instant) -> Self {
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
            goodbye: None,
            goodbye_sent: None,
            goodbye_received: false,
            owing: false,
            next_slot: 0,
            deadline: None,
            rtt: None,
        }
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
    /// [`PeerError`]: the link is over.
    pub fn handle_input<'b>(&mut self, now: Instant, input: &'b [u8]) -> Result<Input<'b>, PeerError> {
        let nothing = Input { consumed: 0, event: None };
        if self.phase == Phase::Over || input.is_empty() {
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
    /// [`PeerError::HelloTimeout`], [`PeerError::Unresponsive`]: the link is over.
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        match self.phase {
            Phase::Over => return Ok(()),
            Phase::Greeting if now.since(self.started) >= self.config.hello_timeout => {
                return Err(PeerError::HelloTimeout);
            }
            Phase::Greeting => return Ok(()),
            Phase::Up | Phase::Draining => {}
        }
        if self.lingers(now) {
            self.phase = Phase::Over;
            return Ok(());
        }
        let silence = now.since(self.heard);
        if silence >= self.config.ping_after + self.config.dead_after {
            return Err(PeerError::Unresponsive);
        }
        if silence >= self.config.ping_after && self.ping == Ping::Idle {
            self.ping = Ping::Due;
        }
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            for exchange in self.slots_mut().filter(|exchange| exchange.is_live() && now >= exchange.deadline) {
                exchange.stage = Stage::Expired;
            }
            self.deadline = self.slots().filter(|exchange| exchange.is_live()).map(|e| e.deadline).min();
        }
        Ok(())
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
        let head = postcard::to_slice(open, &mut head).map_err(|_| OpenError::Outbox)?;
        let usable = self.ours.len().min(limits.exchanges.into());
        let slot = (0..usable)
            .map(|offset| (self.next_slot + offset) % usable)
            .find(|&slot| self.ours.get(slot).is_some_and(|exchange| exchange.stage == Stage::Free))
            .ok_or(OpenError::Exchanges)?;
        let room = out.room().min(HEADER + usize::from(limits.frame));
        let room = room.checked_sub(HEADER + head.len()).ok_or(OpenError::Outbox)?;
        let taken =
            data.len().min(room).min(self.credit.available()).min(limits.exchange_credit as usize);
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
    pub fn ping(&mut self) {
        if self.ping == Ping::Idle {
            self.ping = Ping::Due;
        }
    }

    /// Ends the link. With a reason that [drains](Goodbye::drains) the exchanges under way are finished first.
    pub fn goodbye(&mut self, reason: Goodbye) {
        if self.phase == Phase::Over || self.goodbye.is_some_and(|earlier| !earlier.drains()) {
            return;
        }
        if self.goodbye.is_none() || !reason.drains() {
            self.goodbye = Some(reason);
            self.goodbye_sent = None;
        }
        if self.phase == Phase::Up {
            self.phase = Phase::Draining;
        }
    }

    // What to do next

    /// Writes what the link owes: credit, resets, pings, goodbye. Call it after input, commands and time; what
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
        let alive = match (self.phase, self.ping) {
            (Phase::Over, _) => return None,
            (Phase::Greeting, _) => return Some(self.started + self.config.hello_timeout),
            (_, Ping::Idle) => self.heard + self.config.ping_after,
            _ => self.heard + self.config.ping_after + self.config.dead_after,
        };
        let linger = self.goodbye_sent.map(|sent| sent + self.config.dead_after);
        [self.deadline, linger].into_iter().flatten().fold(Some(alive), |first, next| first.min(Some(next)))
    }

    // Inside

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
            (Kind::Hello, None) => self.handle_hello(frame.payload).map(|hello| Some(Event::Up(hello))),
            (Kind::Hello, Some(_)) | (_, None) => Err(PeerError::Unexpected(kind)),
            (Kind::Gossip, _) if frame.payload.len() > MAX_MESSAGE => Err(bad),
            (Kind::Gossip, _) => Ok(Some(Event::Gossip(frame.payload))),
            (Kind::Open, _) => self.handle_open(now, frame),
            (Kind::Data, _) => self.handle_data(id, frame),
            (Kind::Reset, _) => {
                let code = postcard::from_bytes(frame.payload).map_err(|_| bad)?;
                let Some(exchange) = self.known_mut(id) else { return Ok(None) };
                let told = exchange.is_live() || exchange.stage == Stage::Expired;
                exchange.stage = Stage::Free;
                Ok(told.then_some(Event::Reset { id, code }))
            }
            (Kind::Credit, _) => {
                let bytes = u32::from_le_bytes(frame.payload.try_into().map_err(|_| bad)?);
                if frame.header.exchange == 0 {
                    self.credit.add(bytes);
                    return Ok(Some(Event::Credit(None)));
                }
                let Some(exchange) = self.live_mut(id) else { return Ok(None) };
                exchange.credit.add(bytes);
                Ok(Some(Event::Credit(Some(id))))
            }
            (Kind::Ping, _) => {
                self.pong = Some(frame.payload.try_into().map_err(|_| bad)?);
                Ok(None)
            }
            (Kind::Pong, _) => {
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
            (Kind::Goodbye, _) => {
                let reason: Goodbye = postcard::from_bytes(frame.payload).map_err(|_| bad)?;
                self.goodbye_received = true;
                if reason.drains() {
                    self.goodbye(Goodbye::Agreed);
                } else {
                    self.phase = Phase::Over;
                }
                Ok(Some(Event::Goodbye(reason)))
            }
        }
    }

    fn handle_hello<'b>(&mut self, payload: &'b [u8]) -> Result<Hello<'b>, PeerError> {
        match payload.first() {
            Some(&VERSION) => {}
            Some(&theirs) => return Err(PeerError::Version(theirs)),
            None => return Err(PeerError::BadHello),
        }
        // Bytes after it are a later revision's fields.
        let (hello, _) = postcard::take_from_bytes::<Hello<'b>>(payload).map_err(|_| PeerError::BadHello)?;
        if !hello.limits.is_valid() {
            return Err(PeerError::BadHello);
        }
        if hello.cluster != self.config.cluster {
            return Err(PeerError::OtherCluster);
        }
        if hello.record.id == self.config.id {
            return Err(PeerError::Itself(hello.record.id));
        }
        self.peer = Some((hello.record.id, hello.limits));
        self.credit = Credit::new(hello.limits.link_credit);
        self.phase = if self.goodbye.is_some() { Phase::Draining } else { Phase::Up };
        Ok(hello)
    }

    fn handle_open<'b>(&mut self, now: Instant, frame: Frame<'b>) -> Result<Option<Event<'b>>, PeerError> {
        let bad = PeerError::BadPayload(Kind::Open);
        let id = ExchangeId { side: Side::Theirs, number: frame.header.exchange };
        let (open, data) = postcard::take_from_bytes::<Open>(frame.payload).map_err(|_| bad)?;
        if open.budget_ms == 0 || id.number == 0 || frame.header.flags & RESPONDER != 0 {
            return Err(bad);
        }
        let allowed = usize::from(self.config.limits.exchanges);
        let exchange = self
            .theirs
            .get_mut(id.slot())
            .filter(|_| id.slot() < allowed)
            .ok_or(PeerError::TooManyExchanges)?;
        // A reset that is still owed is dropped: by reusing the slot the peer shows that it is done with it.
        if matches!(exchange.stage, Stage::Live | Stage::Expired) {
            return Err(PeerError::TooManyExchanges);
        }
        let end = frame.header.ends();
        *exchange = Exchange {
            number: id.number,
            stage: Stage::Live,
            credit: Credit::new(self.peer.map_or(0, |(_, limits)| limits.exchange_credit)),
            window: Window::new(self.config.limits.exchange_credit),
            deadline: deadline(now, &open),
            sent_end: false,
            received_end: end,
        };
        if !exchange.window.receive(data.len()) || !self.window.receive(data.len()) {
            return Err(PeerError::OverCredit);
        }
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
            // Under way when the exchange ended here: dropped, and its share of the link's credit given back.
            self.window.consume(data.len());
            return Ok(None);
        };
        if exchange.received_end {
            return Err(PeerError::Unexpected(Kind::Data));
        }
        if !exchange.window.receive(data.len()) {
            return Err(PeerError::OverCredit);
        }
        exchange.received_end = end;
        exchange.settle();
        Ok(Some(Event::Data { id, data, end }))
    }

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
            frame::put(out, (Kind::Credit, 0, 0), [&grant, &[]])?;
        }
        if let Some(pong) = self.pong {
            frame::put(out, (Kind::Pong, 0, 0), [&pong, &[]])?;
            self.pong = None;
        }
        if self.ping == Ping::Due && self.peer.is_some() {
            frame::put(out, (Kind::Ping, 0, 0), [&now.as_micros().to_le_bytes(), &[]])?;
            self.ping = Ping::Sent(now);
        }
        if let (Some(reason), None) = (self.goodbye, self.goodbye_sent) {
            let mut payload = [0; 8];
            let payload = postcard::to_slice(&reason, &mut payload).map_err(|_| Full)?;
            frame::put(out, (Kind::Goodbye, 0, 0), [payload, &[]])?;
            self.goodbye_sent = Some(now);
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
                        frame::put(out, (Kind::Reset, side, exchange.number), [payload, &[]])?;
                        exchange.stage = Stage::Free;
                    }
                    Stage::Live if exchange.window.due() && !exchange.received_end => {
                        if out.room() < HEADER + 4 {
                            return Err(Full);
                        }
                        let grant = exchange.window.grant().to_le_bytes();
                        frame::put(out, (Kind::Credit, side, exchange.number), [&grant, &[]])?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Ends the link when both sides said goodbye and nothing is under way, or at once after a goodbye that
    /// does not drain.
    fn settle(&mut self) {
        let Some(reason) = self.goodbye.filter(|_| self.goodbye_sent.is_some()) else { return };
        if !reason.drains() || (self.goodbye_received && self.in_flight() == 0) {
            self.phase = Phase::Over;
        }
    }

    /// A peer that returns no goodbye is not waited for longer than one that is silent.
    fn lingers(&self, now: Instant) -> bool {
        self.goodbye_sent.is_some_and(|sent| now.since(sent) >= self.config.dead_after) && self.in_flight() == 0
    }

    fn slots(&self) -> impl Iterator<Item = &Exchange> {
        self.ours.iter().chain(self.theirs.iter())
    }

    fn slots_mut(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.ours.iter_mut().chain(self.theirs.iter_mut())
    }

    fn known_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        let slots = match id.side {
            Side::Ours => &mut *self.ours,
            Side::Theirs => &mut *self.theirs,
        };
        slots.get_mut(id.slot()).filter(|exchange| exchange.number == id.number && exchange.stage != Stage::Free)
    }

    fn live_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        self.known_mut(id).filter(|exchange| exchange.is_live())
    }
}
