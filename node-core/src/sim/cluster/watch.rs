//! Records what nodes learn: suspicions, running members that are declared down, and how a change spreads.

use std::collections::HashMap;
use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use super::adapter::Adapter;
use super::host::LastDeclaredDown;
use crate::gossip::State;
use crate::id::NodeId;
use crate::sim::net::Net;
use crate::time::{Duration, Instant};

/// One node came to believe that another is suspect, down or left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belief {
    /// The time.
    pub at: Instant,
    /// The host that believes it.
    pub by: usize,
    /// The host that it is about.
    pub about: usize,
    /// The state that it is believed to be in.
    pub state: State,
}

/// A member was declared down while it ran. Counted once for each incarnation, and once more when the first time was
/// [`while_silent`](Self::while_silent) and another was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeclaredDown {
    /// The time.
    pub at: Instant,
    /// The host that was seen first to hold it down.
    pub by: usize,
    /// The host that ran.
    pub about: usize,
    /// The member could not be heard: it was paused then or a moment ago, so that its refutation was under way at best, or the
    /// network was cut. No protocol could have known better.
    pub while_silent: bool,
}

/// Rounds that a member needs after a pause to open new links and to spread its refutation.
const REFUTATION_ROUNDS: u32 = 4 + 12;

impl DeclaredDown {
    /// From now on `by` holds a running member down.
    #[must_use]
    pub fn now(net: &Net, by: usize, about: usize) -> Self {
        let awake = net.now().since(net.resumed_at(about)) > net.conditions.round() * REFUTATION_ROUNDS;
        let while_silent = net.is_paused(about) || !awake || !net.is_reachable(by, about);
        Self { at: net.now(), by, about, while_silent }
    }
}

/// A fact about a member that is followed while it spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// The member is in this incarnation, or a later one.
    Incarnation(u64),
    /// The member is down, or left.
    Departed,
}

/// A change of a member's record that a host learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberUpdate {
    /// The member.
    pub about: usize,
    /// Its incarnation.
    pub incarnation: u64,
    /// Whether it is alive or suspect.
    pub live: bool,
}

/// When each host learned a fact about a member.
#[derive(Clone, Debug)]
pub struct Spread {
    about: usize,
    known: Known,
    since: Instant,
    /// When each host learned it, counted from `since`.
    times: Vec<Option<Duration>>,
}

impl Spread {
    /// Follows a fact from `since` on, among so many hosts.
    #[must_use]
    pub fn new(about: usize, known: Known, since: Instant, hosts: usize) -> Self {
        Self { about, known, since, times: vec![None; hosts] }
    }

    /// A host learns an update; one that is not about the fact is ignored.
    pub fn hear(&mut self, now: Instant, by: usize, update: MemberUpdate) {
        let known = update.about == self.about
            && match self.known {
                Known::Incarnation(least) => update.live && update.incarnation >= least,
                Known::Departed => !update.live,
            };
        if let Some(time) = self.times.get_mut(by).filter(|time| known && time.is_none()) {
            *time = Some(now.since(self.since));
        }
    }

    /// The time until a share of the hosts for which `counts` holds knew it; `None` when they do not yet.
    #[must_use]
    pub fn time(&self, share: f64, counts: impl Fn(usize) -> bool) -> Option<Duration> {
        let counted = (0..).zip(&self.times).filter(|(at, _)| counts(*at) && *at != self.about);
        let mut times: Vec<Option<Duration>> = counted.map(|(_, time)| *time).collect();
        // Hosts that do not know it come last.
        times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
        let enough = (times.len() as f64 * share).ceil() as usize;
        times.get(enough.checked_sub(1)?).copied().flatten()
    }
}

/// A record that a node learned.
pub(super) struct Learned {
    about: usize,
    incarnation: u64,
    state: State,
}

/// Which learned records are noted.
#[derive(Clone, Copy)]
pub(super) struct Interest<'c> {
    hosts_by_id: &'c HashMap<NodeId, usize>,
    /// All records; otherwise only those of members that are not alive.
    all: bool,
}

impl<'c> Interest<'c> {
    pub(super) const fn new(hosts_by_id: &'c HashMap<NodeId, usize>, spreads: &[Spread]) -> Self {
        Self { hosts_by_id, all: !spreads.is_empty() }
    }
}

impl Adapter<'_> {
    /// The records that the node learned since this was called last.
    pub(super) fn learned(&mut self, interest: Interest<'_>) -> Vec<Learned> {
        let mut learned = Vec::new();
        let Some(life) = &self.host.life else { return learned };
        for (number, record) in life.node().changed_records(self.host.cursor) {
            self.host.cursor = number;
            if record.id == self.host.id {
                self.host.incarnation = record.incarnation;
            }
            if (interest.all || record.state != State::Alive)
                && let Some(&about) = interest.hosts_by_id.get(&record.id)
            {
                learned.push(Learned { about, incarnation: record.incarnation, state: record.state });
            }
        }
        learned
    }
}

impl Cluster {
    /// Follows how a fact spreads from now on. Returns its number for [`spread`](Self::spread).
    pub fn follow(&mut self, about: usize, known: Known) -> usize {
        self.spreads.push(Spread::new(about, known, self.now(), self.hosts.len()));
        self.spreads.len() - 1
    }

    /// How far a followed fact has spread.
    #[must_use]
    pub fn spread(&self, number: usize) -> Option<&Spread> {
        self.spreads.get(number)
    }

    /// Ends what [`follow`](Self::follow) began, all of it.
    pub fn follow_nothing(&mut self) {
        self.spreads.clear();
    }

    /// Notes what a node learned now.
    pub(super) fn note(&mut self, by: usize, learned: &[Learned]) {
        let now = self.net.now();
        for &Learned { about, incarnation, state } in learned {
            if self.keep_beliefs && state != State::Alive {
                self.beliefs.push(Belief { at: now, by, about, state });
            }
            let update = MemberUpdate { about, incarnation, live: state.is_live() };
            self.spreads.iter_mut().for_each(|spread| spread.hear(now, by, update));
            if state == State::Down && self.net.is_running(about) {
                self.note_declared_down(by, about, incarnation);
            }
        }
    }

    fn note_declared_down(&mut self, by: usize, about: usize, incarnation: u64) {
        let Some(host) = self.hosts.get_mut(about) else { return };
        // A member that started again is not the one that was declared down.
        if host.incarnation != incarnation {
            return;
        }
        let now = DeclaredDown::now(&self.net, by, about);
        // It counts again when the member could not be heard the first time, and can be now.
        let is_known = |last: LastDeclaredDown| {
            last.incarnation == incarnation && (!last.while_silent || now.while_silent)
        };
        if !host.declared_down.is_some_and(is_known) {
            host.declared_down = Some(LastDeclaredDown { incarnation, while_silent: now.while_silent });
            self.declared_down.push(now);
        }
    }
}
