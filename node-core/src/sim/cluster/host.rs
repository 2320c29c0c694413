//! A host: what stays when its node comes and goes.

use std::collections::BTreeMap;
use std::format;
use std::prelude::rust_2024::*;

use super::life::Life;
use crate::gossip::{Config, Kind, Metadata, Node, Target};
use crate::id::NodeId;
use crate::sim::net::{DialId, LinkNumber};
use crate::time::{Duration, Instant};
use crate::wire::{Hello, Limits, VERSION};

/// A host. What is changed here holds from the next start on.
pub struct Host {
    /// Its node's id.
    pub id: NodeId,
    /// Hub or leaf.
    pub kind: Kind,
    /// Where it joins.
    pub seeds: Vec<String>,
    /// What it offers.
    pub components: Vec<String>,
    /// What it uses.
    pub uses: Vec<String>,
    /// How it is configured.
    pub tune: fn(&mut Config),
    /// How many microseconds its clock gains in a second; a negative number of them it loses.
    pub drift: i32,
    /// Record messages that told its node nothing new.
    pub duplicates: u64,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) life: Option<Life>,
    /// When its node started, by the network's time.
    pub(super) started: Instant,
    /// How far its clock has leapt ahead since.
    pub(super) leapt: Duration,
    /// The last incarnation that its node had.
    pub(super) incarnation: u64,
    pub(super) dials: BTreeMap<DialId, Target>,
    pub(super) carriers: BTreeMap<LinkNumber, Carrier>,
    /// The changes of its table that were looked at.
    pub(super) cursor: u64,
    /// When the process of a node that leaves ends.
    pub(super) ends: Option<Instant>,
    /// The incarnation in which it was last called down while it ran, and whether with reason.
    pub(super) convicted: Option<(u64, bool)>,
}

/// This end of a link.
pub(super) struct Carrier {
    pub(super) peer: usize,
    /// What it was dialled for, until the node knows of the link.
    pub(super) target: Option<Target>,
    /// The node knows of it.
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
    pub(super) fn new(at: usize, (id, kind): (NodeId, Kind), seeds: Vec<String>) -> Self {
        Self {
            id,
            kind,
            seeds,
            components: Vec::new(),
            uses: Vec::new(),
            tune: |_| {},
            drift: 0,
            duplicates: 0,
            name: format!("n{at}"),
            address: address(at),
            life: None,
            started: Instant::START,
            leapt: Duration::ZERO,
            incarnation: 0,
            dials: BTreeMap::new(),
            carriers: BTreeMap::new(),
            cursor: 0,
            ends: None,
            convicted: None,
        }
    }

    /// Whether its node runs.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.life.is_some()
    }

    /// The incarnation that its node had last: what one that remembers starts above.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
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

    /// The hello of its node.
    pub(super) fn hello(&self) -> Vec<u8> {
        let limits = Limits { frame: 1024, exchanges: 1, exchange_credit: 1, link_credit: 1, members: 16 };
        let record = self.node().map(Node::record);
        let hello =
            record.map(|record| Hello { version: VERSION, cluster: "sim", limits, time: None, record });
        hello.and_then(|hello| postcard::to_extend(&hello, Vec::new()).ok()).unwrap_or_default()
    }

    /// What its clock shows when the network's time is `now`.
    pub(super) fn local(&self, now: Instant) -> Instant {
        let passed = now.since(self.started).as_micros().saturating_mul(self.pace()) / MILLION;
        Instant::from_micros(u64::try_from(passed).unwrap_or(u64::MAX)) + self.leapt
    }

    /// The network's time as soon as its clock shows `local`.
    pub(super) fn global(&self, local: Instant) -> Instant {
        let local = local.since(Instant::START + self.leapt);
        let passed = local.as_micros().saturating_mul(MILLION).div_ceil(self.pace());
        self.started + Duration::from_micros(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Microseconds by its clock in a second.
    fn pace(&self) -> u128 {
        (i64::from(self.drift) + 1_000_000).max(1).unsigned_abs().into()
    }

    /// What its node says of itself.
    pub(super) fn describe(&self, hubs: &[NodeId]) -> Metadata<'_> {
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

/// Where a host is dialled.
pub(super) fn address(at: usize) -> String {
    format!("n{at}:8374")
}

/// Whose address it is.
pub(super) fn at_address(address: &str) -> Option<usize> {
    address.strip_prefix('n')?.strip_suffix(":8374")?.parse().ok()
}
