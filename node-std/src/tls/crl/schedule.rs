//! When a list is fetched again.

use core::time::Duration;

use node_core::time::UnixTime;

/// The pause after the first failure; it doubles with each more.
const FIRST_RETRY: Duration = Duration::from_secs(5);
/// The longest pause after a failure.
const LAST_RETRY: Duration = Duration::from_secs(3600);
/// The part of a pause that chance may take away, so that nodes do not ask all at once.
const JITTER: f64 = 0.1;

/// The bounds of the time between two fetches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// At least this.
    pub min: Duration,
    /// At most this.
    pub max: Duration,
}

impl Default for Refresh {
    fn default() -> Self {
        Self { min: Duration::from_secs(60), max: Duration::from_secs(24 * 3600) }
    }
}

impl Refresh {
    /// The pause before the next fetch of a list that was issued at `this` and is replaced at `next`: until three quarters of its
    /// time are over. `chance` is from 0 to 1.
    pub fn after(&self, this: UnixTime, next: Option<UnixTime>, now: UnixTime, chance: f64) -> Duration {
        let due = next.map(|next| this.0.saturating_add(next.0.saturating_sub(this.0) / 4 * 3));
        let pause = due.map_or(self.max, |due| Duration::from_secs(due.saturating_sub(now.0)));
        shortened(pause.min(self.max), chance).max(self.min)
    }

    /// The pause after so many failures in a row.
    pub fn retry(&self, failures: u32, chance: f64) -> Duration {
        let factor = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let pause = FIRST_RETRY.saturating_mul(factor).min(LAST_RETRY).min(self.max);
        shortened(pause, chance)
    }
}

fn shortened(pause: Duration, chance: f64) -> Duration {
    pause.mul_f64(1.0 - JITTER * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    fn after(this: u64, next: Option<u64>, now: u64) -> u64 {
        Refresh::default().after(UnixTime(this), next.map(UnixTime), UnixTime(now), 0.0).as_secs()
    }

    #[test]
    fn a_list_is_fetched_after_three_quarters_of_its_time() {
        assert_eq!(after(0, Some(8 * HOUR), 0), 6 * HOUR);
        assert_eq!(after(0, Some(8 * HOUR), 5 * HOUR), HOUR);
    }

    #[test]
    fn fetches_are_a_minute_to_a_day_apart() {
        assert_eq!(after(0, Some(8 * HOUR), 7 * HOUR), 60);
        assert_eq!(after(0, Some(8 * HOUR), 9 * HOUR), 60);
        assert_eq!(after(0, Some(30 * 24 * HOUR), 0), 24 * HOUR);
        assert_eq!(after(0, None, 0), 24 * HOUR);
        // Times that make no sense.
        assert_eq!(after(9 * HOUR, Some(0), 0), 9 * HOUR);
        assert_eq!(after(u64::MAX, Some(u64::MAX), 0), 24 * HOUR);
    }

    #[test]
    fn pauses_after_failures_grow_up_to_an_hour() {
        let refresh = Refresh::default();
        let pauses: Vec<u64> = [1, 2, 3, 11, 40].map(|count| refresh.retry(count, 0.0).as_secs()).to_vec();
        assert_eq!(pauses, [5, 10, 20, 3600, 3600]);
        let quick = Refresh { max: Duration::from_secs(1), ..refresh };
        assert_eq!(quick.retry(9, 0.0), Duration::from_secs(1));
    }

    #[test]
    fn chance_only_shortens() {
        let refresh = Refresh::default();
        assert_eq!(refresh.retry(1, 1.0), Duration::from_millis(4500));
        let half = |chance| refresh.after(UnixTime(0), Some(UnixTime(8 * HOUR)), UnixTime(0), chance);
        assert!(half(0.5) < half(0.0) && half(1.0) >= Duration::from_secs(6 * HOUR * 9 / 10));
    }
}
