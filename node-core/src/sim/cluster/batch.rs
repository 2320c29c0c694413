//! Several hosts at once.
//!
//! Whatever a host does reaches another one after the shortest way of the network at the earliest. What happens to different
//! hosts within less than that is handled in any order, on as many processors as there are, what happens to one host in the order of time.
//! Only then is what they want of the network done, in the order of what happened: so the history is the same on every machine.

use std::prelude::rust_2024::*;

use rayon::prelude::*;

use super::Cluster;
use super::adapter::{Adapter, Want};
use super::host::Host;
use super::watch::{Curiosity, Learned};
use crate::sim::net::Event;
use crate::time::{Duration, Instant};

/// What happens within such a part of the shortest way through the network is handled at once, and at most what happens within
/// so much time: what a host sets its timer to within it happens that much late, and a process that ends is told of the rest of it.
const PART_OF_WAY: u32 = 10;
const LONGEST: Duration = Duration::from_millis(10);
/// For fewer hosts that something happens to at once, other processors cost more than they bring.
const FEW: usize = 3;
/// In smaller clusters there are hardly ever more.
const MANY: usize = 200;
/// Most that is handled at once: more brings nothing, and takes memory.
const MOST: usize = 4096;

/// What happens to a host, when, and what came of it.
struct Happening {
    /// Its place among all that happen at once.
    nth: usize,
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
        let mut go_on = || while self.advance(end, MOST) {};
        // By one of the threads that share the work: else it would wait for them.
        if many { rayon::scope(|_| go_on()) } else { go_on() }
    }

    /// Handles what happens next until `end`, at most so many things; `false` when it is `end`.
    pub(super) fn advance(&mut self, end: Instant, most: usize) -> bool {
        let mut happenings = self.gather(end, most);
        if happenings.is_empty() {
            return false;
        }
        let (net, curious) = (&self.net, Curiosity::new(&self.hosts_by_id, &self.spreads));
        let handle = |(host, happenings): (&mut Host, &mut [Happening])| {
            let Some(Happening { at, time, .. }) = happenings.first() else { return };
            let mut adapter = Adapter::new((*at, *time), host, net);
            for happening in happenings {
                let Some(event) = happening.event.take() else { continue };
                adapter.turn_to(happening.time);
                happening.learned = adapter.handle(event, curious);
                happening.wants = adapter.take_wants();
            }
        };
        happenings.sort_unstable_by_key(|happening| (happening.at, happening.nth));
        let mut busy = with_hosts(&mut self.hosts, &mut happenings);
        if busy.len() < FEW {
            busy.drain(..).for_each(handle);
        } else {
            busy.into_par_iter().for_each(handle);
        }
        happenings.sort_unstable_by_key(|happening| happening.nth);
        let now = self.net.now();
        for Happening { time, at, wants, learned, .. } in happenings {
            self.net.act_at(time);
            self.carry_out(at, wants);
            self.note(at, &learned);
        }
        self.net.act_at(now);
        true
    }

    /// What happens next, by time.
    fn gather(&mut self, mut end: Instant, most: usize) -> Vec<Happening> {
        let window = LONGEST.min(self.net.conditions.delay / PART_OF_WAY);
        let mut happenings: Vec<Happening> = Vec::new();
        while happenings.len() < most {
            let Some((at, event)) = self.net.next(end) else { break };
            let (nth, time) = (happenings.len(), self.net.now());
            if nth == 0 {
                end = end.min(time + window);
            }
            let (wants, learned) = (Vec::new(), Vec::new());
            happenings.push(Happening { nth, time, at, event: Some(event), wants, learned });
        }
        happenings
    }
}

/// What happens together with the hosts that it happens to; `happenings` are sorted by these.
fn with_hosts<'c>(
    mut hosts: &'c mut [Host],
    happenings: &'c mut [Happening],
) -> Vec<(&'c mut Host, &'c mut [Happening])> {
    let mut first = 0;
    let mut pairs = Vec::with_capacity(happenings.len());
    for of_one in happenings.chunk_by_mut(|one, next| one.at == next.at) {
        let Some(at) = of_one.first().map(|happening| happening.at) else { continue };
        let Some((_, from)) = hosts.split_at_mut_checked(at - first) else { break };
        let Some((host, behind)) = from.split_first_mut() else { break };
        (hosts, first) = (behind, at + 1);
        pairs.push((host, of_one));
    }
    pairs
}
