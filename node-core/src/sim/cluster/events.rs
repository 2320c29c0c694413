//! Events of hosts, and actions of their operators.

use std::prelude::rust_2024::*;

use super::Cluster;
use super::adapter::frame;
use super::host::Host;
use super::life::Life;
use crate::gossip::{Birth, Config, Kind, Start};
use crate::id::NodeId;
use crate::sim::net::LinkNumber;
use crate::time::{Duration, Instant};
use crate::wire::{FrameKind, GoAway};

/// Most members that a leaf is given memory for, as on a board.
const LEAF_MEMBERS: usize = 16;
/// How long the process runs on after its node left.
const LINGER: Duration = Duration::from_secs(1);

impl Cluster {
    /// Starts the node of a host, for the first time or after it ended.
    ///
    /// # Panics
    /// The host's metadata breaks a limit of the protocol, or of [`capacity`](Self::capacity).
    pub fn start(&mut self, at: usize, incarnation: u64) {
        let (mut capacity, seed, now) = (self.capacity, self.rng.u64(..), self.now());
        let Some(host) = self.hosts.get_mut(at) else { return };
        let mut config = Config::new(host.id, host.kind);
        (host.tune)(&mut config);
        if host.kind == Kind::Leaf {
            capacity.members = capacity.members.min(LEAF_MEMBERS);
        }
        let at_millis = u64::try_from(now.since(Instant::START).as_millis()).unwrap_or(u64::MAX);
        let start = Start { at: at_millis, random: host.starts };
        host.starts = host.starts.wrapping_add(1);
        let life =
            Life::new(capacity, config, Birth { incarnation, start, metadata: &host.metadata(&[]), seed });
        assert!(life.is_ok(), "the metadata of n{at} breaks a limit");
        host.life = life.ok();
        host.started = now;
        host.clock_jumped = Duration::ZERO;
        host.incarnation = incarnation;
        host.cursor = 0;
        host.ends = None;
        let seeds = host.seeds.clone();
        self.net.start(at);
        self.act(at, |node, now| {
            // A node takes eight join addresses; no host here has more.
            seeds.iter().for_each(|seed| _ = node.add_seed(now, seed));
        });
        self.net.set_timer(at, Some(now));
    }

    /// Starts a node again that remembers its incarnation.
    pub fn restart(&mut self, at: usize) {
        let incarnation = self.hosts.get(at).map_or(0, |host| host.incarnation);
        self.start(at, incarnation.saturating_add(1));
    }

    /// Ends the process; its kernel closes the links.
    pub fn kill(&mut self, at: usize) {
        self.net.kill(at);
        self.forget_life(at);
    }

    /// Cuts the power of the machine: its peers notice when the link times out.
    pub fn vanish(&mut self, at: usize) {
        self.net.vanish(at);
        self.forget_life(at);
    }

    fn forget_life(&mut self, at: usize) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        host.life = None;
        host.ends = None;
        host.dials.clear();
        host.carriers.clear();
    }

    /// Leaves the cluster; the process ends a second later.
    pub fn leave(&mut self, at: usize) {
        self.act(at, |node, now| node.leave(now));
        let end = self.now() + LINGER;
        if let Some(host) = self.hosts.get_mut(at).filter(|host| host.life.is_some()) {
            host.ends = Some(end);
        }
        self.settle(at);
        let links: Vec<LinkNumber> =
            self.hosts.get(at).into_iter().flat_map(|host| host.carriers.keys().copied()).collect();
        self.busy(at, |host| links.into_iter().for_each(|link| host.say_go_away(link, GoAway::Leaving)));
        self.note_changes(at);
    }

    /// A leaf announces that it sleeps for so many seconds, and goes to sleep.
    pub fn sleep(&mut self, at: usize, seconds: u32) {
        self.act(at, |node, _| _ = node.sleep(seconds));
        self.settle(at);
    }

    /// A leaf wakes, early or late.
    pub fn wake(&mut self, at: usize) {
        self.act(at, |node, now| _ = node.wake(now));
        self.settle(at);
    }

    /// An operator removes a member that a node has declared down. For any other member nothing happens.
    pub fn remove(&mut self, at: usize, id: NodeId) {
        self.act(at, |node, now| _ = node.remove(now, id));
        self.settle(at);
        self.note_changes(at);
    }

    /// Stops the process for a while.
    pub fn pause(&mut self, at: usize) {
        self.net.pause(at);
    }

    /// Lets the process go on.
    pub fn resume(&mut self, at: usize) {
        self.net.resume(at);
    }

    /// Stops the process of a host for some time while all others go on.
    pub fn pause_for(&mut self, at: usize, time: Duration) {
        self.pause(at);
        self.run(time);
        self.resume(at);
    }

    /// Sets the clock of a host ahead, as after a suspend of its machine that only others noticed.
    pub fn jump_clock(&mut self, at: usize, time: Duration) {
        if let Some(host) = self.hosts.get_mut(at) {
            host.clock_jumped = host.clock_jumped.saturating_add(time);
        }
        if !self.net.is_paused(at) {
            self.settle(at);
            self.note_changes(at);
        }
    }

    /// Sends a gossip message on all links of a host that its node would not send.
    pub fn lie(&mut self, at: usize, message: &[u8]) {
        let links = self.hosts.get(at).map(Host::usable_links).unwrap_or_default();
        for link in links {
            self.net.send(at, link, frame(FrameKind::Gossip, message));
        }
    }

    /// Changes the components that a node offers.
    pub fn set_components(&mut self, at: usize, components: &[&str]) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        host.components = components.iter().copied().map(String::from).collect();
        self.update_metadata(at);
    }

    /// Changes the components that a node uses.
    pub fn set_uses(&mut self, at: usize, uses: &[&str]) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        host.uses = uses.iter().copied().map(String::from).collect();
        self.update_metadata(at);
    }

    fn update_metadata(&mut self, at: usize) {
        let Some(host) = self.hosts.get(at) else { return };
        let me = host.node().and_then(|node| node.member(host.id));
        let hubs: Vec<NodeId> = me.into_iter().flat_map(|me| me.metadata.hubs).collect();
        self.set_metadata(at, &hubs);
        self.settle(at);
        self.note_changes(at);
    }

    /// Gives a node the metadata that its host has now.
    ///
    /// # Panics
    /// The metadata breaks a limit of the protocol.
    fn set_metadata(&mut self, at: usize, hubs: &[NodeId]) {
        let Some(host) = self.hosts.get_mut(at) else { return };
        let Some(mut life) = host.life.take() else { return };
        let result = life.with(|node| node.set_metadata(&host.metadata(hubs)));
        assert!(result.is_ok(), "the metadata of n{at} breaks a limit");
        host.life = Some(life);
    }

    /// Gives a running node another join address.
    pub fn add_seed(&mut self, at: usize, seed: usize) {
        let address = Self::address(seed);
        self.act(at, |node, now| _ = node.add_seed(now, &address));
        self.settle(at);
    }
}
