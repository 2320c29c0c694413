//! Clusters that begin whole: every hub knows every member, and the overlay is up.

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

/// A link to be opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Dialled {
    from: usize,
    to: usize,
}

/// A link of a host.
#[derive(Clone, Copy)]
struct HostLink {
    link: LinkNumber,
    peer: usize,
}

impl Cluster {
    /// A cluster in which every hub knows every member, and each is linked to as many hubs as it wants, at random.
    ///
    /// It takes a moment to settle: all pairs of neighbours reconcile their tables at first.
    #[must_use]
    pub fn whole(seed: u64, conditions: Conditions, shape: Shape, capacity: Capacity) -> Self {
        let mut cluster = Self::new(seed, conditions);
        cluster.keep_beliefs = false;
        cluster.capacity = capacity;
        for number in 0..shape.hubs + shape.leaves {
            let kind = if number < shape.hubs { Kind::Hub } else { Kind::Leaf };
            cluster.add(kind, &[]);
        }
        let dialled = cluster.overlay(shape);
        for &Dialled { from, to } in &dialled {
            // A host joins through the hosts that it dialled.
            if let Some(host) = cluster.hosts.get_mut(from).filter(|host| host.seeds.len() < MOST_SEEDS) {
                host.seeds.push(Self::address(to));
            }
        }
        (0..cluster.hosts.len()).for_each(|at| cluster.start(at, 1));
        let mut links = vec![Vec::new(); cluster.hosts.len()];
        for Dialled { from, to } in dialled {
            let link = cluster.net.open(from, to);
            for (at, peer) in [(from, to), (to, from)] {
                if let Some(links) = links.get_mut(at) {
                    links.push(HostLink { link, peer });
                }
            }
        }
        let (hubs, leaves) = links.split_at(shape.hubs);
        // Leaves come first: they name the hubs that they are linked to, and the hubs learn these records.
        let proofs = cluster.proofs();
        for (at, links) in (shape.hubs..).zip(leaves) {
            cluster.link_up(at, links, &proofs, &[]);
        }
        let (proofs, messages) = (cluster.proofs(), cluster.everything());
        for (at, links) in (0..).zip(hubs) {
            if at > 0 {
                cluster.teach(at);
            }
            cluster.link_up(at, links, &proofs, if at == 0 { &messages } else { &[] });
        }
        cluster
    }

    fn proofs(&self) -> Vec<Vec<u8>> {
        self.hosts.iter().map(Host::proof).collect()
    }

    /// The links of the overlay: random circles through all hubs, and some hubs for each leaf.
    fn overlay(&mut self, shape: Shape) -> Vec<Dialled> {
        let active_view = |kind| Config::new(NodeId([0; 16]), kind).active_view;
        let mut dialled = BTreeSet::new();
        let mut circle: Vec<usize> = (0..shape.hubs).collect();
        // Each circle gives every hub two links. For an odd number of links the last circle has only every other link.
        for half in (0..active_view(Kind::Hub)).step_by(2) {
            self.rng.shuffle(&mut circle);
            let step = if half + 1 == active_view(Kind::Hub) { 2 } else { 1 };
            let next = circle.iter().cycle().skip(1);
            for (&one, &other) in circle.iter().zip(next).step_by(step) {
                if one != other && !dialled.contains(&Dialled { from: other, to: one }) {
                    dialled.insert(Dialled { from: one, to: other });
                }
            }
        }
        for leaf in shape.hubs..shape.hubs + shape.leaves {
            let hubs = (0..active_view(Kind::Leaf).min(shape.hubs)).map(|nth| (leaf + nth) % shape.hubs);
            dialled.extend(hubs.map(|hub| Dialled { from: leaf, to: hub }));
        }
        dialled.into_iter().collect()
    }

    /// Every node's own record, as messages.
    fn everything(&self) -> Vec<Vec<u8>> {
        let mut records: Vec<_> =
            self.hosts.iter().filter_map(|host| host.node()).map(Node::record).collect();
        // A table fills fastest in its own order.
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

    /// Gives a hub the table of the first hub. By messages it would take minutes with 10,000 nodes.
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

    /// Brings the links of a node up, and delivers `messages` on the first of them.
    fn link_up(&mut self, at: usize, links: &[HostLink], proofs: &[Vec<u8>], messages: &[Vec<u8>]) {
        // A node remembers for each link what it has said there, so it learns every member before it has other links.
        for (nth, &HostLink { link, peer }) in links.iter().enumerate() {
            let Some(host) = self.hosts.get_mut(at) else { return };
            let seed = host.seeds.iter().position(|seed| *seed == Self::address(peer));
            let target = seed.and_then(|seed| u8::try_from(seed).ok()).map(Target::Seed);
            host.carriers.insert(link, Carrier::new(peer, target));
            if let Some(proof) = proofs.get(peer) {
                self.busy(at, |host| host.greet(link, proof));
            }
            if target.is_none() && self.is_hub(at) && self.is_hub(peer) {
                // The peer dialled and says this next. Without it this node would dial others meanwhile.
                let wants = [Tag::Neighbor as u8, 1];
                self.act(at, |node, now| {
                    _ = node.handle_gossip(now, LinkId(link), &wants, &mut Messages::discarded());
                });
            }
            for message in messages.iter().filter(|_| nth == 0) {
                self.act(at, |node, now| {
                    // A node does not answer records.
                    _ = node.handle_gossip(now, LinkId(link), message, &mut Messages::discarded());
                });
            }
        }
        self.note_changes(at);
    }
}
