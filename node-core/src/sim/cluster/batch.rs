//! Hosts handle their events in parallel.
//!
//! An action of a host reaches another host no earlier than the shortest delay of the network. So events of different hosts
//! within less than that delay are handled in any order, on all processors; the events of one host are handled in the order of
//! time. Then the network does what the hosts want, in the order of the events: the history is the same on every machine.

use std::prelude::rust_2024::*;

use rayon::prelude::*;

use super::Cluster;
use super::adapter::{Adapter, Want};
use super::host::Host;
use super::watch::{Interest, Learned};
use crate::sim::net::Event;
use crate::time::{Duration, Instant};

/// A batch covers this part of the shortest delay of the network, and no more than [`LONGEST_BATCH`]. A timer that a host sets
/// to a time within the batch fires at its end, and a process that ends still handles the rest of its batch.
const PART_OF_DELAY: u32 = 10;
const LONGEST_BATCH: Duration = Duration::from_millis(10);
/// With fewer busy hosts than this, other processors cost more than they bring.
const MIN_PARALLEL: usize = 3;
/// Smaller clusters hardly ever have that many busy hosts.
const LARGE_CLUSTER: usize = 200;
/// Most events of a batch. More bring no speed and take memory.
const MAX_BATCH: usize = 4096;

/// An event of a host, and what came of it.
struct Happening {
    /// Its place in the batch.
    nth: usize,
    time: Instant,
    at: usize,
    event: Option<Event>,
    wants: Vec<Want>,
    learned: Vec<Learned>,
}

impl Cluster {
    /// Handles every event until `end`.
    pub(super) fn advance_to(&mut self, end: Instant) {
        let is_large = self.hosts.len() >= LARGE_CLUSTER;
        let mut go_on = || while self.advance(end, MAX_BATCH) {};
        // One of the threads that share the work runs it; another thread would only wait for them.
        if is_large { rayon::scope(|_| go_on()) } else { go_on() }
    }

    /// Handles the next batch of at most `most` events until `end`. Returns false when there was none.
    pub(super) fn advance(&mut self, end: Instant, most: usize) -> bool {
        let mut happenings = self.gather(end, most);
        if happenings.is_empty() {
            return false;
        }
        let (net, interest) = (&self.net, Interest::new(&self.hosts_by_id, &self.spreads));
        let handle = |(host, happenings): (&mut Host, &mut [Happening])| {
            let Some(Happening { at, time, .. }) = happenings.first() else { return };
            let mut adapter = Adapter::new(*at, *time, host, net);
            for happening in happenings {
                let Some(event) = happening.event.take() else { continue };
                adapter.turn_to(happening.time);
                happening.learned = adapter.handle(event, interest);
                happening.wants = adapter.take_wants();
            }
        };
        happenings.sort_unstable_by_key(|happening| (happening.at, happening.nth));
        let mut busy = with_hosts(&mut self.hosts, &mut happenings);
        if busy.len() < MIN_PARALLEL {
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

    /// The events of the next batch, by time.
    fn gather(&mut self, mut end: Instant, most: usize) -> Vec<Happening> {
        let window = LONGEST_BATCH.min(self.net.conditions.delay / PART_OF_DELAY);
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

/// Each busy host with its events; `happenings` are sorted by host.
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
