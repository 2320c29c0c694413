//! The dialer: takes orders to dial, and learns how dials ended.
//!
//! Each failure doubles the wait, for the member and for the address, with jitter, and is evidence for the failure detector.

use super::links::Overlay;
use super::next_dial::{Dial, Target};
use crate::gossip::config::Config;
use crate::gossip::context::{Context, Jitter};
use crate::gossip::membership::{Acquaintance, Failure, Index, Links, Members};
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::{Full, State};

/// So many failed dials in a row are counted, then only half of them: the longest wait is reached by then.
const MAX_FAILED_DIALS: u8 = 16;
/// A peer that accepts connections and does not respond is dialled so often again before it is suspect: mostly it stalls, and
/// goes on in a moment.
const UNRESPONSIVE_REDIALS: u8 = 2;
/// A dial that failed.
struct FailedDial {
    index: Index,
    failure: Failure,
    /// Not dialled again before.
    retry_at: Instant,
}

impl Overlay<'_> {
    /// Adds a seed.
    ///
    /// # Errors
    /// As [`Seeds::add`](super::seeds::Seeds::add).
    pub fn add_seed(&mut self, context: &mut Context, now: Instant, address: &str) -> Result<(), Full> {
        self.seeds.add(now, address)?;
        context.timers.set(Timer::Dial, now);
        Ok(())
    }

    /// Wants a link to a member, for a request or to replace one whose keys are old. The new link replaces an existing one.
    pub fn redial(&self, context: &mut Context, members: &mut Members<'_>, now: Instant, id: NodeId) {
        let is_new = members.want_link(context, now, id);
        let linked = self.peers.is_linked(id);
        if let Some(slot) = members.table.find(id).and_then(|index| members.table.slot_mut(index)) {
            slot.dial.for_requests |= is_new && !linked;
            slot.retry_at = slot.retry_at.min(now);
        }
    }

    /// The next carrier to open, if one is due.
    pub fn poll_dial(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
    ) -> Option<Dial> {
        if !context.timers.is_due(Timer::Dial, now) {
            return None;
        }
        let pauses = members.is_leaving() || members.is_sleeping();
        let dial = if pauses { None } else { self.next_dial(context, members, now) };
        if dial.is_none() {
            let next = if pauses { None } else { self.next_due(context, members, now) };
            context.timers.put(Timer::Dial, next);
        }
        dial
    }

    /// A dial came to nothing.
    pub fn handle_dial_failed(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        target: Target,
        failure: Failure,
    ) {
        context.timers.set(Timer::Dial, now);
        match target {
            Target::Seed(place) => {
                let failed_dials = self.seeds.get(place.into()).map_or(0, |seed| seed.failed_dials);
                let jitter = context.jitter_factor();
                let retry_at = now + back_off(&context.config, jitter, failed_dials);
                if let Some(seed) = self.seeds.get_mut(place.into()) {
                    seed.dialling = false;
                    seed.retry_at = retry_at;
                    seed.failed_dials = failed_dials.saturating_add(1);
                }
            }
            Target::Member(id) => {
                // One jitter for both: the address of one member never backs off for longer than the member.
                let (config, jitter) = (context.config, context.jitter_factor());
                self.addresses.fail(now, id, |failed| back_off(&config, jitter, failed));
                if let Some(index) = members.table.find(id) {
                    let failed_dials = members.table.slot(index).dial.failed;
                    let retry_at = now + back_off(&config, jitter, failed_dials);
                    let dial = FailedDial { index, failure, retry_at };
                    self.handle_probe_failed(context, members, now, dial);
                }
            }
        }
    }

    fn handle_probe_failed(
        &self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        dial: FailedDial,
    ) {
        let FailedDial { index, failure, retry_at } = dial;
        let slot = *members.table.slot(index);
        let failed_dials = slot.dial.failed;
        let unresponsive = context.is_hub() && failure == Failure::Unresponsive && slot.state == State::Alive;
        let again = unresponsive && failed_dials < UNRESPONSIVE_REDIALS;
        let is_evidence = slot.state != State::Alive || is_new_evidence(failed_dials, failure);
        // An isolated node has no peers that know better.
        let suspects = is_evidence || self.hub_links() == 0;
        let linked = self.peers.is_linked(slot.id);
        members.table.update(index, |slot| {
            slot.dial.under_way = false;
            // A link that was to be replaced still is.
            slot.dial.wanted = again || (slot.dial.wanted && linked);
            slot.retry_at = retry_at;
            slot.dial.failed = one_more(failed_dials);
            if slot.acquaintance == Acquaintance::ProbeDue && !again {
                slot.acquaintance = Acquaintance::Linked;
            }
        });
        if context.is_hub() && !again && suspects {
            members.suspect(context, &self.peers, now, slot.id, failure.into());
            if matches!(failure, Failure::Unreachable | Failure::Unresponsive) {
                members.probe_again(index);
            }
        }
    }

    /// A dial led to a hello from `id`.
    pub fn handle_dial_succeeded(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        target: Target,
        id: NodeId,
    ) {
        // A link that ends as soon as it is up is no reason to dial without a pause.
        let retry_at = now + context.config.retry;
        context.timers.set(Timer::Dial, now);
        match target {
            Target::Seed(place) => {
                if let Some(seed) = self.seeds.get_mut(place.into()) {
                    seed.dialling = false;
                    seed.failed_dials = 0;
                    seed.retry_at = retry_at;
                    seed.reached = Some(id);
                }
            }
            Target::Member(dialled) if dialled != id => {
                // The address leads back here, so which other node has it is not known; or another node lives there now.
                let itself = id == context.config.id;
                let failure = if itself { Failure::Untried } else { Failure::Refused };
                self.handle_dial_failed(context, members, now, target, failure);
            }
            Target::Member(_) => {
                self.addresses.succeed(id);
                let slot = members.table.find(id).map(|index| members.table.slot(index));
                if slot.is_some_and(|slot| slot.acquaintance == Acquaintance::Unverified) {
                    self.dial_budget.put_back(&context.config, now);
                }
            }
        }
        if let Some(index) = members.table.find(id) {
            members.table.update(index, |slot| {
                slot.dial.under_way = false;
                slot.dial.failed = 0;
                slot.retry_at = retry_at;
            });
        }
    }
}

