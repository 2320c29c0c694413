//! Two links joined by byte pipes, in virtual time. The bytes of each exchange follow from its serial, so each end checks
//! every byte that arrives.

use std::collections::{BTreeMap, VecDeque};

use node_core::id::NodeId;
use node_core::identity::Channel;
use node_core::identity::Identity;
use node_core::link::{
    Config, Event, Exchange, ExchangeId, Full, GoAway, Hello, LentLink, Limits, Open, OpenError, Outbox,
    PeerError, Phase, ResetCode, SendError, Service, Side,
};
use node_core::sim::toy;
use node_core::time::{Duration, Instant};
use node_core::wire::{Kind, Metadata, Record, VERSION};

/// Limits so small that a test reaches each of them.
pub const SMALL: Limits =
    Limits { frame: 1024, exchanges: 2, exchange_credit: 700, link_credit: 1000, members: 16 };
/// Limits of a larger node.
pub const LARGE: Limits =
    Limits { frame: 16384, exchanges: 5, exchange_credit: 5000, link_credit: 9000, members: 1000 };

/// Short frames and much credit.
pub const NARROW: Limits = Limits { frame: 1024, ..LARGE };

pub fn id(number: u8) -> NodeId {
    NodeId([number; 16])
}

pub fn config(number: u8, limits: Limits) -> Config<Identity<'static>> {
    let five = Duration::from_secs(5);
    Config {
        identity: toy::identity("test", id(number)),
        limits,
        hello_timeout: five,
        ping_after: five,
        ping_timeout: five,
    }
}

/// The nonce of every link: real ones are random.
pub const NONCE: [u8; 32] = [7; 32];

pub fn hello<'b>(config: &Config<Identity<'b>>) -> Hello<'b> {
    let Config { identity, limits, .. } = config;
    let (cluster, identity) = (identity.cluster, identity.key);
    Hello { version: VERSION, cluster, limits: *limits, identity, nonce: NONCE, exporter: false }
}

/// The record of a node, which introduces it.
pub fn record<'b>(config: &Config<Identity<'_>>, buffer: &'b mut [u8]) -> Record<'b> {
    toy::record(&config.identity, 1, &Metadata::new("node", Kind::Hub), buffer).unwrap()
}

/// A bounded buffer of outgoing bytes.
pub struct Bytes {
    pub queue: VecDeque<u8>,
    pub bound: usize,
}

impl Outbox for Bytes {
    fn put(&mut self, parts: &[&[u8]]) -> Result<(), Full> {
        if parts.iter().map(|part| part.len()).sum::<usize>() > self.room() {
            return Err(Full);
        }
        parts.iter().for_each(|part| self.queue.extend(*part));
        Ok(())
    }

    fn room(&self) -> usize {
        self.bound.saturating_sub(self.queue.len())
    }
}

/// How one end's view of an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    Reset,
    PeerReset(ResetCode),
    Expired,
}

/// One end's view of an exchange.
#[derive(Debug)]
pub struct Talk {
    pub serial: u32,
    pub to_send: usize,
    pub sent: usize,
    pub sent_end: bool,
    pub received: usize,
    pub received_end: bool,
    pub held: usize,
}

/// One end of the link.
pub struct End {
    config: Config<Identity<'static>>,
    pub link: LentLink<'static>,
    pub out: Bytes,
    pub input: Vec<u8>,
    pub talks: BTreeMap<ExchangeId, Talk>,
    /// By serial.
    pub outcomes: BTreeMap<u32, Outcome>,
    pub pongs: usize,
    pub go_away: Option<GoAway>,
}

/// Byte `at` of one direction of an exchange.
fn byte(serial: u32, response: bool, at: usize) -> u8 {
    (serial as usize * 31 + at * 7 + usize::from(response) * 101) as u8
}

/// Bytes in the response to a request.
fn response_len(serial: u32) -> usize {
    (serial as usize * 977) % 3000
}

fn pattern(serial: u32, response: bool, from: usize, to: usize) -> Vec<u8> {
    (from..to).map(|at| byte(serial, response, at)).collect()
}

