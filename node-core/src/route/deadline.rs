//! How long a request may still take.
//!
//! An application may set an absolute deadline, which needs a clock that agrees with its own. The node that accepts the request
//! turns it into a time budget, and only the budget travels on links, so no two nodes' clocks need to agree.

use thiserror::Error;

use crate::time::Duration;

/// The longest time budget of a proxied request unless a component allows another, as in Maelstrom.
pub const MAX_BUDGET: Duration = Duration::from_secs(300);

/// The limits of a request's time; the strictest one wins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeLimits {
    /// The absolute deadline that the request names, in Unix nanoseconds.
    pub deadline_nano: Option<u64>,
    /// This node's clock in Unix nanoseconds, `None` when it is not set: the deadline is then not judged.
    pub now_nano: Option<u64>,
    /// The time budget that arrived with the request on its link, in milliseconds.
    pub budget_ms: Option<u32>,
}

impl TimeLimits {
    /// The time that is left, at most `most`; zero when the request is already too late.
    #[must_use]
    pub fn remaining_within(self, most: Duration) -> Duration {
        let absolute = self.deadline_nano.zip(self.now_nano);
        let absolute = absolute.map(|(deadline, now)| Duration::from_nanos(deadline.saturating_sub(now)));
        let relative = self.budget_ms.map(|ms| Duration::from_millis(ms.into()));
        [absolute, relative].into_iter().flatten().fold(most, Duration::min)
    }
}

/// Reads the value of a deadline or start header.
///
/// # Errors
/// [`BadNanos`].
pub fn parse_nanos(value: &[u8]) -> Result<u64, BadNanos> {
    let text = core::str::from_utf8(value).map_err(|_| BadNanos)?;
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(BadNanos);
    }
    text.parse().map_err(|_| BadNanos)
}

/// A time budget as a link carries it: whole milliseconds, at least one, because an exchange with zero is over immediately
///
#[must_use]
pub fn budget_ms(remaining: Duration) -> u32 {
    u32::try_from(remaining.as_millis()).unwrap_or(u32::MAX).max(1)
}

/// The header is not a whole number of nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a whole number of nanoseconds since 1970-01-01T00:00:00Z")]
pub struct BadNanos;

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_default_is_five_minutes() {
        assert_eq!(TimeLimits::default().remaining_within(MAX_BUDGET), MAX_BUDGET);
    }

    #[test]
    fn the_strictest_limit_wins() {
        let limits = TimeLimits {
            deadline_nano: Some(12 * SECOND),
            now_nano: Some(10 * SECOND),
            budget_ms: Some(1500),
        };
        assert_eq!(limits.remaining_within(MAX_BUDGET), Duration::from_millis(1500));
        assert_eq!(
            TimeLimits { budget_ms: Some(9000), ..limits }.remaining_within(MAX_BUDGET),
            Duration::from_secs(2)
        );
        let far = TimeLimits { deadline_nano: Some(u64::MAX), budget_ms: Some(u32::MAX), ..limits };
        assert_eq!(far.remaining_within(MAX_BUDGET), MAX_BUDGET);
        let hour = Duration::from_secs(3600);
        assert_eq!(
            TimeLimits { budget_ms: Some(u32::MAX), ..TimeLimits::default() }.remaining_within(hour),
            hour
        );
    }

    #[test]
    fn a_passed_deadline_leaves_nothing() {
        let limits = TimeLimits { deadline_nano: Some(1), now_nano: Some(2), budget_ms: None };
        assert_eq!(limits.remaining_within(MAX_BUDGET), Duration::ZERO);
    }

    #[test]
    fn without_a_clock_only_the_budget_counts() {
        let limits = TimeLimits { deadline_nano: Some(1), now_nano: None, budget_ms: Some(20) };
        assert_eq!(limits.remaining_within(MAX_BUDGET), Duration::from_millis(20));
    }

    #[test]
    fn nanos_are_digits_only() {
        assert_eq!(parse_nanos(b"1700000000000000000"), Ok(1_700_000_000_000_000_000));
        for bad in [&b""[..], b"+1", b"-1", b" 1", b"1.5", b"1e9", b"99999999999999999999", b"\xff"] {
            assert_eq!(parse_nanos(bad), Err(BadNanos), "{bad:?}");
        }
    }

    #[test]
    fn a_budget_on_a_link_is_never_zero() {
        assert_eq!(budget_ms(Duration::from_micros(10)), 1);
        assert_eq!(budget_ms(Duration::from_secs(300)), 300_000);
        assert_eq!(budget_ms(Duration::MAX), u32::MAX);
    }
}
