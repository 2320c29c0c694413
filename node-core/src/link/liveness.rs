//! Time: pings, a peer that does not answer, and exchanges whose time budget ran out.

use super::error::PeerError;
use super::exchange::{Slots, Stage};
use super::state::{Link, Phase, Ping};
use crate::identity::Identify;
use crate::time::Instant;

impl<I: Identify, S: Slots> Link<I, S> {
    /// Tells the link the time. Call it no later than [`poll_timeout`](Self::poll_timeout) says, then
    /// drain [`poll_expired`](Self::poll_expired).
    ///
    /// # Errors
    /// [`PeerError::HelloTimeout`], [`PeerError::Unresponsive`]: the link is over, as after
    /// [`handle_input`](Self::handle_input).
    pub fn handle_timeout(&mut self, now: Instant) -> Result<(), PeerError> {
        if self.lingers(now) {
            self.phase = Phase::Over;
        }
        if self.phase == Phase::Over {
            return Ok(());
        }
        self.expire(now);
        if now < self.idle_timeout() {
            return Ok(());
        }
        if self.is_ending() {
            // The carrier does not even take the GOAWAY.
            self.phase = Phase::Over;
            return Ok(());
        }
        let error = match self.ping {
            _ if self.peer.is_none() => PeerError::HelloTimeout,
            Ping::Idle => {
                self.ping = Ping::Due(now);
                return Ok(());
            }
            Ping::Due(_) | Ping::Sent(_) => PeerError::Unresponsive,
        };
        self.go_away(error.go_away());
        Err(error)
    }

    /// Measures the round trip: an [`Event::Pong`](super::Event::Pong) will follow.
    pub fn ping(&mut self, now: Instant) {
        if self.ping == Ping::Idle {
            self.ping = Ping::Due(now);
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.phase == Phase::Over {
            return None;
        }
        [Some(self.idle_timeout()), self.deadline, self.linger_ends()].into_iter().flatten().min()
    }

    /// When the idle timeout ends: a hello is overdue, a ping is due, or a pong is overdue. A peer counts as unresponsive only
    /// after a ping, so a node that stalled itself does not blame its peers.
    fn idle_timeout(&self) -> Instant {
        match self.ping {
            _ if self.peer.is_none() => self.started + self.config.hello_timeout,
            Ping::Idle => self.received_at + self.config.ping_after,
            Ping::Due(at) | Ping::Sent(at) => at.max(self.received_at) + self.config.ping_timeout,
        }
    }

    fn expire(&mut self, now: Instant) {
        if self.deadline.is_some_and(|deadline| now >= deadline) {
            let mut expired = false;
            for exchange in self.slots_mut().filter(|exchange| exchange.is_live() && now >= exchange.deadline)
            {
                exchange.stage = Stage::Expired;
                expired = true;
            }
            self.expired |= expired;
            self.deadline = self.slots().filter(|exchange| exchange.is_live()).map(|e| e.deadline).min();
        }
    }
}
