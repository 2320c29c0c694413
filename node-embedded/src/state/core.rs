//! The core's machines and what belongs to them.

use embassy_sync::waitqueue::{MultiWakerRegistration, WakerRegistration};
use node_core::crypto::SignError;
use node_core::gossip::{self, Dial, IdEntry, MemberSlot, Node, Peer, PublishError, Start};
use node_core::id::NodeId;
use node_core::identity::Identity;
use node_core::link;
use node_core::rpc::Counters;
use node_core::time::{ClockFloor, Duration, Instant};
use node_core::wire::{Full, Kind, Metadata};

use super::clock::now;
use super::events::Events;
use super::heartbeat::Heartbeat;
use super::port::Stage;
use super::port::{LinkMemory, Port};
#[cfg(feature = "accept")]
use super::strangers::Strangers;
use super::subscribers::Subscribers;
use super::table::{self, ExchangeTable};
use super::trial::Trial;
use crate::flash::Keys;
use crate::settings::Settings;
#[cfg(feature = "accept")]
use crate::sizes::ACCEPTED;
use crate::sizes::{LIMITS, LINKS, MEMBERS, METADATA, PORTS};

/// Tasks of the firmware that may wait for a link at once; more of them only cause additional wakes.
const CALLERS: usize = 4;

/// The core's machines and what belongs to them.
pub(crate) struct Core<'d> {
    pub(crate) node: &'d mut Node<'d>,
    pub(crate) clock: ClockFloor,
    pub(crate) ports: [Port<'d>; PORTS],
    pub(crate) table: ExchangeTable<'d>,
    pub(crate) subscribers: Subscribers,
    /// Links so far.
    pub(crate) links: u32,
    /// The keyring in use, while it is on trial.
    pub(crate) trial: Option<Trial>,
    /// Counts the replacements of the lists of revoked certificates.
    pub(crate) lists: u32,
    /// It passes on what is for others.
    #[cfg(feature = "accept")]
    pub(crate) is_hub: bool,
    /// The addresses of those who are shaking hands.
    #[cfg(feature = "accept")]
    pub(crate) strangers: Strangers,
    /// What the board counts. Its firmware and its flash know the rest.
    pub(crate) counters: Counters,
    /// What the firmware hears of the links.
    pub(crate) events: Events,
    /// What the firmware asks before it feeds a watchdog.
    pub(crate) heartbeat: Heartbeat,
    /// Wakes the runner. Everything but the firmware's own requests runs there.
    pub(crate) runner: WakerRegistration,
    /// Wakes the firmware's tasks that wait for a link or for a free exchange.
    pub(crate) callers: MultiWakerRegistration<CALLERS>,
}

/// The memory of the gossip node.
pub(crate) struct NodeMemory<'d> {
    place: heapless::Vec<Node<'d>, 1>,
    slots: heapless::Vec<MemberSlot, MEMBERS>,
    id_index: [IdEntry; MEMBERS],
    deadlines: [Instant; MEMBERS],
    metadata: [u8; MEMBERS * METADATA],
    peers: heapless::Vec<Peer, PORTS>,
}

impl NodeMemory<'_> {
    pub(crate) const NEW: Self = Self {
        place: heapless::Vec::new(),
        slots: heapless::Vec::new(),
        id_index: [IdEntry::FREE; MEMBERS],
        deadlines: [Instant::START; MEMBERS],
        metadata: [0; MEMBERS * METADATA],
        peers: heapless::Vec::new(),
    };
}

/// The memory that the other machines work in.
pub(crate) struct CoreMemory {
    table: table::ExchangeSlots,
    links: [LinkMemory; PORTS],
}

impl CoreMemory {
    pub(crate) const NEW: Self = Self { table: table::ExchangeSlots::new(), links: [LinkMemory::NEW; PORTS] };
}

/// The values that tell this start of the node from any other.
#[derive(Clone, Copy)]
pub(crate) struct Boot<'d> {
    pub(crate) identity: Identity<'d>,
    /// How often the node was started, this start included.
    pub(crate) starts: u32,
    /// Tells two starts of one number apart: those of two boards with one identity.
    pub(crate) random: u32,
    pub(crate) seed: u64,
}

impl<'d> Boot<'d> {
    /// Makes the node in its final place.
    ///
    /// # Errors
    /// [`CoreError`] says what does not fit.
    pub(crate) fn create(
        &self,
        memory: &'d mut NodeMemory<'d>,
        about_me: &Metadata<'_>,
    ) -> Result<&'d mut Node<'d>, CoreError> {
        let Self { identity, starts, random, seed } = *self;
        let NodeMemory { place, slots, id_index, deadlines, metadata, peers } = memory;
        fill(slots, MemberSlot::FREE);
        fill(peers, Peer::FREE);
        let storage = gossip::Storage { slots, id_index, deadlines, fingerprints: &mut [], metadata, peers };
        let config = configure(identity.id, about_me.kind);
        // The metadata may change during a life as well as between two.
        let incarnation = u64::from(starts) << 12;
        let start = Start { at: starts.into(), random };
        let birth = gossip::Birth { incarnation, start, metadata: about_me, seed };
        place.clear();
        place.push(Node::new(now(), config, identity, birth, storage)?).map_err(|_| CoreError::Settings)?;
        place.first_mut().ok_or(CoreError::Settings)
    }
}

/// How the node takes part.
fn configure(id: NodeId, kind: Kind) -> gossip::Config {
    let config = gossip::Config { active_view: LINKS - 1, dials: 1, ..gossip::Config::new(id, kind) };
    #[cfg(feature = "accept")]
    let config = gossip::Config { max_active_view: LINKS + 1, max_leaves: ACCEPTED - 1, ..config };
    config
}

