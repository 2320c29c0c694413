//! How a link ends.

use super::exchange::Slots;
use super::state::{Link, Phase};
use crate::identity::Identify;
use crate::time::Instant;
use crate::wire::GoAway;

impl<I: Identify, S: Slots> Link<I, S> {
    /// Ends the link. With a reason that [drains](GoAway::drains) the exchanges under way are finished first.
    pub fn go_away(&mut self, reason: GoAway) {
        if self.phase == Phase::Over || self.go_away.is_some_and(|earlier| !earlier.drains()) {
            return;
        }
        if self.go_away.is_none() || !reason.drains() {
            self.go_away = Some(reason);
            self.go_away_sent = None;
        }
        if self.phase == Phase::Up {
            self.phase = Phase::Draining;
        }
    }

    /// The reason why this side ends the link; [`GoAway::Acknowledged`] when the peer ended it first.
    #[must_use]
    pub const fn own_go_away(&self) -> Option<GoAway> {
        self.go_away
    }

    /// Returns true after a GOAWAY that does not drain: what the peer does is ignored from then on.
    pub(super) fn is_ending(&self) -> bool {
        self.phase == Phase::Over || self.go_away.is_some_and(|reason| !reason.drains())
    }

    /// Ends the link when both sides said GOAWAY and nothing is under way, or immediately after a GOAWAY that
    /// does not drain.
    pub(super) fn settle(&mut self) {
        let Some(reason) = self.go_away.filter(|_| self.go_away_sent.is_some()) else { return };
        if !reason.drains() || (self.go_away_received && self.in_flight() == 0) {
            self.phase = Phase::Over;
        }
    }

    /// When the wait for the peer's GOAWAY ends. The node waits no longer than for the answer to a ping.
    pub(super) fn linger_ends(&self) -> Option<Instant> {
        let said = self.go_away_sent?;
        (self.in_flight() == 0).then(|| said + self.config.ping_timeout)
    }

    pub(super) fn lingers(&self, now: Instant) -> bool {
        self.linger_ends().is_some_and(|end| now >= end)
    }
}
