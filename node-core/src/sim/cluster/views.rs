//! The views of nodes, and whether they are true.

use std::format;
use std::prelude::rust_2024::*;

use super::Cluster;
use crate::gossip::{Kind, Node, Record, State};

impl Cluster {
    /// The state of a member in the view of a node.
    #[must_use]
    pub fn state(&self, by: usize, about: usize) -> Option<State> {
        let about = self.hosts.get(about)?.id;
        self.node(by)?.member(about).map(|member| member.record.state)
    }

    /// Whether every running hub believes this of a host's node.
    #[must_use]
    pub fn all_hubs_say(&self, about: usize, state: State) -> bool {
        self.hubs().all(|by| self.state(by, about) == Some(state))
    }

    /// Hubs that run.
    pub fn hubs(&self) -> impl Iterator<Item = usize> {
        self.running().filter(|&at| self.is_hub(at))
    }

    /// Whether a host's node is a hub.
    #[must_use]
    pub fn is_hub(&self, at: usize) -> bool {
        self.hosts.get(at).is_some_and(|host| host.kind == Kind::Hub)
    }

    /// Whether every hub sees exactly the running nodes as live, each with its own record.
    #[must_use]
    pub fn converged(&self) -> bool {
        let truth = self.truth();
        self.hubs().all(|by| self.sees(by, &truth))
    }

    /// The first hub from `start` on, in a circle, that does not see the truth. A caller that asks again and again starts with
    /// the hub that was wrong a moment ago.
    #[must_use]
    pub fn wrong_hub(&self, start: usize) -> Option<usize> {
        let truth = self.truth();
        let (before, from): (Vec<usize>, Vec<usize>) = self.hubs().partition(|&at| at < start);
        from.into_iter().chain(before).find(|&by| !self.sees(by, &truth))
    }

    /// The records of all nodes that run, by id.
    fn truth(&self) -> Vec<Record<'_>> {
        let mut truth: Vec<Record<'_>> =
            self.hosts.iter().filter_map(|host| host.node()).map(|node| node.record()).collect();
        truth.sort_unstable_by_key(|record| record.id);
        truth
    }

    fn sees(&self, by: usize, truth: &[Record<'_>]) -> bool {
        let Some(node) = self.node(by) else { return false };
        let live = node.records().filter(|record| record.state.is_live());
        live.eq(truth.iter().copied())
    }

    /// Links that are up between two hosts, as the first sees them.
    #[must_use]
    pub fn links(&self, at: usize, other: usize) -> usize {
        self.peers(at).filter(|&peer| peer == other).count()
    }

    /// Hosts that a host is linked to.
    pub fn peers(&self, at: usize) -> impl Iterator<Item = usize> {
        let carriers = self.hosts.get(at).into_iter().flat_map(|host| host.carriers.values());
        carriers.filter(|carrier| carrier.is_usable()).map(|carrier| carrier.peer)
    }

    /// The views of all nodes, as text.
    #[must_use]
    pub fn views(&self) -> String {
        let mut text = String::new();
        for by in self.running().take(MAX_VIEWS) {
            let states = (0..self.hosts.len().min(MAX_VIEWS)).map(|about| self.state(by, about));
            let states = states.map(|state| state.map_or_else(|| "-".into(), |state| format!("{state}")));
            let states: Vec<String> = states.collect();
            let links: Vec<usize> = self.peers(by).collect();
            text += &format!("n{by} sees {states:?}, linked to {links:?}\n");
        }
        text + &self.errors()
    }

    /// The errors in the views of hubs, as text.
    fn errors(&self) -> String {
        let mut text = String::new();
        let pairs =
            self.hubs().take(MAX_VIEWS).flat_map(|by| (0..self.hosts.len()).map(move |about| (by, about)));
        for (by, about) in pairs.take(MAX_VIEWS * MAX_VIEWS) {
            let Some(id) = self.hosts.get(about).map(|host| host.id) else { continue };
            let seen = self.node(by).and_then(|node| node.member(id)).map(|member| member.record);
            let seen = seen.filter(|record| record.state.is_live());
            let is = self.node(about).map(Node::record);
            if seen != is {
                text += &format!("n{by} is wrong about n{about}:\n  {seen:?}, but it is\n  {is:?}\n");
            }
        }
        text
    }
}

/// Nodes whose views are printed.
const MAX_VIEWS: usize = 20;
