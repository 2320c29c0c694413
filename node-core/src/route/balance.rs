//! The choice among several that could answer a request, and who is left out for a while because its answers failed.
//!
//! Pure: the adapter counts requests under way and keeps an [`Outlier`] for each target.

use crate::time::{Duration, Instant};
use crate::wire::State;

/// Failures in a row after which a target is ejected.
pub const FAILURES: u8 = 5;
/// How long a target is ejected for the first time. The n-th time in a row it is n times as long.
pub const BASE_EJECTION: Duration = Duration::from_secs(10);
/// A target is ejected for this many times [`BASE_EJECTION`] at most.
pub const MAX_TIMES: u8 = 30;

/// A target that could answer a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// It is on this node, which saves a hop.
    pub local: bool,
    /// The state of its node. Only an alive or suspect one is chosen.
    pub state: State,
    /// It takes no new requests: it drains, its health check fails, or it is at its limit.
    pub closed: bool,
    /// [`Outlier::is_ejected`].
    pub ejected: bool,
    /// Requests under way from this node.
    pub outstanding: u32,
    /// How long a message takes to it and back; zero when that is not known.
    pub round_trip: Duration,
}

/// Chooses a target, by its index; `None` when nobody takes requests. Equals are chosen by `draw`, which the caller draws at random for
/// each request.
///
/// Targets are alive rather than suspect, and local rather than remote. Among those that are equal in this, two are drawn, and the one
/// with fewer requests under way is chosen (power of two choices). If these are equal too, the first drawn is, unless the other is
/// less than half as far away.
///
/// An ejected target is chosen when there is no other. If more than half of all targets are ejected, the fault is probably not theirs:
/// then none counts as ejected.
pub fn choose(targets: impl Iterator<Item = Load> + Clone, draw: u64) -> Option<usize> {
    let open = targets.enumerate().filter(|(_, load)| !load.closed && load.state.is_live());
    let total = open.clone().count();
    let ejected = open.clone().filter(|(_, load)| load.ejected).count();
    let heeds_ejection = ejected.saturating_mul(2) <= total;
    let rank = |load: &Load| (heeds_ejection && load.ejected, load.state != State::Alive, !load.local);
    let best = open.clone().map(|(_, load)| rank(&load)).min()?;
    let mut equals = open.filter(|(_, load)| rank(load) == best);
    let (first, second) = two_of(equals.clone().count(), draw)?;
    let (one, other) = if first <= second {
        let one = equals.nth(first)?;
        (one, if second == first { one } else { equals.nth(second - first - 1)? })
    } else {
        let other = equals.nth(second)?;
        (equals.nth(first - second - 1)?, other)
    };
    let is_better = match other.1.outstanding.cmp(&one.1.outstanding) {
        core::cmp::Ordering::Less => true,
        core::cmp::Ordering::Equal => other.1.round_trip.saturating_mul(2) < one.1.round_trip,
        core::cmp::Ordering::Greater => false,
    };
    Some(if is_better { other.0 } else { one.0 })
}

/// Two different numbers below `count`, or the same one twice if there is but one.
fn two_of(count: usize, draw: u64) -> Option<(usize, usize)> {
    let count = u32::try_from(count).ok()?;
    // The two halves of the draw, each scaled to the range without a division.
    let scale = |half: u64, count: u32| usize::try_from(((half & 0xFFFF_FFFF) * u64::from(count)) >> 32).ok();
    let first = scale(draw, count)?;
    if count < 2 {
        return (count == 1).then_some((0, 0));
    }
    let second = scale(draw >> 32, count - 1)?;
    Some((first, if second >= first { second + 1 } else { second }))
}

/// The failures of a target, and whether it is ejected for them.
///
/// A failure is one of the target itself: no connection, a broken answer, or an answer 502, 503 or 504. Any other answer is a success.
/// One success heals: it ends an ejection, and the next ejection is short again. After an ejection the next failure ejects anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outlier {
    /// In a row.
    failures: u8,
    /// Ejections in a row.
    times: u8,
    /// In milliseconds since the caller's start; zero when it never was ejected. 48 bits, thousands of years.
    until: u64,
}

impl Outlier {
    /// Whether the target is left out now.
    #[must_use]
    pub fn is_ejected(self, now: Instant) -> bool {
        now.as_micros() / 1000 < self.until
    }

    /// The state after one more failure.
    #[must_use]
    pub fn failed(self, now: Instant) -> Self {
        let failures = self.failures.saturating_add(1);
        // Requests that were under way when it was ejected prove nothing new.
        if failures < FAILURES || self.is_ejected(now) {
            return Self { failures, ..self };
        }
        let times = self.times.saturating_add(1).min(MAX_TIMES);
        let until = now + BASE_EJECTION * u32::from(times);
        Self { failures, times, until: (until.as_micros() / 1000).min(UNTIL) }
    }

    /// The state after a success.
    #[must_use]
    pub const fn succeeded(self) -> Self {
        Self { failures: 0, times: 0, until: 0 }
    }

    /// The state as one word, which an adapter can keep in an atomic. Zero is the state of a target without failures.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.until << 16) | ((self.times as u64) << 8) | self.failures as u64
    }

    /// The state that [`to_bits`](Self::to_bits) gave.
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        let [failures, times, ..] = bits.to_le_bytes();
        Self { failures, times, until: bits >> 16 }
    }
}

/// The longest time that [`Outlier::to_bits`] holds.
const UNTIL: u64 = (1 << 48) - 1;

#[cfg(test)]
mod tests {
    use std::vec;
    use std::vec::Vec;

    use super::*;