impl<'d> Core<'d> {
    /// Puts the machines around a node.
    ///
    /// # Errors
    /// [`CoreError`] says what does not fit.
    pub(crate) fn new(
        memory: &'d mut CoreMemory,
        settings: &Settings<'d>,
        identity: Identity<'d>,
        node: &'d mut Node<'d>,
    ) -> Result<Self, CoreError> {
        let now = now();
        let CoreMemory { table, links } = memory;
        for hub in settings.hubs {
            node.add_seed(now, hub)?;
        }
        let link = link::Config {
            identity,
            limits: LIMITS,
            hello_timeout: Duration::from_secs(5),
            ping_after: Duration::from_secs(5),
            ping_timeout: Duration::from_secs(5),
        };
        Ok(Self {
            node,
            clock: ClockFloor::new(now, settings.not_before),
            ports: links.each_mut().map(|memory| Port::new(link, memory)),
            table: ExchangeTable::new(table),
            subscribers: Subscribers::NONE,
            links: 0,
            trial: None,
            lists: 0,
            #[cfg(feature = "accept")]
            is_hub: settings.kind() == Kind::Hub,
            #[cfg(feature = "accept")]
            strangers: Strangers::NONE,
            counters: Counters::default(),
            events: Events::NEW,
            heartbeat: Heartbeat::NEW,
            runner: Default::default(),
            callers: MultiWakerRegistration::new(),
        })
    }

    /// Ends links to peers that are no longer trusted, and replaces links that were made with a former keyring.
    pub(crate) fn judge_links(&mut self, now: Instant, keys: &Keys) {
        let carried = || self.ports.iter().filter_map(Port::carried);
        let trusts = |theirs| {
            carried().any(|carried| carried.certificates.theirs == theirs && carried.is_trusted(keys))
        };
        self.node.handle_keyring(now, keys.active(), trusts);
        #[cfg(feature = "accept")]
        self.prove_by_accepted(keys);
        let joined = |stage: Stage| match stage {
            Stage::Joined(carried, id) => Some((carried.edition == keys.edition(), id)),
            _ => None,
        };
        for port in self.ports.iter().filter(|port| port.is_dialled()) {
            let Some((false, id)) = joined(port.stage) else { continue };
            if !self.ports.iter().any(|other| joined(other.stage) == Some((true, id))) {
                self.node.redial(now, id);
            }
        }
    }

    /// Takes a link that a peer dialled as the proof of a keyring on trial when its handshake would come out the same: this node
    /// shows the certificate of the new keyring on it, which trusts the peer. A hub cannot dial such a peer to find out.
    #[cfg(feature = "accept")]
    fn prove_by_accepted(&mut self, keys: &Keys) {
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.edition == keys.edition()) else { return };
        let proves = |port: &Port<'_>| match port.stage {
            Stage::Joined(carried, _) => {
                !port.is_dialled() && carried.certificates.ours == keys.active() && carried.is_trusted(keys)
            }
            _ => false,
        };
        trial.proved |= self.ports.iter().any(proves);
    }

    /// The next connection to open. Only a port that has none asks.
    pub(crate) fn next_dial(&mut self, now: Instant) -> Option<Dial> {
        self.node.poll_dial(now)
    }

    /// Says that the runner handled time and polled each of its futures since this question was asked.
    pub(crate) fn beat(&mut self, question: u32) {
        if self.heartbeat.answer(question) {
            self.callers.wake();
        }
    }

    /// Whether a request may leave over a port, and if so, the `to` that it has there: a leaf asks any hub.
    #[cfg(not(feature = "accept"))]
    pub(crate) fn way(&self, index: usize, to: Option<NodeId>) -> Option<Option<NodeId>> {
        self.ports.get(index).filter(|port| port.is_up()).map(|_| to)
    }

    /// Counts a request to the firmware.
    pub(crate) const fn count_request(&mut self, answered: bool) {
        let Counters { requests, requests_failed, .. } = &mut self.counters;
        count(if answered { requests } else { requests_failed });
    }

    /// Links that are up.
    pub(crate) fn links_up(&self) -> usize {
        self.ports.iter().filter(|port| port.is_up()).count()
    }

    /// Whether no port has a connection.
    pub(crate) fn is_unlinked(&self) -> bool {
        self.ports.iter().all(Port::is_idle)
    }

    /// Whether a port's link has come to its end.
    pub(crate) fn is_over(&self, port: usize) -> bool {
        self.ports.get(port).is_none_or(|port| port.link.phase() == link::Phase::Over)
    }

    /// Whether the hub had enough time to take a GOAWAY.
    pub(crate) fn is_overdue(&self, port: usize, now: Instant) -> bool {
        self.ports.get(port).is_some_and(|port| port.is_overdue(now))
    }
}

/// Why there are no machines.
#[derive(Clone, Copy, Debug)]
pub(crate) enum CoreError {
    /// The settings are out of range.
    Settings,
    /// The identity key cannot be used.
    Sign(SignError),
}

impl From<Full> for CoreError {
    fn from(_: Full) -> Self {
        Self::Settings
    }
}

impl From<PublishError> for CoreError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Metadata(_) => Self::Settings,
            PublishError::Sign(error) => Self::Sign(error),
        }
    }
}

/// Counts one more.
pub(super) const fn count(counter: &mut u32) {
    *counter = counter.saturating_add(1);
}

/// Adds elements until there is no more room.
fn fill<T: Clone, const N: usize>(vector: &mut heapless::Vec<T, N>, free: T) {
    let filled = vector.resize(N, free);
    debug_assert!(filled.is_ok(), "its capacity is its length");
}
