//! Faults: of machines and their processes, and of the paths between them.

use std::prelude::rust_2024::*;

use super::Net;
use super::link::{Link, LinkNumber};
use super::reach::Path;
use crate::time::Duration;

impl Net {
    // Events of machines

    /// Starts a process.
    pub fn start(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine) else { return };
        this.running = true;
        if !core::mem::replace(&mut this.powered, true) {
            // Its kernel does not know the links that it had.
            for link in self.links_of(machine) {
                self.review(link);
                self.hang_up(machine, link);
            }
        }
    }

    /// Ends the process; its kernel closes its links.
    pub fn kill(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine) else { return };
        this.stop();
        for link in self.links_of(machine) {
            self.close(machine, link);
            self.review(link);
        }
    }

    /// Cuts the power: no peer is told.
    pub fn vanish(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine) else { return };
        this.stop();
        this.powered = false;
        for link in self.links_of(machine) {
            self.catch_up(link);
            self.shut(machine, link);
            self.review(link);
        }
    }

    /// Stops the process, as SIGSTOP does.
    pub fn pause(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine).filter(|machine| machine.running) else { return };
        this.paused = true;
        self.links_of(machine).into_iter().for_each(|link| self.review(link));
    }

    /// Lets it go on.
    pub fn resume(&mut self, machine: usize) {
        let Some(this) = self.machines.get_mut(machine).filter(|machine| machine.paused) else { return };
        this.paused = false;
        this.resumed_at = self.now;
        self.links_of(machine).into_iter().for_each(|link| self.review(link));
        self.take_turn(machine);
    }

    /// From now on the process takes so long for each event.
    pub fn set_effort(&mut self, machine: usize, effort: Duration) {
        if let Some(this) = self.machines.get_mut(machine) {
            this.effort = effort;
        }
    }

    // Events of the network

    /// Only machines in one zone reach each other.
    pub fn partition(&mut self, zone: impl Fn(usize) -> usize) {
        self.reach.partition((0..self.machines.len()).map(zone).collect());
        self.review_all();
    }

    /// Nothing that is sent along these paths between zones arrives. Each path is one direction.
    pub fn cut(&mut self, zone: impl Fn(usize) -> usize, paths: &[Path]) {
        self.reach.cut((0..self.machines.len()).map(zone).collect(), paths);
        self.review_all();
    }

    /// Cuts these paths as a firewall that rejects: links along them break, and a dial along one, or back, is refused.
    pub fn refuse(&mut self, zone: impl Fn(usize) -> usize, paths: &[Path]) {
        self.reach.refuse((0..self.machines.len()).map(zone).collect(), paths);
        let is_cut = |link: &Link| {
            let [one, other] = link.machines();
            !self.is_reachable(one, other)
        };
        let broken = self.links.iter().filter(|(_, link)| is_cut(link)).map(|(number, _)| *number);
        broken.collect::<Vec<LinkNumber>>().into_iter().for_each(|link| self.break_link(link));
        self.review_all();
    }

    /// Opens all paths.
    pub fn heal(&mut self) {
        self.reach.heal();
        self.review_all();
    }

    /// Breaks every link.
    pub fn break_links(&mut self) {
        let links: Vec<LinkNumber> = self.links.keys().copied().collect();
        links.into_iter().for_each(|link| self.break_link(link));
    }
}