impl End {
    pub fn new(config: Config<Identity<'static>>, bound: usize) -> Self {
        let slots = |count: u16| Vec::leak(std::vec![Exchange::FREE; count.into()]);
        // More are lent than announced: it is the announced limit that binds.
        let (ours, theirs) = (slots(4), slots(config.limits.exchanges + 2));
        let mut link = LentLink::new(config, ours, theirs, Instant::START);
        let mut out = Bytes { queue: VecDeque::new(), bound };
        link.greet(NONCE, Channel::default(), &mut out).unwrap();
        Self {
            config,
            link,
            out,
            input: Vec::new(),
            talks: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            pongs: 0,
            go_away: None,
        }
    }

    pub fn open(&mut self, now: Instant, serial: u32, len: usize, budget_ms: u32) -> Result<(), OpenError> {
        let mut to = [0; 16];
        to[..4].copy_from_slice(&serial.to_le_bytes());
        let open = Open { to: Some(NodeId(to)), hops: 0, budget_ms, service: Service::Http };
        let data = pattern(serial, false, 0, len);
        let (id, sent) = self.link.open(now, &open, &data, true, &mut self.out)?;
        let talk = Talk {
            serial,
            to_send: len,
            sent,
            sent_end: sent == len,
            received: 0,
            received_end: false,
            held: 0,
        };
        assert!(self.talks.insert(id, talk).is_none(), "{id:?} is given twice");
        Ok(())
    }

    pub fn send(&mut self, id: ExchangeId, most: usize) {
        let Some(talk) = self.talks.get_mut(&id).filter(|talk| !talk.sent_end) else { return };
        let to = talk.to_send.min(talk.sent.saturating_add(most));
        let end = to == talk.to_send;
        let data = pattern(talk.serial, id.side == Side::Theirs, talk.sent, to);
        match self.link.send(id, &data, end, &mut self.out) {
            Ok(taken) => {
                talk.sent += taken;
                talk.sent_end = end && talk.sent == talk.to_send;
            }
            Err(SendError::Credit | SendError::Outbox) => {}
            Err(SendError::Closed) => panic!("{id:?} is closed while it is under way"),
        }
        self.finish(id);
    }

    pub fn release(&mut self, id: ExchangeId, most: usize) {
        let Some(talk) = self.talks.get_mut(&id) else { return };
        let bytes = talk.held.min(most);
        talk.held -= bytes;
        self.link.release(id, bytes);
    }

    pub fn reset(&mut self, id: ExchangeId) {
        self.link.reset(id, ResetCode::Cancelled);
        self.over(id, Outcome::Reset);
    }

    /// Takes what is in `input`, frame by frame.
    pub fn receive(&mut self, now: Instant) -> Result<(), PeerError> {
        let input = core::mem::take(&mut self.input);
        let mut rest = input.as_slice();
        loop {
            let taken = self.link.handle_input(now, rest)?;
            rest = &rest[taken.consumed..];
            let consumed = taken.consumed;
            match taken.event {
                Some(Event::Greeted) => {
                    let mut buffer = [0; 256];
                    let record = record(&self.config, &mut buffer);
                    self.link.prove(None, record, &mut self.out).unwrap();
                }
                Some(Event::Opened { id, open, data, end }) => {
                    let to = open.to.unwrap().0;
                    let serial = u32::from_le_bytes([to[0], to[1], to[2], to[3]]);
                    let to_send = response_len(serial);
                    let talk = Talk {
                        serial,
                        to_send,
                        sent: 0,
                        sent_end: false,
                        received: 0,
                        received_end: false,
                        held: 0,
                    };
                    assert!(self.talks.insert(id, talk).is_none(), "{id:?} is opened while it is under way");
                    self.take(id, data, end);
                }
                Some(Event::Data { id, data, end } | Event::Trailers { id, data, end }) => {
                    self.take(id, data, end)
                }
                Some(Event::Reset { id, code }) => self.over(id, Outcome::PeerReset(code)),
                Some(Event::Pong(_)) => self.pongs += 1,
                Some(Event::GoAway(reason)) => self.go_away = Some(reason),
                _ => {}
            }
            if consumed == 0 || rest.is_empty() {
                break;
            }
        }
        self.input = rest.to_vec();
        Ok(())
    }

