//! Several hosts at once.
//!
//! Whatever a host does reaches another one after the shortest way of the network at the earliest. What happens to different
//! hosts within less than that is handled in any order, on as many processors as there are, and only then is
//! what they want of the network done, in the order of what happened: so the history is the same on every machine.

use std::collections::HashSet;
use std::prelude::rust_2024::*;

use rayon::prelude::*;

use super::Cluster;
use super::adapter::{Adapter, Want};
use super::host::Host;
use super::watch::{Curiosity, Learned};
use crate::sim::net::Event;
use crate::time::{Duration, Instant};

/// The longest time of which what happens is handled at once: what a host sets its timer to within it happens that much late.
const WINDOW: Duration = Duration::from_millis(1);
/// For fewer hosts that something happens to at once, other processors cost more than they bring.
const FEW: usize = 3;
/// In smaller clusters there are hardly ever more.
const MANY: usize = 200;

/// What happens to a host, when, and what came of it.
pub(super) struct Happening {
    time: Instant,
    at: usize,
    event: Option<Event>,
    wants: Vec<Want>,
    learned: Vec<Learned>,
}

impl Cluster {
    /// Handles all that happens until `end`.
    pub(super) fn advance_to(&mut self, end: Instant) {
        let many = self.hosts.len() >= MANY;
        let mut go_on = || while self.advance(end, usize::MAX) {};
        // By one of the threads that share the work: else it would wait for them.
        if many { rayon::scope(|_| go_on()) } else { go_on() }
    }

    /// Handles what happens next until `end`, to at most so many hosts; `false` when it is `end`.
    pub(super) fn advance(&mut self, end: Instant, most: usize) -> bool {
        let mut happenings = self.gather(end, most);
        if happenings.is_empty() {
            return false;
        }
        let (net, curious) = (&self.net, Curiosity::new(&self.hosts_by_id, &self.spreads));
        let handle = |(host, happening): (&mut Host, &mut Happening)| {
            let Some(event) = happening.event.take() else { return };
            let mut adapter = Adapter::new((happening.at, happening.time), host, net);
            happening.learned = adapter.handle(event, curious);
            happening.wants = adapter.wants();
        };
        let mut busy = with_hosts(&mut self.hosts, &mut happenings);
        if busy.len() < FEW {
            busy.drain(..).for_each(handle);
        } else {
            busy.into_par_iter().for_each(handle);
        }
        let now = self.net.now();
        for Happening { time, at, wants, learned, .. } in happenings {
            self.net.act_at(time);
            self.carry_out(at, wants);
            self.note(at, &learned);
        }
        self.net.act_at(now);
        true
    }

    /// What happens next to different hosts, by time.
    fn gather(&mut self, end: Instant, most: usize) -> Vec<Happening> {
        let mut happenings: Vec<Happening> = Vec::new();
        let mut hosts = HashSet::new();
        let window = WINDOW.min(self.net.conditions.delay);
        let mut end = end;
        while happenings.len() < most {
            let next = self.next.take().or_else(|| {
                let (at, event) = self.net.next(end)?;
                let time = self.net.now();
                Some(Happening { time, at, event: Some(event), wants: Vec::new(), learned: Vec::new() })
            });
            let Some(next) = next else { break };
            if !hosts.insert(next.at) {
                self.next = Some(next);
                break;
            }
            if happenings.is_empty() {
                end = end.min(next.time + window);
            }
            happenings.push(next);
        }
        happenings
    }
}

/// What happens together with the hosts that it happens to, which are different ones.
fn with_hosts<'c>(
    mut hosts: &'c mut [Host],
    happenings: &'c mut [Happening],
) -> Vec<(&'c mut Host, &'c mut Happening)> {
    let mut sorted: Vec<&mut Happening> = happenings.iter_mut().collect();
    sorted.sort_unstable_by_key(|happening| happening.at);
    let mut first = 0;
    let mut pairs = Vec::with_capacity(sorted.len());
    for happening in sorted {
        let Some((_, from)) = hosts.split_at_mut_checked(happening.at - first) else { break };
        let Some((host, behind)) = from.split_first_mut() else { break };
        (hosts, first) = (behind, happening.at + 1);
        pairs.push((host, happening));
    }
    pairs
}
