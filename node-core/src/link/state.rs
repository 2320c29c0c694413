//! The state of a link, and how its exchanges are found. The files above in this room add methods to it.

use super::config::Config;
use super::exchange::{Exchange, ExchangeId, Side, Slots, Stage};
use super::flow::{Credit, Window};
use crate::crypto::PublicKey;
use crate::id::NodeId;
use crate::identity::{Channel, Greetings, Identify, Identity};
use crate::time::{Duration, Instant};
use crate::wire::{GoAway, Limits};

/// The protocol machine of one link. See the [module](super) for how its methods work together.
///
/// Times given to one link never go backwards.
pub struct Link<I, S> {
    pub(super) config: Config<I>,
    pub(super) ours: S,
    pub(super) theirs: S,
    pub(super) phase: Phase,
    /// The channel under the link, which the proofs bind.
    pub(super) channel: Channel,
    /// SHA-256 of this node's hello, once it is said.
    pub(super) hello: Option<[u8; 32]>,
    /// This node proved its identity.
    pub(super) proved: bool,
    /// The peer as its hello says, which its proof shows to be true or not.
    pub(super) claimed: Option<Claimed>,
    /// The peer, once it proved its identity.
    pub(super) peer: Option<(NodeId, Limits)>,
    pub(super) preface_seen: bool,
    pub(super) credit: Credit,
    pub(super) window: Window,
    pub(super) started: Instant,
    /// When the last whole frame arrived.
    pub(super) received_at: Instant,
    pub(super) ping: Ping,
    /// The payload of a ping that is not answered yet.
    pub(super) pong: Option<[u8; 8]>,
    pub(super) go_away: Option<GoAway>,
    pub(super) go_away_sent: Option<Instant>,
    pub(super) go_away_received: bool,
    /// An exchange owes its peer credit or a reset.
    pub(super) owing: bool,
    /// The time budget of some exchange ran out, and the adapter has not heard of it.
    pub(super) expired: bool,
    /// The earliest deadline of an exchange under way.
    pub(super) deadline: Option<Instant>,
    pub(super) rtt: Option<Duration>,
}

/// The phase of a link's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The peer has not proved its identity.
    Greeting,
    /// Gossip flows and exchanges are opened.
    Up,
    /// A side said GOAWAY: exchanges under way are finished, none is opened here.
    Draining,
    /// The link is over: close the carrier.
    Over,
}

/// A peer that said hello.
#[derive(Clone, Copy)]
pub(super) struct Claimed {
    pub(super) key: PublicKey,
    pub(super) id: NodeId,
    pub(super) limits: Limits,
    pub(super) greetings: Greetings,
}

/// The ping that this node sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ping {
    /// None is under way.
    Idle,
    /// It is to be sent, since this time.
    Due(Instant),
    /// It was sent at this time and is not answered.
    Sent(Instant),
}

/// A link that borrows all its memory.
pub type LentLink<'s> = Link<Identity<'s>, &'s mut [Exchange]>;

impl<I: Identify, S: Slots> Link<I, S> {
    /// A link on a carrier that was just opened at `now`. `ours` and `theirs` are memory for the exchanges that
    /// either side opens; slots beyond 65,536 are not used.
    #[must_use]
    pub fn new(config: Config<I>, mut ours: S, mut theirs: S, now: Instant) -> Self {
        ours.all_mut().fill(Exchange::FREE);
        theirs.all_mut().fill(Exchange::FREE);
        let window = Window::new(config.limits.link_credit);
        Self {
            config,
            ours,
            theirs,
            phase: Phase::Greeting,
            channel: Channel::default(),
            hello: None,
            proved: false,
            claimed: None,
            peer: None,
            preface_seen: false,
            credit: Credit::new(0),
            window,
            started: now,
            received_at: now,
            ping: Ping::Idle,
            pong: None,
            go_away: None,
            go_away_sent: None,
            go_away_received: false,
            owing: false,
            expired: false,
            deadline: None,
            rtt: None,
        }
    }

    /// The same memory for a new carrier that was just opened at `now`: everything else is forgotten.
    pub fn restart(&mut self, now: Instant)
    where
        I: Clone,
    {
        let (ours, theirs) = (core::mem::take(&mut self.ours), core::mem::take(&mut self.theirs));
        *self = Self::new(self.config.clone(), ours, theirs, now);
    }

    // Getters

    /// The phase of the link's life.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// The peer's id and limits, once it proved its identity.
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

    // Inside

    pub(super) fn slots(&self) -> impl Iterator<Item = &Exchange> {
        self.ours.all().iter().chain(self.theirs.all())
    }

    pub(super) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Exchange> {
        self.ours.all_mut().iter_mut().chain(self.theirs.all_mut())
    }

    /// The exchange with this id, unless its slot was freed or reused.
    pub(super) fn known_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        let slots = match id.side {
            Side::Ours => self.ours.all_mut(),
            Side::Theirs => self.theirs.all_mut(),
        };
        slots
            .get_mut(id.slot())
            .filter(|exchange| exchange.number == id.number && exchange.stage != Stage::Free)
    }

    /// The same, if bytes still flow on it.
    pub(super) fn live_mut(&mut self, id: ExchangeId) -> Option<&mut Exchange> {
        self.known_mut(id).filter(|exchange| exchange.is_live())
    }
}