    pub fn tick(&mut self, now: Instant) -> Result<(), PeerError> {
        self.link.handle_timeout(now)?;
        while let Some(id) = self.link.poll_expired() {
            self.over(id, Outcome::Expired);
        }
        self.link.poll_transmit(now, &mut self.out);
        Ok(())
    }

    fn take(&mut self, id: ExchangeId, data: &[u8], end: bool) {
        let talk = self.talks.get_mut(&id).expect("bytes belong to an exchange under way");
        let expected = pattern(talk.serial, id.side == Side::Ours, talk.received, talk.received + data.len());
        assert_eq!(data, expected, "{id:?}: other bytes than were sent");
        talk.received += data.len();
        talk.held += data.len();
        talk.received_end = end;
        if end && id.side == Side::Ours {
            assert_eq!(talk.received, response_len(talk.serial), "{id:?} ended early");
        }
        self.finish(id);
    }

    fn finish(&mut self, id: ExchangeId) {
        if self.talks.get(&id).is_some_and(|talk| talk.sent_end && talk.received_end) {
            self.over(id, Outcome::Done);
        }
    }

    fn over(&mut self, id: ExchangeId, outcome: Outcome) {
        let talk = self.talks.remove(&id).expect("an exchange is over once");
        self.outcomes.insert(talk.serial, outcome);
        self.link.release(id, talk.held);
    }
}

/// Both ends and the time.
pub struct Pair {
    pub ends: [End; 2],
    pub now: Instant,
}

impl Pair {
    pub fn new(limits: [Limits; 2], bound: usize) -> Self {
        let [a, b] = limits;
        Self { ends: [End::new(config(1, a), bound), End::new(config(2, b), bound)], now: Instant::START }
    }

    /// A pair that has said hello.
    pub fn up(limits: [Limits; 2], bound: usize) -> Self {
        let mut pair = Self::new(limits, bound);
        pair.exchange_all();
        assert!(pair.ends.iter().all(|end| end.link.phase() == Phase::Up));
        pair
    }

    /// Moves at most `most` bytes away from one end.
    pub fn carry(&mut self, from: usize, most: usize) {
        let count = most.min(self.ends[from].out.queue.len());
        let bytes: Vec<u8> = self.ends[from].out.queue.drain(..count).collect();
        let to = &mut self.ends[1 - from];
        to.input.extend(bytes);
        to.receive(self.now).expect("honest sides do not offend each other");
        assert!(to.input.len() < 65536 + 8, "the input is bounded");
    }

    pub fn tick(&mut self) {
        for end in &mut self.ends {
            end.tick(self.now).expect("honest sides do not offend each other");
        }
    }

    pub fn advance(&mut self, time: Duration) {
        self.now = self.now + time;
        self.tick();
    }

    /// Carries bytes both ways until there are none.
    pub fn exchange_all(&mut self) {
        loop {
            self.tick();
            if self.ends.iter().all(|end| end.out.queue.is_empty()) {
                break;
            }
            self.carry(0, usize::MAX);
            self.carry(1, usize::MAX);
        }
    }

    /// Lets both ends send, release and carry everything that is under way.
    pub fn finish(&mut self) {
        for _ in 0..10_000 {
            self.exchange_all();
            let mut busy = false;
            for end in &mut self.ends {
                for id in end.talks.keys().copied().collect::<Vec<_>>() {
                    busy = true;
                    end.release(id, usize::MAX);
                    end.send(id, usize::MAX);
                }
            }
            if !busy {
                self.exchange_all();
                return;
            }
        }
        panic!("deadlock: {:?} {:?}", self.ends[0].talks, self.ends[1].talks);
    }
}