/// The wait after one more failed dial. `jitter` is a [factor](Context::jitter_factor).
fn back_off(config: &Config, jitter: Jitter, failed_dials: u8) -> Duration {
    let doubled = config.retry.saturating_mul(1 << failed_dials.min(16));
    jitter.of(doubled.min(config.retry_max))
}

/// The number of failed dials after one more.
const fn one_more(failed_dials: u8) -> u8 {
    let next = failed_dials.saturating_add(1);
    if next < MAX_FAILED_DIALS { next } else { MAX_FAILED_DIALS / 2 }
}

/// Returns true when one more failed dial is the 1st, 2nd, 4th, 8th, and then each 8th since the member was last reached. A
/// member that refuted the first suspicion cannot be reached from here, but from elsewhere. Several dials of an unresponsive member count as
/// one.
fn is_new_evidence(failed_dials: u8, failure: Failure) -> bool {
    let dials = if failure == Failure::Unresponsive { UNRESPONSIVE_REDIALS + 1 } else { 1 };
    let failures = failed_dials.saturating_add(1);
    failures.is_multiple_of(dials) && (failures / dials).is_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Failure, is_new_evidence, one_more};

    /// Which of many failures in a row are evidence.
    fn evidence(failure: Failure) -> Vec<usize> {
        let dials = core::iter::successors(Some(0), |&dials| Some(one_more(dials)));
        let failures = (1..).zip(dials).take(40);
        failures.filter(|&(_, dials)| is_new_evidence(dials, failure)).map(|(nth, _)| nth).collect()
    }

    #[test]
    fn a_member_is_suspected_again_less_and_less_often_but_for_ever() {
        assert_eq!(evidence(Failure::Refused), [1, 2, 4, 8, 16, 24, 32, 40]);
        assert_eq!(evidence(Failure::Unresponsive), [3, 6, 12, 20, 28, 36]);
    }
}
