//! Logs dials that fail: the first of each member, then rarely, with their number. A member may stay down for days.

use core::time::Duration;
use std::collections::HashMap;

use node_core::gossip::Target;
use tokio::time::Instant;

use crate::log_limit::LogLimit;

/// Members that are remembered. Of more, those whose last dial is the oldest are logged anew.
const MAX_TARGETS: usize = 256;
/// The time until the failing dials of a member are logged again; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_secs(600);
const LONGEST_PAUSE: Duration = Duration::from_secs(24 * 3600);
/// A new reason is logged no sooner than this after the last line.
const NEW_REASON_PAUSE: Duration = Duration::from_secs(60);

/// A dial that failed.
pub(super) struct FailedDial<'d> {
    pub(super) target: Target,
    /// The name of the member, if it is known.
    pub(super) name: Option<&'d str>,
    pub(super) address: &'d str,
    pub(super) error: &'d str,
}

/// The failing dials of one target.
struct Failing {
    dials: u32,
    error: String,
    dialled_at: Instant,
    logged_at: Instant,
    pause: Duration,
}

/// Decides which failed dials are logged.
pub(super) struct DialLog {
    limit: LogLimit,
    failing: HashMap<Target, Failing>,
}

impl DialLog {
    pub(super) fn new() -> Self {
        Self { limit: LogLimit::of("dials that failed"), failing: HashMap::new() }
    }

    /// A dial failed.
    pub(super) fn fail(&mut self, dial: &FailedDial<'_>) {
        let dials = self.count(Instant::now(), dial);
        let FailedDial { name, address, error, .. } = dial;
        let name = name.unwrap_or("a join address");
        match dials {
            Some(dials) if self.limit.admits() => {
                tracing::warn!(%address, dials, "cannot dial {name}: {error}");
            }
            _ => tracing::debug!(%address, "cannot dial {name}: {error}"),
        }
    }

    /// A link to this target is up.
    pub(super) fn reach(&mut self, target: Target) {
        self.failing.remove(&target);
    }

    /// See [`LogLimit::flush`].
    pub(super) fn flush(&self) -> Option<Instant> {
        self.limit.flush()
    }

    /// Counts a dial. Returns how many failed in a row if it is to be logged.
    fn count(&mut self, now: Instant, dial: &FailedDial<'_>) -> Option<u32> {
        let Some(failing) = self.failing.get_mut(&dial.target) else {
            if self.failing.len() >= MAX_TARGETS {
                let oldest = self.failing.iter().min_by_key(|(_, failing)| failing.dialled_at);
                let oldest = oldest.map(|(target, _)| *target);
                oldest.and_then(|target| self.failing.remove(&target));
            }
            let error = dial.error.to_owned();
            let first = Failing { dials: 1, error, dialled_at: now, logged_at: now, pause: FIRST_PAUSE };
            self.failing.insert(dial.target, first);
            return Some(1);
        };
        failing.dials = failing.dials.saturating_add(1);
        failing.dialled_at = now;
        let since = now.saturating_duration_since(failing.logged_at);
        let is_new_reason = failing.error != dial.error && since >= NEW_REASON_PAUSE;
        if since < failing.pause && !is_new_reason {
            return None;
        }
        if !is_new_reason {
            failing.pause = (failing.pause * 2).min(LONGEST_PAUSE);
        }
        failing.logged_at = now;
        dial.error.clone_into(&mut failing.error);
        Some(failing.dials)
    }
}

#[cfg(test)]
mod tests {
    use node_core::id::NodeId;

    use super::*;

    fn dial(number: u16, error: &str) -> FailedDial<'_> {
        let mut id = [1; 16];
        id[..2].copy_from_slice(&number.to_be_bytes());
        FailedDial { target: Target::Member(NodeId(id)), name: Some("cleo"), address: "a:1", error }
    }

    #[test]
    fn a_member_that_stays_down_is_logged_once_and_then_rarely() {
        let (mut log, start) = (DialLog::new(), Instant::now());
        let day = (0..24 * 120).map(|half_minute| start + Duration::from_secs(30) * half_minute);
        let logged: Vec<u32> = day.filter_map(|now| log.count(now, &dial(1, "refused"))).collect();
        assert_eq!(logged, [1, 21, 61, 141, 301, 621, 1261, 2541]);
    }

    #[test]
    fn a_new_reason_and_a_member_that_was_reached_are_logged() {
        let (mut log, start) = (DialLog::new(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(log.count(at(0), &dial(1, "refused")), Some(1));
        assert_eq!(log.count(at(1), &dial(1, "no answer")), None);
        assert_eq!(log.count(at(61), &dial(1, "no answer")), Some(3));
        log.reach(dial(1, "").target);
        assert_eq!(log.count(at(62), &dial(1, "no answer")), Some(1));
    }

    #[test]
    fn a_thousand_members_that_are_down_take_bounded_memory() {
        let (mut log, start) = (DialLog::new(), Instant::now());
        (0..1_000)
            .for_each(|number| _ = log.count(start + Duration::from_secs(number.into()), &dial(number, "")));
        assert_eq!(log.failing.len(), MAX_TARGETS);
        assert_eq!(log.count(start + Duration::from_secs(1_000), &dial(999, "")), None);
    }
}
