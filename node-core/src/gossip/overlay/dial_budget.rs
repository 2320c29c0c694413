//! The dial budget: token buckets bound how often a node dials, whatever other nodes tell it.
//!
//! A member is unverified until a link to it came up: one liar can invent such members by the thousand. Dials to them share a
//! small bucket, into which each of them that succeeds puts its token back, so a node joins an honest cluster without a wait.
//! While that bucket is empty, one dial at a time tries the next of them.

use crate::gossip::config::Config;
use crate::time::{Duration, Instant};

/// What a node knows of the address that it dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialClass {
    /// The configuration names it, or the member was linked here.
    Known,
    /// The member was never linked here, and a request waits for a link to it.
    Requested,
    /// The member was never linked here.
    Unverified,
}

/// How many dials are under way.
#[derive(Clone, Copy, Debug)]
pub struct UnderWay {
    pub known: usize,
    /// To members that were never linked here.
    pub unproven: usize,
}

/// The budget.
pub struct DialBudget {
    all: TokenBucket,
    unverified: TokenBucket,
    /// No dial to an unverified member before, once its bucket is empty.
    trickle_at: Instant,
    /// The last dial to an unverified member found its bucket empty, and none has succeeded since.
    trickles: bool,
}

impl DialBudget {
    pub const fn new() -> Self {
        Self {
            all: TokenBucket::FULL,
            unverified: TokenBucket::FULL,
            trickle_at: Instant::START,
            trickles: false,
        }
    }

    /// When a dial of this class may begin; `None` while it waits for the end of another.
    pub fn due(&self, config: &Config, class: DialClass, under_way: UnderWay) -> Option<Instant> {
        // Probes of members that were linked always find tokens.
        let (mine, kept) = match class {
            DialClass::Known => (under_way.known, 0),
            DialClass::Requested | DialClass::Unverified => (under_way.unproven, config.dial_burst / 2),
        };
        if mine >= config.dials {
            return None;
        }
        let all = self.all.ready_at(dials(config).without(kept))?;
        if class != DialClass::Unverified {
            return Some(all);
        }
        let burst = self.unverified.ready_at(unverified(config));
        let trickle = (under_way.unproven == 0).then_some(self.trickle_at);
        Some(burst.into_iter().chain(trickle).min()?.max(all))
    }

    /// A dial begins.
    pub fn take(&mut self, config: &Config, now: Instant, class: DialClass) {
        self.all.take(now, dials(config));
        if class == DialClass::Unverified {
            let rate = unverified(config);
            self.trickles = self.unverified.ready_at(rate).is_none_or(|at| at > now);
            if !self.trickles {
                self.unverified.take(now, rate);
            }
            self.trickle_at = now + config.unproven_interval;
        }
    }

    /// A dial reached the unverified member that it was for.
    pub fn put_back(&mut self, config: &Config, now: Instant) {
        self.unverified.put_back(unverified(config));
        (self.trickle_at, self.trickles) = (now, false);
    }

    /// Whether unverified members were unreachable so often that dials to them are no hope for a link.
    pub const fn trickles(&self) -> bool {
        self.trickles
    }
}

const fn dials(config: &Config) -> Rate {
    Rate { burst: config.dial_burst, interval: config.dial_interval }
}

const fn unverified(config: &Config) -> Rate {
    Rate { burst: config.unproven_burst, interval: config.retry_max }
}

/// The size of a bucket, and the time until one more token drops into it.
#[derive(Clone, Copy)]
struct Rate {
    burst: u32,
    interval: Duration,
}

impl Rate {
    const fn without(self, kept: u32) -> Self {
        Self { burst: self.burst.saturating_sub(kept), ..self }
    }
}

/// A token bucket, kept as the time when it is full (the generic cell rate algorithm).
struct TokenBucket {
    full_at: Instant,
}

impl TokenBucket {
    const FULL: Self = Self { full_at: Instant::START };

