//! A host: it stays when its node comes and goes.

use std::collections::BTreeMap;
use std::format;
use std::prelude::rust_2024::*;

use super::life::{CLUSTER, Life};
use crate::crypto::Signature;
use crate::gossip::{Config, Kind, Metadata, Node, Target};
use crate::id::NodeId;
use crate::sim::net::{DialId, LinkNumber};
use crate::sim::toy;
use crate::time::{Duration, Instant};
use crate::wire::{Hello, Limits, Proof, VERSION};

/// A host. A change of its public fields holds from the next start on.
pub struct Host {
    /// Its node's id.
    pub id: NodeId,
    /// Hub or leaf.
    pub kind: Kind,
    /// Addresses that it joins through.
    pub seeds: Vec<String>,
    /// Components that it offers.
    pub components: Vec<String>,
    /// Components that it uses.
    pub uses: Vec<String>,
    /// Changes its configuration.
    pub tune: fn(&mut Config),
    /// Microseconds that its clock gains in a second; if negative, that it loses.
    pub drift: i32,
    /// Record messages that told its node nothing new.
    pub duplicates: u64,
    /// Signatures that its node had checked when the counters were reset.
    pub checked_before: u64,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) life: Option<Life>,
    /// When its node started, by the network's time.
    pub(super) started: Instant,
    /// How far its clock was set ahead since.
    pub(super) clock_jumped: Duration,
    /// The last incarnation that its node had.
    pub(super) incarnation: u64,
    /// How often its node was started.
    pub(super) starts: u32,
    pub(super) dials: BTreeMap<DialId, Target>,
    pub(super) carriers: BTreeMap<LinkNumber, Carrier>,
    /// The last change of its table that was looked at.
    pub(super) cursor: u64,
    /// When the process of a node that leaves ends.
    pub(super) ends: Option<Instant>,
    /// How it was last declared down while it ran.
    pub(super) declared_down: Option<LastDeclaredDown>,
}

/// How a running member was declared down last.
#[derive(Clone, Copy)]
pub(super) struct LastDeclaredDown {
    pub(super) incarnation: u64,
    /// See [`DeclaredDown`](super::DeclaredDown).
    pub(super) while_silent: bool,
}

/// This end of a link.
pub(super) struct Carrier {
    pub(super) peer: usize,
    /// The target of the dial; `None` when the peer dialled, or the dial is over.
    pub(super) target: Option<Target>,
    /// The node was told of it.
    pub(super) up: bool,
    /// A GOAWAY was sent.
    pub(super) go_away: bool,
}

impl Carrier {
    pub(super) const fn new(peer: usize, target: Option<Target>) -> Self {
        Self { peer, target, up: false, go_away: false }
    }

    pub(super) const fn is_usable(&self) -> bool {
        self.up && !self.go_away
    }
}

impl Host {
    pub(super) fn new(at: usize, id: NodeId, kind: Kind, seeds: Vec<String>) -> Self {
        Self {
            id,
            kind,
            seeds,
            components: Vec::new(),
            uses: Vec::new(),
            tune: |_| {},
            drift: 0,
            duplicates: 0,
            checked_before: 0,
            name: format!("n{at}"),
            address: address(at),
            life: None,
            started: Instant::START,
            clock_jumped: Duration::ZERO,
            incarnation: 0,
            starts: 0,
            dials: BTreeMap::new(),
            carriers: BTreeMap::new(),
            cursor: 0,
            ends: None,
            declared_down: None,
        }
    }

    /// Whether its node runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.life.is_some()
    }

    /// The incarnation that its node had last. A node that remembers starts above it.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// Signatures that its node checked since the counters were reset, or since it started.
    #[must_use]
    pub fn checked(&self) -> u64 {
        let checked = self.node().map_or(0, Node::checked);
        checked.checked_sub(self.checked_before).unwrap_or(checked)
    }

    /// Its node, while it runs.
    #[must_use]
    pub fn node(&self) -> Option<&Node<'_>> {
        self.life.as_ref().map(Life::node)
    }

    /// Links over which gossip can go.
    pub(super) fn usable_links(&self) -> Vec<LinkNumber> {
        self.carriers.iter().filter(|(_, carrier)| carrier.is_usable()).map(|(link, _)| *link).collect()
    }

    /// The hello of its node. Its nonce does not matter: no proof is checked.
    pub(super) fn hello(&self) -> Vec<u8> {
        let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
        let (identity, nonce) = (toy::key(self.id), [0; 32]);
        let hello = Hello { version: VERSION, cluster: CLUSTER, limits, identity, nonce, exporter: true };
        postcard::to_extend(&hello, Vec::new()).unwrap_or_default()
    }

    /// The proof of its node, which introduces it.
    pub(super) fn proof(&self) -> Vec<u8> {
        let signature = Signature::from_bytes([0; Signature::LEN]);
        let proof = self.node().map(|node| Proof { signature, time: None, record: node.record() });
        proof.and_then(|proof| postcard::to_extend(&proof, Vec::new()).ok()).unwrap_or_default()
    }

    /// The time of its clock when the network's time is `now`.
    pub(super) fn local(&self, now: Instant) -> Instant {
        let passed = now.since(self.started).as_micros().saturating_mul(self.pace()) / MILLION;
        Instant::from_micros(u64::try_from(passed).unwrap_or(u64::MAX)) + self.clock_jumped
    }

    /// The network's time when its clock shows `local`.
    pub(super) fn global(&self, local: Instant) -> Instant {
        let local = local.since(Instant::START + self.clock_jumped);
        let passed = local.as_micros().saturating_mul(MILLION).div_ceil(self.pace());
        self.started + Duration::from_micros(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Microseconds by its clock in a second.
    fn pace(&self) -> u128 {
        (i64::from(self.drift) + 1_000_000).max(1).unsigned_abs().into()
    }

    /// The metadata of its node.
    pub(super) fn metadata(&self, hubs: &[NodeId]) -> Metadata<'_> {
        let mut metadata = Metadata::new(&self.name, self.kind);
        metadata.addrs.extend((self.kind == Kind::Hub).then_some(self.address.as_str()));
        metadata
            .components
            .extend(self.components.iter().map(String::as_str).take(metadata.components.capacity()));
        metadata.uses.extend(self.uses.iter().map(String::as_str).take(metadata.uses.capacity()));
        metadata.hubs.extend(hubs.iter().copied().take(metadata.hubs.capacity()));
        metadata
    }
}

const MILLION: u128 = 1_000_000;

/// The address of a host.
pub(super) fn address(at: usize) -> String {
    format!("n{at}:8374")
}

/// The host that has an address.
pub(super) fn at_address(address: &str) -> Option<usize> {
    address.strip_prefix('n')?.strip_suffix(":8374")?.parse().ok()
}
