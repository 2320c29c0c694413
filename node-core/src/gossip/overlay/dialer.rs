//! The dialer: which addresses to dial, and when.
//!
//! Seeds until each was reached, then hubs until the active view is full; never many at once. Each failure doubles the wait, with
//! jitter, and is evidence for the failure detector.

use super::links::Overlay;
use super::seeds::Seed;
use crate::gossip::context::Context;
use crate::gossip::membership::{Failure, Index, Links, Members};
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::record::MAX_ADDR;
use crate::wire::{Full, Metadata, State};

/// So many failed dials in a row are counted, then only half of them: the longest wait is reached by then.
const MAX_FAILED_DIALS: u8 = 16;
/// A peer that accepts connections and does not respond is dialled so often again before it is suspect: mostly it stalls, and
/// goes on in a moment.
const UNRESPONSIVE_REDIALS: u8 = 2;
/// Shortest time until addresses are looked for again.
const MIN_WAIT: Duration = Duration::from_millis(10);

/// A carrier to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// To be returned with the outcome.
    pub target: Target,
    /// `HOST:PORT`.
    pub address: heapless::String<MAX_ADDR>,
}

/// The node or address that a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A seed, by its place.
    Seed(u8),
    /// A member.
    Member(NodeId),
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
                let retry_at = now + back_off(context, failed_dials);
                if let Some(seed) = self.seeds.get_mut(place.into()) {
                    seed.dialling = false;
                    seed.retry_at = retry_at;
                    seed.failed_dials = failed_dials.saturating_add(1);
                }
            }
            Target::Member(id) => {
                if let Some(index) = members.table.find(id) {
                    self.handle_probe_failed(context, members, now, index, failure);
                }
            }
        }
    }

    fn handle_probe_failed(
        &self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        index: Index,
        failure: Failure,
    ) {
        let slot = *members.table.slot(index);
        let failed_dials = slot.dial.failed;
        let retry_at = now + back_off(context, failed_dials);
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
            Target::Member(_) => {}
        }
        if let Some(index) = members.table.find(id) {
            members.table.update(index, |slot| {
                slot.dial.under_way = false;
                slot.dial.failed = 0;
                slot.retry_at = retry_at;
            });
        }
    }

    /// Whether the links that are up or being dialled are as many as the node wants.
    pub(super) fn has_enough(&self, context: &Context, members: &Members<'_>) -> bool {
        let links = if context.is_hub() { self.active_view_len() } else { self.hub_links() };
        links + self.dials_under_way(members) >= context.config.active_view
    }

    /// A member is known anew: dials are considered if there may be one more to dial. The table may be long.
    pub fn consider_dialling(&self, context: &mut Context, members: &Members<'_>, now: Instant, id: NodeId) {
        let dialable = members.table.find(id).is_some_and(|index| members.table.slot(index).dialable);
        if (dialable && !self.has_enough(context, members)) || self.seeds.reached(id).next().is_some() {
            context.timers.set(Timer::Dial, now);
        }
    }

    fn next_dial(&mut self, context: &mut Context, members: &mut Members<'_>, now: Instant) -> Option<Dial> {
        if self.dials_under_way(members) >= context.config.dials {
            return None;
        }
        // The table may be long, and this is asked often.
        if members.table.link_wanted() > 0 {
            let dials = context.config.dials;
            let wanted = members.pick_best(&mut context.rng, |index| {
                let slot = members.table.slot(index);
                // A request waits for what is wanted for requests.
                (self.is_wanted(members, dials, index) && slot.retry_at <= now)
                    .then_some(slot.dial.for_requests)
            });
            if let Some(index) = wanted {
                return self.dial_member(members, index);
            }
        }
        let enough = self.has_enough(context, members);
        if let Some(place) = self.due_seed(context, members, now, enough) {
            let seed = self.seeds.get_mut(place)?;
            seed.dialling = true;
            let target = Target::Seed(u8::try_from(place).ok()?);
            return Some(Dial { target, address: seed.address.clone() });
        }
        if enough {
            return None;
        }
        loop {
            let config = &context.config;
            let candidate = members.pick(&mut context.rng, |index| {
                self.is_candidate(config, members, index) && members.table.slot(index).retry_at <= now
            })?;
            let id = members.table.slot(candidate).id;
            if !self.peers.is_linked(id) {
                return self.dial_member(members, candidate);
            }
            // A link that is there already, for requests, is as good as a new one.
            if context.is_hub() {
                self.graft(context, members, now, id);
            }
            if self.has_enough(context, members) {
                return None;
            }
            // A leaf that others call a hub does not become one; or there is no room.
            if !self.is_neighbour(&context.config, id)
                && let Some(slot) = members.table.slot_mut(candidate)
            {
                slot.retry_at = now + context.config.retry_max;
            }
        }
    }

    /// The seed to dial next, by its place.
    fn due_seed(
        &self,
        context: &Context,
        members: &Members<'_>,
        now: Instant,
        enough: bool,
    ) -> Option<usize> {
        let is_due =
            |seed: &Seed| self.is_seed_needed(context, members, seed, enough) && seed.retry_at <= now;
        self.seeds.iter().position(is_due)
    }

    /// A hub dials a seed until another node answered there, and again when that member is gone or no hub is linked at all: so
    /// a cluster whose seeds start anew meets them again. A leaf, which may hold no more links than it wants, dials only while it
    /// wants one.
    fn is_seed_needed(&self, context: &Context, members: &Members<'_>, seed: &Seed, enough: bool) -> bool {
        let is_dialled =
            |id| members.table.find(id).is_some_and(|index| members.table.slot(index).dial.under_way);
        let known = seed
            .reached
            .is_some_and(|id| id == context.config.id || self.peers.is_linked(id) || is_dialled(id));
        let spared = match context.is_hub() {
            true => seed.reached.is_some_and(|id| members.is_live(id)) && self.hub_links() > 0,
            false => enough,
        };
        !seed.dialling && !known && !spared
    }

    /// When something may become due that is not now.
    fn next_due(&self, context: &Context, members: &Members<'_>, now: Instant) -> Option<Instant> {
        let dials = context.config.dials;
        if self.dials_under_way(members) >= dials {
            return None;
        }
        let enough = self.has_enough(context, members);
        // The table may be long, and mostly there is nothing to find in it.
        let any = !enough || members.table.link_wanted() > 0;
        let indices = members.table.unordered().take(if any { usize::MAX } else { 0 });
        let due = indices.filter(|&index| {
            self.is_wanted(members, dials, index)
                || (!enough && self.is_candidate(&context.config, members, index))
        });
        let due = due.map(|index| members.table.slot(index).retry_at);
        let seeds = self.seeds.iter().filter(|seed| self.is_seed_needed(context, members, seed, enough));
        due.chain(seeds.map(|seed| seed.retry_at)).min().map(|at| at.max(now + MIN_WAIT))
    }

    /// A link to this member is wanted however many there are. `dials` is how many may be under way at once.
    fn is_wanted(&self, members: &Members<'_>, dials: usize, index: Index) -> bool {
        let slot = members.table.slot(index);
        // A dial to an unresponsive member takes long: other dials must not wait for it.
        let slow = slot.state == State::Suspect || (slot.dial.failed > 0 && !slot.dial.for_requests);
        let waits = || slow && self.dials_under_way(members) * 2 >= dials;
        slot.dial.wanted && !waits() && !self.is_dialled(members, index)
    }

    fn dials_under_way(&self, members: &Members<'_>) -> usize {
        members.table.dialling() + self.seeds.iter().filter(|seed| seed.dialling).count()
    }

    fn dial_member(&self, members: &mut Members<'_>, index: Index) -> Option<Dial> {
        let address = self.address(members, index);
        members.table.update(index, |slot| match address {
            Some(_) => slot.dial.under_way = true,
            None => slot.dial.wanted = false,
        });
        Some(Dial { target: Target::Member(members.table.slot(index).id), address: address? })
    }

    /// Where to dial a member next: its addresses take turns from one dial to the next. The address that a hub
    /// advertises may lead nowhere from here (address translation), so the seed at which it answered comes first.
    fn address(&self, members: &Members<'_>, index: Index) -> Option<heapless::String<MAX_ADDR>> {
        let slot = members.table.slot(index);
        let metadata = Metadata::decode(members.table.metadata(index)).ok();
        let reached = self.seeds.reached(slot.id);
        let advertised = metadata.iter().flat_map(|metadata| metadata.addrs.iter().copied());
        let addresses = reached.map(|seed| seed.address.as_str()).chain(advertised);
        let turn = usize::from(slot.dial.failed).checked_rem(addresses.clone().count())?;
        addresses.clone().nth(turn).and_then(|text| heapless::String::try_from(text).ok())
    }
}

fn back_off(context: &mut Context, failed_dials: u8) -> Duration {
    let doubled = context.config.retry.saturating_mul(1 << failed_dials.min(16));
    context.jitter(doubled.min(context.config.retry_max))
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
