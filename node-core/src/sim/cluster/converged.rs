//! Clusters that begin in the middle of things: all know all, and the overlay stands.

use std::collections::BTreeSet;
use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use super::adapter::Messages;
use super::host::{Carrier, Host};
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
        (0..cluster.hosts.len()).for_each(|at| cluster.start(at, 1));
        let mut links = vec![Vec::new(); cluster.hosts.len()];
        for (from, to) in pairs {
            let link = cluster.net.open(from, to);
            for (at, peer) in [(from, to), (to, from)] {
                if let Some(links) = links.get_mut(at) {
                    links.push((link, peer));
                }
            }
        }
        let (hubs, leaves) = links.split_at(shape.hubs);
        // Leaves first: they name the hubs that they are linked to, and the hubs are to know them so.
        let hellos = cluster.hellos();
        for (at, links) in (shape.hubs..).zip(leaves) {
            cluster.link_up(at, links, &hellos, &[]);
        }
        let (hellos, messages) = (cluster.hellos(), cluster.everything());
        for (at, links) in (0..).zip(hubs) {
            if at > 0 {
                cluster.teach(at);
            }
            cluster.link_up(at, links, &hellos, if at == 0 { &messages } else { &[] });
        }
        cluster
    }

    fn hellos(&self) -> Vec<Vec<u8>> {
        self.hosts.iter().map(Host::hello).collect()
    }

    /// Who is linked to whom: the hubs at random by circles through all of them, each leaf to some.
    fn overlay(&mut self, shape: Shape) -> Vec<Pair> {
        let active_view = |kind| Config::new(NodeId([0; 16]), kind).active_view;
        let mut pairs = BTreeSet::new();
        let mut circle: Vec<usize> = (0..shape.hubs).collect();
        // Each circle gives every hub two links; of an odd number the last circle is only every other link of one.
        for half in (0..active_view(Kind::Hub)).step_by(2) {
            self.rng.shuffle(&mut circle);
            let step = if half + 1 == active_view(Kind::Hub) { 2 } else { 1 };
            let next = circle.iter().cycle().skip(1);
            for (&one, &other) in circle.iter().zip(next).step_by(step) {
                if one != other && !pairs.contains(&(other, one)) {
                    pairs.insert((one, other));
                }
            }
        }
        for leaf in shape.hubs..shape.hubs + shape.leaves {
            let hubs = (0..active_view(Kind::Leaf).min(shape.hubs)).map(|nth| (leaf + nth) % shape.hubs);
            pairs.extend(hubs.map(|hub| (leaf, hub)));
        }
        pairs.into_iter().collect()
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

    /// Tells a hub what the first one knows: by messages it would take 10,000 nodes minutes.
    fn teach(&mut self, at: usize) {
        let Some(mut life) = self.hosts.get_mut(at).and_then(|host| host.life.take()) else { return };
        if let Some(first) = self.node(0) {
            life.with(|node| node.learn_all(first));
        }
        if let Some(host) = self.hosts.get_mut(at) {
            host.life = Some(life);
        }
        self.note_changes(at);
    }

    /// Tells a node of its links, and over the first of them what else there is to know.
    fn link_up(
        &mut self,
        at: usize,
        links: &[(LinkNumber, usize)],
        hellos: &[Vec<u8>],
        messages: &[Vec<u8>],
    ) {
        // A node remembers for each link what it has said there, so it hears of everybody before it is linked to others.
        for (nth, &(link, peer)) in links.iter().enumerate() {
            let Some(host) = self.hosts.get_mut(at) else { return };
            let seed = host.seeds.iter().position(|seed| *seed == Self::address(peer));
            let target = seed.and_then(|seed| u8::try_from(seed).ok()).map(Target::Seed);
            host.carriers.insert(link, Carrier::new(peer, target));
            if let Some(hello) = hellos.get(peer) {
                self.busy(at, |host| host.greet(link, hello));
            }
            if target.is_none() && self.is_hub(at) && self.is_hub(peer) {
                // What the peer, which dialled, says next; by then this node would have dialled others.
                let wants = [Tag::Neighbor as u8, 1];
                self.act(at, |node, now| {
                    _ = node.handle_gossip(now, LinkId(link), &wants, &mut Messages::discarded());
                });
            }
            for message in messages.iter().filter(|_| nth == 0) {
                self.act(at, |node, now| {
                    // Nothing is answered to records.
                    _ = node.handle_gossip(now, LinkId(link), message, &mut Messages::discarded());
                });
            }
        }
        self.note_changes(at);
    }
}
