//! A cluster of real nodes on a simulated network.
//!
//! [`Cluster`] does for every host what an adapter does for one: it opens links when its node asks for it, says hello,
//! carries gossip and GOAWAYs in real frames, and keeps the node's timer. The link protocol itself (exchanges, credit) is
//! missing; the network models its pings and its timeout.
//!
//! A test reads any node at any time ([`node`](Cluster::node)) and makes hosts fail ([`kill`](Cluster::kill),
//! [`pause`](Cluster::pause) …), or the network ([`net`](Cluster::net)).

mod adapter;
mod batch;
mod converged;
mod events;
mod host;
mod invent;
mod life;
mod views;
mod watch;

use std::collections::HashMap;
use std::prelude::rust_2024::*;

use crate::gossip::{Kind, Node};
use crate::id::NodeId;
use crate::time::{Duration, Instant};

use self::adapter::{Adapter, Want};
use self::watch::Interest;
use super::net::{Conditions, Net};

pub use self::converged::Shape;
pub use self::host::Host;
pub use self::life::Capacity;
pub use self::watch::{Belief, DeclaredDown, Known, MemberUpdate, Spread};

/// Hosts, their nodes and the network between them. See the [module](self).
pub struct Cluster {
    /// The network.
    pub net: Net,
    /// The hosts, those that run and those that do not.
    pub hosts: Vec<Host>,
    /// Every suspicion, failure and departure that any node came to believe, if [asked for](Self::keep_beliefs).
    pub beliefs: Vec<Belief>,
    /// Whether `beliefs` is filled. With thousands of nodes it grows large.
    pub keep_beliefs: bool,
    /// Members that were declared down while they ran.
    pub declared_down: Vec<DeclaredDown>,
    /// The memory of nodes that start from now on.
    pub capacity: Capacity,
    /// The command that plays this history again; printed when the program panics.
    pub replay: String,
    /// For the choices of a caller; the network has its own.
    pub rng: fastrand::Rng,
    hosts_by_id: HashMap<NodeId, usize>,
    spreads: Vec<Spread>,
}

/// Prints how to see a failure again.
impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            std::eprintln!("at {:?}; to see it again: {}", self.net.now(), self.replay);
        }
    }
}

/// The test harness names the thread after the test.
fn replay(seed: u64) -> String {
    let thread = std::thread::current();
    std::format!("cargo test -p node-core {} (seed {seed})", thread.name().unwrap_or_default())
}

impl Cluster {
    /// A cluster without hosts.
    #[must_use]
    pub fn new(seed: u64, conditions: Conditions) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self {
            net: Net::new(rng.u64(..), conditions),
            hosts: Vec::new(),
            beliefs: Vec::new(),
            keep_beliefs: true,
            declared_down: Vec::new(),
            capacity: Capacity::default(),
            replay: replay(seed),
            rng,
            hosts_by_id: HashMap::new(),
            spreads: Vec::new(),
        }
    }

    /// A cluster of hubs, then leaves, that start together and know the address of the first.
    #[must_use]
    pub fn with(seed: u64, hubs: usize, leaves: usize) -> Self {
        let mut cluster = Self::new(seed, Conditions::default());
        cluster.grow(hubs, leaves);
        cluster
    }

    /// Adds hubs, then leaves, that start now and know the address of the first host.
    pub fn grow(&mut self, hubs: usize, leaves: usize) {
        for number in 0..hubs + leaves {
            let kind = if number < hubs { Kind::Hub } else { Kind::Leaf };
            let at = self.add(kind, &[0]);
            self.start(at, 1);
        }
    }

    /// Adds a host that does not run yet and joins through `seeds`.
    pub fn add(&mut self, kind: Kind, seeds: &[usize]) -> usize {
        let at = self.net.add();
        let id = NodeId(self.rng.u128(1..).to_be_bytes());
        let seeds = seeds.iter().map(|&seed| Self::address(seed)).collect();
        self.hosts.push(Host::new(at, id, kind, seeds));
        self.hosts_by_id.insert(id, at);
        at
    }

    /// The address of a host.
    #[must_use]
    pub fn address(at: usize) -> String {
        host::address(at)
    }

    // Getters

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.net.now()
    }

    /// The node of a host that runs.
    #[must_use]
    pub fn node(&self, at: usize) -> Option<&Node<'_>> {
        self.hosts.get(at)?.node()
    }

    /// The host that has an id.
    #[must_use]
    pub fn host_of(&self, id: NodeId) -> Option<usize> {
        self.hosts_by_id.get(&id).copied()
    }

    /// Hosts that run, paused or not.
    pub fn running(&self) -> impl Iterator<Item = usize> {
        (0..).zip(&self.hosts).filter(|(_, host)| host.is_running()).map(|(at, _)| at)
    }

    // Time

    /// Lets time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now() + time;
        self.advance_to(end);
    }

    /// Runs until `holds` returns true. Returns the time that it took.
    ///
    /// # Panics
    /// It does not hold within that time: the claim of the test is wrong.
    pub fn until(&mut self, within: Duration, what: &str, holds: impl Fn(&Self) -> bool) -> Duration {
        let start = self.now();
        while !holds(self) {
            assert!(self.step(start + within), "not within {within:?}: {what}\n{}", self.views());
        }
        self.now().since(start)
    }

    /// Handles the next event until `end`. Returns false when there is none.
    pub fn step(&mut self, end: Instant) -> bool {
        self.advance(end, 1)
    }

    // Inside

    /// Lets a host do something, and carries out what it wants of the network.
    fn busy(&mut self, at: usize, act: impl FnOnce(&mut Adapter<'_>)) {
        let now = self.now();
        let Some(host) = self.hosts.get_mut(at) else { return };
        let mut adapter = Adapter::new(at, now, host, &self.net);
        act(&mut adapter);
        let wants = adapter.take_wants();
        self.carry_out(at, wants);
    }

    /// Acts on the node of a host, if it runs. The node is given the time by its own clock.
    fn act(&mut self, at: usize, act: impl FnOnce(&mut Node<'_>, Instant)) {
        self.busy(at, |host| host.act(act));
    }

    /// Lets a node do what is due.
    fn settle(&mut self, at: usize) {
        self.busy(at, |host| host.settle());
    }

    /// Notes what a node learned.
    fn note_changes(&mut self, at: usize) {
        let (now, interest) = (self.now(), Interest::new(&self.hosts_by_id, &self.spreads));
        let Some(host) = self.hosts.get_mut(at) else { return };
        let learned = Adapter::new(at, now, host, &self.net).learned(interest);
        self.note(at, &learned);
    }

    /// Makes the network do what a host wants.
    fn carry_out(&mut self, at: usize, wants: Vec<Want>) {
        for want in wants {
            match want {
                Want::Dial(to, target) => {
                    let dial = self.net.dial(at, to);
                    if let Some(host) = self.hosts.get_mut(at) {
                        host.dials.insert(dial, target);
                    }
                }
                Want::Send(link, message) => self.net.send(at, link, message),
                Want::Notify(link) => self.net.notify_when_writable(at, link),
                Want::Close(link) => self.net.close(at, link),
                Want::Timer(due) => self.net.set_timer(at, due),
                Want::End => self.kill(at),
            }
        }
    }
}
