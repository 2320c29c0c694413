//! What nodes come to believe: doubts, wrong verdicts, and how news spreads.

use std::prelude::rust_2024::*;
use std::vec;

use super::Cluster;
use crate::gossip::State;
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

/// A member was called down while it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conviction {
    /// When.
    pub at: Instant,
    /// Who said so, of those that heard it here first.
    pub by: usize,
    /// Whom.
    pub about: usize,
    /// It stood still at that time, or could not be reached: no protocol could have known better.
    pub excused: bool,
}

/// What is to become known of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It is in this incarnation, or a later one.
    Incarnation(u64),
    /// It is down, or left.
    Departed,
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
        let (since, times) = (self.now(), vec![None; self.hosts.len()]);
        self.spreads.push(Spread { about, known, since, times });
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
        while let Some(member) = node.poll_change(&mut cursor) {
            let record = member.record;
            if record.id == host.id {
                incarnation = record.incarnation;
            }
            let interesting = record.state != State::Alive || !self.spreads.is_empty();
            let Some(&about) = self.hosts_by_id.get(&record.id).filter(|_| interesting) else { continue };
            if self.keep_beliefs && record.state != State::Alive {
                self.beliefs.push(Belief { at: now, by, about, state: record.state });
            }
            for spread in self.spreads.iter_mut().filter(|spread| spread.about == about) {
                let known = match spread.known {
                    Known::Incarnation(least) => record.incarnation >= least && record.state.is_live(),
                    Known::Departed => !record.state.is_live(),
                };
                if let Some(time) = spread.times.get_mut(by).filter(|time| known && time.is_none()) {
                    *time = Some(now.since(spread.since));
                }
            }
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
        let excused = self.net.is_paused(about) || !self.net.is_reachable(by, about);
        let Some(host) = self.hosts.get_mut(about) else { return };
        // A new life is not what was called down.
        if host.incarnation == incarnation && host.convicted != Some(incarnation) {
            host.convicted = Some(incarnation);
            self.convictions.push(Conviction { at: self.net.now(), by, about, excused });
        }
    }
}
