//! The clusters that scenarios are played with.

use core::time::Duration;

use node_core::gossip::{Kind, Node};
use node_core::sim::{Cluster, DeclaredDown, Host, Known, Net, Spread, Traffic};

use crate::figures::{Figure, Figures};
use crate::scenario::Measure;

/// A lie about members that do not exist.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    /// The member that tells it.
    pub liar: usize,
    /// How many it invents; each time the same.
    pub hubs: usize,
    /// The incarnation that they are said to be in.
    pub incarnation: u64,
    /// The machine whose address they are said to have.
    pub at: usize,
}

/// A cluster in the simulated network, of any protocol. Each member has its own machine; all know the addresses of the first
/// two.
pub trait Subject {
    // Getters

    /// The network.
    fn net(&self) -> &Net;

    /// The network, to make it fail.
    fn net_mut(&mut self) -> &mut Net;

    /// Whether a member knows all others.
    fn is_hub(&self, at: usize) -> bool;

    /// How far a followed fact has spread.
    fn spread(&self, number: usize) -> Option<&Spread>;

    /// Members that were declared down while they ran.
    fn declared_down(&self) -> &[DeclaredDown];

    /// The first hub from `start` on, in a circle, that does not see every member correctly.
    fn wrong(&self, start: usize) -> Option<usize>;

    /// The traffic of all members together, and the highest peaks.
    fn traffic(&mut self) -> Traffic {
        let mut sum = Traffic::NONE;
        for at in 0..self.net().machines() {
            let traffic = self.net_mut().traffic(at);
            sum.sent += traffic.sent;
            sum.received += traffic.received;
            sum.bytes += traffic.bytes;
            sum.handshakes += traffic.handshakes;
            sum.peak_handshakes = sum.peak_handshakes.max(traffic.peak_handshakes);
            sum.peak_links = sum.peak_links.max(traffic.peak_links);
        }
        sum
    }

    /// Adds figures that only this protocol has.
    fn add_figures(&mut self, measure: Measure, figures: &mut Figures);

    // Events

    /// Lets time pass.
    fn run(&mut self, time: Duration);

    /// Sets the counters of traffic and of members declared down to zero.
    fn reset_counters(&mut self);

    /// Follows how a fact spreads from now on. Returns its number for [`spread`](Self::spread).
    fn follow(&mut self, about: usize, known: Known) -> usize;

    /// A member offers another component. Returns the number of the change for [`spread`](Self::spread).
    fn change(&mut self, at: usize, component: &str) -> usize;

    /// Another member joins. Returns its host.
    fn join(&mut self) -> usize;

    /// Adds a machine that takes no part in the cluster. It accepts connections and never says anything, or nothing listens
    /// there.
    fn add_bystander(&mut self, accepts: bool) -> usize;

    /// A member tells of others that do not exist.
    fn invent(&mut self, lie: Lie);

    /// A process ends; its kernel closes its links.
    fn kill(&mut self, at: usize);

    /// A machine loses its power.
    fn vanish(&mut self, at: usize);

    /// A member leaves.
    fn leave(&mut self, at: usize);

    /// A process that ended starts again; it may have forgotten its incarnation.
    fn start_again(&mut self, at: usize, forget: bool);
}

impl Subject for Cluster {
    fn net(&self) -> &Net {
        &self.net
    }

    fn net_mut(&mut self) -> &mut Net {
        &mut self.net
    }

    fn is_hub(&self, at: usize) -> bool {
        self.is_hub(at)
    }

    fn spread(&self, number: usize) -> Option<&Spread> {
        self.spread(number)
    }

    fn declared_down(&self) -> &[DeclaredDown] {
        &self.declared_down
    }

    fn wrong(&self, start: usize) -> Option<usize> {
        self.wrong_hub(start)
    }

