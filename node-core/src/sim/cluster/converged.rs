//! Clusters that begin in the middle of things: all know all, and the overlay stands.

use std::collections::BTreeSet;
use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use super::adapter::Messages;
use super::host::Carrier;
use super::life::Capacity;
use crate::gossip::{Config, Kind, Node, Target};
use crate::id::{LinkId, NodeId};
use crate::sim::net::{Conditions, LinkNumber};
use crate::wire::gossip::{MAX_MESSAGE, Tag};

/// How large a cluster is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Hubs; they are the first hosts.
    pub hubs: usize,
    /// Leaves.
    pub leaves: usize,
}

/// Join addresses of a host.
const MOST_SEEDS: usize = 3;

/// A link to be: who dialled, who was dialled.
type Pair = (usize, usize);

impl Cluster {
    /// A cluster in which every hub knows every member, and each is linked to as many hubs as it wants, at random.
    ///
    /// It takes a moment until it is in its stride: all tables are compared at once at first.
    #[must_use]
    pub fn whole(seed: u64, conditions: Conditions, shape: Shape, capacity: Capacity) -> Self {
        let mut cluster = Self::new(seed, conditions);
        cluster.keep_beliefs = false;
        cluster.capacity = capacity;
        for number in 0..shape.hubs + shape.leaves {
            let kind = if number < shape.hubs { Kind::Hub } else { Kind::Leaf };
            cluster.add(kind, &[]);
        }
        let pairs = cluster.overlay(shape);
        for &(from, to) in &pairs {
            // Whom it dialled is whom it joined through.
            if let Some(host) = cluster.hosts.get_mut(from).filter(|host| host.seeds.len() < MOST_SEEDS) {
                host.seeds.push(Self::address(to));
            }
        }
        cluster.start_all(&pairs, shape);
        let messages = cluster.everything();
        let mut links = vec![Vec::new(); cluster.hosts.len()];
        for (from, to) in pairs {
            let link = cluster.net.open(from, to);
            for (at, peer) in [(from, to), (to, from)] {
                if let Some(links) = links.get_mut(at) {
                    links.push((link, peer));
                }
            }
        }
        let hellos: Vec<Vec<u8>> = (0..cluster.hosts.len()).map(|at| cluster.hello(at)).collect();
        for (at, links) in links.into_iter().enumerate() {
            cluster.link_up(at, &links, (&hellos, &messages));
        }
        cluster
    }

    /// Who is linked to whom: the hubs at random by circles through all of them, each leaf to some.
    fn overlay(&mut self, shape: Shape) -> Vec<Pair> {
        let degree = |kind| Config::new(NodeId([0; 16]), kind).degree;
        let mut pairs = BTreeSet::new();
        let mut circle: Vec<usize> = (0..shape.hubs).collect();
        // Each circle gives every hub two links; of an odd number the last circle is only every other link of one.
        for half in (0..degree(Kind::Hub)).step_by(2) {
            self.rng.shuffle(&mut circle);
            let step = if half + 1 == degree(Kind::Hub) { 2 } else { 1 };
            let next = circle.iter().cycle().skip(1);
            for (&one, &other) in circle.iter().zip(next).step_by(step) {
                if one != other && !pairs.contains(&(other, one)) {
                    pairs.insert((one, other));
                }
            }
        }
        for leaf in shape.hubs..shape.hubs + shape.leaves {
            let hubs = (0..degree(Kind::Leaf).min(shape.hubs)).map(|nth| (leaf + nth) % shape.hubs);
            pairs.extend(hubs.map(|hub| (leaf, hub)));
        }
        pairs.into_iter().collect()
    }

    /// Starts all nodes; leaves name their hubs from the beginning.
    fn start_all(&mut self, pairs: &[Pair], shape: Shape) {
        for at in 0..self.hosts.len() {
            self.start(at, 1);
        }
        for &(leaf, hub) in pairs.iter().filter(|(leaf, _)| *leaf >= shape.hubs) {
            let hub = self.hosts.get(hub).map(|host| host.id);
            let Some(host) = self.hosts.get(leaf) else { continue };
            let named = host.node().and_then(|node| node.member(host.id)).map(|me| me.meta.hubs);
            let hubs: Vec<_> = named.into_iter().flatten().chain(hub).collect();
            self.describe(leaf, &hubs);
        }
    }

    /// Every node's own record, as messages.
    fn everything(&self) -> Vec<Vec<u8>> {
        let mut records: Vec<_> =
            self.hosts.iter().filter_map(|host| host.node()).map(Node::record).collect();
        // Tables are filled fastest in their own order.
        records.sort_unstable_by_key(|record| record.id);
        let mut messages = vec![vec![Tag::Records as u8]];
        for record in records {
            let Ok(record) = postcard::to_extend(&record, Vec::new()) else { continue };
            if messages.last().is_none_or(|last| last.len() + record.len() > MAX_MESSAGE) {
                messages.push(vec![Tag::Records as u8]);
            }
            if let Some(last) = messages.last_mut() {
                last.extend(record);
            }
        }
        messages
    }

    /// Tells a node of its links, and over the first of them of everybody.
    fn link_up(
        &mut self,
        at: usize,
        links: &[(LinkNumber, usize)],
        (hellos, messages): (&[Vec<u8>], &[Vec<u8>]),
    ) {
        let told = if self.is_hub(at) { messages } else { &[] };
        // A node remembers for each link what it has said there, so it hears of everybody before it is linked to others.
        for (nth, &(link, peer)) in links.iter().enumerate() {
            let Some(host) = self.hosts.get_mut(at) else { return };
            let seed = host.seeds.iter().position(|seed| *seed == Self::address(peer));
            let target = seed.and_then(|seed| u8::try_from(seed).ok()).map(Target::Seed);
            host.carriers.insert(link, Carrier::new(peer, target));
            if let Some(hello) = hellos.get(peer) {
                self.greet(at, link, hello);
            }
            for message in told.iter().filter(|_| nth == 0) {
                self.act(at, |node, now| {
                    // Nothing is answered to records.
                    _ = node.handle_gossip(now, LinkId(link), message, &mut Messages::discarded());
                });
                // Now, for the longer the list of changes has grown the longer each takes.
                self.note_changes(at);
            }
        }
        self.note_changes(at);
    }
}
