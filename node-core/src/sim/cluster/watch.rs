//! What nodes come to believe: doubts, wrong verdicts, and how news spreads.

use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use crate::gossip::State;
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

/// Rounds in which an objection reaches all.
const OBJECTION: u32 = 10;

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

    /// Notes what a node came to believe; whether that was anything.
    pub(super) fn note_changes(&mut self, by: usize) -> bool {
        let now = self.net.now();
        let Some(host) = self.hosts.get(by) else { return false };
        let Some(node) = host.node() else { return false };
        let mut cursor = host.cursor;
        let mut incarnation = host.incarnation;
        let mut convictions = Vec::new();
        let before = cursor;
        for (number, record) in node.changed_records(cursor) {
            cursor = number;
            if record.id == host.id {
                incarnation = record.incarnation;
            }
            let interesting = record.state != State::Alive || !self.spreads.is_empty();
            let Some(&about) = self.hosts_by_id.get(&record.id).filter(|_| interesting) else { continue };
            if self.keep_beliefs && record.state != State::Alive {
                self.beliefs.push(Belief { at: now, by, about, state: record.state });
            }
            let news = News { about, incarnation: record.incarnation, live: record.state.is_live() };
            self.spreads.iter_mut().for_each(|spread| spread.hear(now, by, news));
            if record.state == State::Down && self.net.is_running(about) {
                convictions.push((about, record.incarnation));
            }
        }
        if let Some(host) = self.hosts.get_mut(by) {
            (host.cursor, host.incarnation) = (cursor, incarnation);
        }
        for (about, incarnation) in convictions {
            self.convict(by, about, incarnation);
        }
        cursor != before
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
