//! Scenarios can be played with foca.

use std::time::Duration;

use node_core::sim::{DeclaredDown, Known, Net, Spread};
use node_sim::figures::Figures;
use node_sim::scenario::Measure;
use node_sim::subject::{Lie, Subject};

use super::cluster::Swim;

impl Subject for Swim {
    fn net(&self) -> &Net {
        &self.net
    }

    fn net_mut(&mut self) -> &mut Net {
        &mut self.net
    }

    /// There are no leaves.
    fn is_hub(&self, _: usize) -> bool {
        true
    }

    fn spread(&self, number: usize) -> Option<&Spread> {
        self.spreads.get(number)
    }

    fn declared_down(&self) -> &[DeclaredDown] {
        &self.declared_down
    }

    fn wrong(&self, start: usize) -> Option<usize> {
        self.wrong(start)
    }

    /// foca has no links, and no table whose memory is known.
    fn add_figures(&mut self, _: Measure, _: &mut Figures) {}

    fn run(&mut self, time: Duration) {
        self.run(time);
    }

    fn reset_counters(&mut self) {
        self.net.clear_traffic();
        self.declared_down.clear();
    }

    fn follow(&mut self, about: usize, known: Known) -> usize {
        self.follow(about, known)
    }

    fn change(&mut self, at: usize, component: &str) -> usize {
        self.change(at, component)
    }

    fn join(&mut self) -> usize {
        let at = self.add();
        self.start(at);
        self.join(at);
        at
    }

    fn add_bystander(&mut self, _: bool) -> usize {
        self.net.add()
    }

    /// foca opens no connections.
    fn invent(&mut self, _: Lie) {}

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
        self.start_again(at, forget);
    }
}
