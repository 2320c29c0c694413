//! What nodes come to believe: doubts, wrong verdicts, and how news spreads.

use std::collections::HashMap;
use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use super::adapter::Adapter;
use crate::gossip::State;
use crate::id::NodeId;
use crate::sim::net::Net;
use crate::time::{Duration, Instant};

/// A doubt that one node came to believe of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Belief {
    /// When.
    pub at: Instant,
    /// Who.
    pub by: usize,
    /// Of whom.
    pub about: usize,
    /// What.
    pub state: State,
}

/// A member was called down while it ran: once in each incarnation, and once more when somebody had no reason to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conviction {
    /// When.
    pub at: Instant,
    /// Who said so, of those that heard it here first.
    pub by: usize,
    /// Whom.
    pub about: usize,
    /// It stood still at that time or a moment ago, so that its objection was under way at best, or could not be reached: no
    /// protocol could have known better.
    pub excused: bool,
}

/// Rounds in which who stood still opens a link in place of those that were given up, and its objection reaches all.
const OBJECTION: u32 = 4 + 12;

impl Conviction {
    /// From now on `by` calls a member down that runs.
    #[must_use]
    pub fn now(net: &Net, by: usize, about: usize) -> Self {
        let awake = net.now().since(net.resumed_at(about)) > net.conditions.round() * OBJECTION;
        let excused = net.is_paused(about) || !awake || !net.is_reachable(by, about);
        Self { at: net.now(), by, about, excused }
    }
}

/// What is to become known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is in this incarnation, or a later one.
    Incarnation(u64),
    /// It is down, or left.
    Departed,
}

/// What a host comes to know of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Which.
    pub about: usize,
    /// The incarnation that it is in.
    pub incarnation: u64,
    /// Whether it is a member still.
    pub live: bool,
}

/// Who knows something of a member, since when.
#[derive(Clone, Debug)]
pub struct Spread {
    about: usize,
    known: Known,
    since: Instant,
    /// When each host came to know, counted from `since`.
    times: Vec<Option<Duration>>,
}

impl Spread {
    /// Follows something from `since` on, among so many hosts.
    #[must_use]
    pub fn new(about: usize, known: Known, since: Instant, hosts: usize) -> Self {
        Self { about, known, since, times: vec![None; hosts] }
    }

    /// A host hears news; what else it is about than this is no matter.
    pub fn hear(&mut self, now: Instant, by: usize, news: News) {
        let known = news.about == self.about
            && match self.known {
                Known::Incarnation(least) => news.live && news.incarnation >= least,
                Known::Departed => !news.live,
            };
        if let Some(time) = self.times.get_mut(by).filter(|time| known && time.is_none()) {
            *time = Some(now.since(self.since));
        }
    }

    /// How long it took until it was known to a share of the hosts for which `counts` holds; `None` when it is not yet.
    #[must_use]
    pub fn time(&self, share: f64, counts: impl Fn(usize) -> bool) -> Option<Duration> {
        let counted = (0..).zip(&self.times).filter(|(at, _)| counts(*at) && *at != self.about);
        let mut times: Vec<Option<Duration>> = counted.map(|(_, time)| *time).collect();
        // Those that do not know come last.
        times.sort_by_key(|time| time.unwrap_or(Duration::MAX));
        let enough = (times.len() as f64 * share).ceil() as usize;
        times.get(enough.checked_sub(1)?).copied().flatten()
    }
}

/// What one node came to believe of another.
pub(super) struct Learned {
    about: usize,
    incarnation: u64,
    state: State,
}

/// What is worth knowing of what nodes come to believe.
#[derive(Clone, Copy)]
pub(super) struct Curiosity<'c> {
    hosts_by_id: &'c HashMap<NodeId, usize>,
    /// All of it; else doubts alone.
    all: bool,
}

impl<'c> Curiosity<'c> {
    pub(super) const fn new(hosts_by_id: &'c HashMap<NodeId, usize>, spreads: &[Spread]) -> Self {
        Self { hosts_by_id, all: !spreads.is_empty() }
    }
}

impl Adapter<'_> {
    /// What the node came to believe since this was asked last.
    pub(super) fn learned(&mut self, curious: Curiosity<'_>) -> Vec<Learned> {
        let mut learned = Vec::new();
        let Some(life) = &self.host.life else { return learned };
        for (number, record) in life.node().changed_records(self.host.cursor) {
            self.host.cursor = number;
            if record.id == self.host.id {
                self.host.incarnation = record.incarnation;
            }
            if (curious.all || record.state != State::Alive)
                && let Some(&about) = curious.hosts_by_id.get(&record.id)
            {
                learned.push(Learned { about, incarnation: record.incarnation, state: record.state });
            }
        }
        learned
    }
}

impl Cluster {
    /// Follows how something spreads from now on; the number is for [`spread`](Self::spread).
    pub fn follow(&mut self, about: usize, known: Known) -> usize {
        self.spreads.push(Spread::new(about, known, self.now(), self.hosts.len()));
        self.spreads.len() - 1
    }

    /// How far something that is followed has spread.
    #[must_use]
    pub fn spread(&self, number: usize) -> Option<&Spread> {
        self.spreads.get(number)
    }

    /// Ends what [`follow`](Self::follow) began, all of it.
    pub fn follow_nothing(&mut self) {
        self.spreads.clear();
    }

    /// Notes what a node came to believe now.
    pub(super) fn note(&mut self, by: usize, learned: &[Learned]) {
        let now = self.net.now();
        for &Learned { about, incarnation, state } in learned {
            if self.keep_beliefs && state != State::Alive {
                self.beliefs.push(Belief { at: now, by, about, state });
            }
            let news = News { about, incarnation, live: state.is_live() };
            self.spreads.iter_mut().for_each(|spread| spread.hear(now, by, news));
            if state == State::Down && self.net.is_running(about) {
                self.convict(by, about, incarnation);
            }
        }
    }

    fn convict(&mut self, by: usize, about: usize, incarnation: u64) {
        let Some(host) = self.hosts.get_mut(about) else { return };
        // A new life is not what was called down.
        if host.incarnation != incarnation {
            return;
        }
        let conviction = Conviction::now(&self.net, by, about);
        // What somebody had reason to believe at first, others may have none for.
        let known =
            |(before, excused): (u64, bool)| before == incarnation && (!excused || conviction.excused);
        if !host.convicted.is_some_and(known) {
            host.convicted = Some((incarnation, conviction.excused));
            self.convictions.push(conviction);
        }
    }
}