    /// When there is a token; `None` when the bucket holds none at all.
    fn ready_at(&self, rate: Rate) -> Option<Instant> {
        Some(self.full_at - rate.interval.saturating_mul(rate.burst.checked_sub(1)?))
    }

    fn take(&mut self, now: Instant, rate: Rate) {
        self.full_at = self.full_at.max(now) + rate.interval;
    }

    fn put_back(&mut self, rate: Rate) {
        self.full_at = self.full_at - rate.interval;
    }
}

#[cfg(test)]
mod tests {
    use super::{DialBudget, DialClass, UnderWay};
    use crate::gossip::config::Config;
    use crate::id::NodeId;
    use crate::time::{Duration, Instant};
    use crate::wire::Kind;

    const CONFIG: Config = Config::new(NodeId([1; 16]), Kind::Hub);
    const NONE: UnderWay = UnderWay { known: 0, unproven: 0 };
    const TIME: Duration = Duration::from_secs(40);

    /// How many dials begin within [`TIME`] if each ends after `lasts`, and puts its token back if it `succeeds`.
    fn dials(class: DialClass, lasts: Duration, succeeds: bool) -> u32 {
        let (mut budget, mut now, mut count) = (DialBudget::new(), Instant::START, 0);
        let mut ends = std::collections::VecDeque::new();
        while now < Instant::START + TIME {
            while ends.pop_front_if(|end| *end <= now).is_some() {
                if succeeds {
                    budget.put_back(&CONFIG, now);
                }
            }
            let under_way = match class {
                DialClass::Known => UnderWay { known: ends.len(), ..NONE },
                _ => UnderWay { unproven: ends.len(), ..NONE },
            };
            if budget.due(&CONFIG, class, under_way).is_some_and(|due| due <= now) {
                budget.take(&CONFIG, now, class);
                count += 1;
                ends.push_back(now + lasts);
            }
            now = now + Duration::from_millis(1);
        }
        count
    }

    #[test]
    fn all_dials_share_one_budget() {
        let most = CONFIG.dial_burst + (TIME.as_millis() / CONFIG.dial_interval.as_millis()) as u32;
        let made = dials(DialClass::Known, Duration::ZERO, false);
        assert!((most - 1..=most + 1).contains(&made), "{made}");
    }

    #[test]
    fn false_records_of_members_are_dialled_at_a_trickle() {
        let made = dials(DialClass::Unverified, Duration::from_millis(5), false);
        let most = CONFIG.unproven_burst + 1 + TIME.as_secs() as u32;
        assert!((most - 10..=most).contains(&made), "{made}");
        // Dials that take long go out one at a time.
        let made = dials(DialClass::Unverified, Duration::from_secs(10), false);
        assert!(made <= CONFIG.unproven_burst + 1 + 4, "{made}");
    }

    #[test]
    fn true_records_of_members_are_dialled_as_fast_as_the_budget_allows() {
        let made = dials(DialClass::Unverified, Duration::from_millis(50), true);
        assert!(made > 300, "{made}");
    }

    #[test]
    fn unverified_members_leave_tokens_and_places_for_what_is_known() {
        let mut budget = DialBudget::new();
        let now = Instant::START + TIME;
        let busy = UnderWay { known: 0, unproven: CONFIG.dials };
        for _ in 0..CONFIG.dial_burst / 2 {
            assert!(budget.due(&CONFIG, DialClass::Requested, NONE).is_some_and(|due| due <= now));
            budget.take(&CONFIG, now, DialClass::Requested);
        }
        assert!(budget.due(&CONFIG, DialClass::Requested, NONE).is_some_and(|due| due > now));
        assert_eq!(budget.due(&CONFIG, DialClass::Requested, busy), None);
        for _ in 0..CONFIG.dial_burst / 2 {
            assert!(budget.due(&CONFIG, DialClass::Known, busy).is_some_and(|due| due <= now));
            budget.take(&CONFIG, now, DialClass::Known);
        }
        assert!(budget.due(&CONFIG, DialClass::Known, busy).is_some_and(|due| due > now));
    }
}