    const IDLE: Load = Load {
        local: false,
        state: State::Alive,
        closed: false,
        ejected: false,
        outstanding: 0,
        round_trip: Duration::ZERO,
    };

    /// How often each of the targets is chosen in 10,000 requests.
    fn spread(targets: &[Load]) -> Vec<usize> {
        let mut random = fastrand::Rng::with_seed(7);
        let mut chosen = vec![0; targets.len()];
        for _ in 0..10_000 {
            if let Some(index) = choose(targets.iter().copied(), random.u64(..)) {
                chosen[index] += 1;
            }
        }
        chosen
    }

    #[test]
    fn local_comes_first_and_equals_share() {
        let local = Load { local: true, outstanding: 90, ..IDLE };
        assert_eq!(spread(&[IDLE, local, IDLE]), [0, 10_000, 0]);
        for count in spread(&[IDLE; 4]) {
            assert!((2300..2700).contains(&count), "{count}");
        }
        assert_eq!(spread(&[IDLE]), [10_000]);
        assert_eq!(spread(&[]), []);
    }

    #[test]
    fn the_suspect_the_closed_and_the_ejected_are_passed_over() {
        let suspect = Load { state: State::Suspect, ..IDLE };
        let closed = Load { closed: true, local: true, ..IDLE };
        let ejected = Load { ejected: true, local: true, ..IDLE };
        assert_eq!(spread(&[suspect, closed, IDLE]), [0, 0, 10_000]);
        assert_eq!(spread(&[suspect, closed]), [10_000, 0]);
        assert_eq!(spread(&[closed]), [0]);
        assert_eq!(spread(&[ejected, suspect]), [0, 10_000]);
        assert_eq!(spread(&[ejected]), [10_000], "the only one is better than none");
        for state in [State::Down, State::Left] {
            assert_eq!(spread(&[Load { state, ..IDLE }]), [0], "{state}");
        }
    }

    #[test]
    fn at_most_half_are_ejected_at_once() {
        let ejected = Load { ejected: true, ..IDLE };
        let halves = spread(&[ejected, ejected, IDLE, IDLE]);
        assert_eq!(halves[..2], [0, 0]);
        assert!(spread(&[ejected, ejected, IDLE]).iter().all(|count| *count > 3000));
    }

    #[test]
    fn of_two_the_less_busy_is_chosen_and_then_the_much_nearer() {
        let busy = Load { outstanding: 1, ..IDLE };
        assert_eq!(spread(&[busy, IDLE]), [0, 10_000]);
        // Of many, only the pair of both busy ones leads to a busy one.
        let many = spread(&[busy, busy, IDLE, IDLE]);
        assert!(many[0] + many[1] < 2000 && many[0] > 500, "{many:?}");
        let far = Load { round_trip: Duration::from_millis(21), ..IDLE };
        let near = Load { round_trip: Duration::from_millis(10), ..IDLE };
        assert_eq!(spread(&[far, near]), [0, 10_000]);
        let not_much_farther = Load { round_trip: Duration::from_millis(20), ..IDLE };
        assert!(spread(&[not_much_farther, near]).iter().all(|count| *count > 4000));
    }

    #[test]
    fn the_load_evens_out() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut targets = [IDLE; 20];
        for _ in 0..20_000 {
            let chosen = choose(targets.iter().copied(), random.u64(..)).unwrap();
            targets[chosen].outstanding += 1;
        }
        let loads = targets.map(|target| target.outstanding);
        let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
        assert!(most - least < 10, "{loads:?}");
    }

    fn at(seconds: u64) -> Instant {
        Instant::from_micros(seconds * 1_000_000)
    }

    fn after_failures(mut outlier: Outlier, count: u8, now: Instant) -> Outlier {
        for _ in 0..count {
            outlier = outlier.failed(now);
        }
        outlier
    }

    #[test]
    fn five_failures_in_a_row_eject_for_ten_seconds() {
        let four = after_failures(Outlier::default(), 4, at(1));
        assert!(!four.is_ejected(at(1)));
        let five = four.failed(at(1));
        assert!(five.is_ejected(at(1)) && five.is_ejected(at(10)) && !five.is_ejected(at(11)));
        let interrupted = after_failures(four.succeeded(), 4, at(1));
        assert!(!interrupted.is_ejected(at(1)));
    }

    #[test]
    fn who_fails_again_is_ejected_for_longer_until_one_success_heals() {
        let mut outlier = after_failures(Outlier::default(), 5, at(0));
        assert_eq!(outlier.failed(at(5)).until, outlier.until, "requests under way count once");
        let mut now = 10;
        for times in [2, 3, 4] {
            outlier = outlier.failed(at(now));
            assert!(
                outlier.is_ejected(at(now + 10 * times - 1)) && !outlier.is_ejected(at(now + 10 * times))
            );
            now += 10 * times;
        }
        for _ in 0..1000 {
            outlier = outlier.failed(at(now));
            now += 300;
        }
        assert!(outlier.is_ejected(at(now - 1)) && !outlier.is_ejected(at(now)), "at most five minutes");
        assert_eq!(outlier.succeeded(), Outlier::default());
    }

    #[test]
    fn a_word_holds_the_state() {
        let mut outlier = Outlier::default();
        assert_eq!(outlier.to_bits(), 0);
        for now in [0, 3, 1000, 100_000, u64::MAX / 2_000_000] {
            outlier = outlier.failed(at(now));
            assert_eq!(Outlier::from_bits(outlier.to_bits()), outlier);
        }
        let end = after_failures(Outlier::default(), 5, Instant::from_micros(u64::MAX));
        assert_eq!(Outlier::from_bits(end.to_bits()), end);
    }
}