    fn add_figures(&mut self, measure: Measure, figures: &mut Figures) {
        let sum = self.traffic();
        match measure {
            Measure::Spread => figures.add("ideal rds", Figure::Rounds(Some(ideal(self)))),
            Measure::Cost => {
                let duplicates: u64 = self.hosts.iter().map(|host| host.duplicates).sum();
                figures.add("dup", Figure::Share(duplicates as f64 / sum.received.max(1) as f64));
                figures.add("checks/node", Figure::Count(mean_checks(self)));
            }
            Measure::Handshakes => {
                figures.add("shakes/s max", Figure::Whole(sum.peak_handshakes.into()));
                // Both ends count.
                figures.add("shakes/node", Figure::Count(sum.handshakes as f64 / self.hosts.len() as f64));
                figures.add("checks/node", Figure::Count(mean_checks(self)));
            }
            Measure::Links => {
                figures.add("links", Figure::Count(mean_links(self)));
                figures.add("links max", Figure::Whole(sum.peak_links as f64));
            }
            Measure::Memory => {
                let capacity = self.capacity;
                figures.add("B/member", Figure::Whole(capacity.bytes_for_each_member() as f64));
                figures.add("of it meta", Figure::Whole(capacity.metadata as f64));
            }
            Measure::Idle | Measure::DeclaredDown | Measure::Dials | Measure::Heal => {}
        }
    }

    fn run(&mut self, time: Duration) {
        self.run(time);
    }

    fn reset_counters(&mut self) {
        self.net.clear_traffic();
        self.declared_down.clear();
        for host in &mut self.hosts {
            host.duplicates = 0;
            host.checked_before = host.node().map_or(0, Node::checked);
        }
    }

    fn follow(&mut self, about: usize, known: Known) -> usize {
        self.follow(about, known)
    }

    fn change(&mut self, at: usize, component: &str) -> usize {
        let next = self.node(at).map_or(0, |node| node.record().incarnation) + 1;
        let followed = self.follow(at, Known::Incarnation(next));
        self.set_components(at, &[component]);
        followed
    }

    fn join(&mut self) -> usize {
        let at = self.add(Kind::Hub, &[0, 1]);
        self.start(at, 1);
        at
    }

    fn add_bystander(&mut self, accepts: bool) -> usize {
        self.add_bystander(accepts)
    }

    fn invent(&mut self, lie: Lie) {
        self.invent(lie.liar, lie.hubs, lie.incarnation, lie.at);
    }

    fn kill(&mut self, at: usize) {
        self.kill(at);
    }

    fn vanish(&mut self, at: usize) {
        self.vanish(at);
    }

    fn leave(&mut self, at: usize) {
        self.leave(at);
    }

    fn start_again(&mut self, at: usize, forget: bool) {
        // All hosts have the same configuration, as after a power cut.
        if let Some(host) = self.hosts.get_mut(at) {
            host.seeds = [0, 1].map(Self::address).into();
        }
        if forget {
            self.start(at, 0);
        } else {
            self.restart(at);
        }
    }
}

/// Rounds that an ideal epidemic takes with the fan-out of the hubs: the eager-push peers of the mean hub, less the one that
/// the change came from.
fn ideal(cluster: &Cluster) -> f64 {
    let nodes: Vec<&Node<'_>> = cluster.hubs().filter_map(|at| cluster.node(at)).collect();
    let hubs = nodes.len().max(1) as f64;
    let eager_peers = nodes.iter().map(|node| node.fan_out()).sum::<usize>() as f64 / hubs;
    let fan_out = (eager_peers - 1.0).max(1.0);
    hubs.ln() / (fan_out + 1.0).ln() + hubs.ln() / fan_out
}

/// Signatures of records that a hub checked, on average.
fn mean_checks(cluster: &Cluster) -> f64 {
    let hubs = cluster.hosts.iter().filter(|host| host.kind == Kind::Hub);
    let checks: Vec<u64> = hubs.map(Host::checked).collect();
    checks.iter().sum::<u64>() as f64 / checks.len().max(1) as f64
}

/// The mean number of links of a hub to other hubs.
fn mean_links(cluster: &Cluster) -> f64 {
    let hubs: Vec<usize> = cluster.hubs().collect();
    let links = hubs.iter().flat_map(|&at| cluster.peers(at)).filter(|&peer| cluster.is_hub(peer));
    links.count() as f64 / hubs.len().max(1) as f64
}
