//! Which address to dial next, and when.
//!
//! Seeds until each was reached, then hubs until the active view is full; never many at once, and within the dial budget.

use super::addresses::Availability;
use super::dial_budget::{DialClass, UnderWay};
use super::links::Overlay;
use super::seeds::Seed;
use crate::gossip::config::Config;
use crate::gossip::context::Context;
use crate::gossip::membership::{Acquaintance, Index, Links, MemberSlot, Members};
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::record::MAX_ADDR;
use crate::wire::{Metadata, State};

/// Shortest time until addresses are looked for again.
const MIN_WAIT: Duration = Duration::from_millis(10);
/// Members whose addresses are looked at in one go: the addresses of all may back off.
const MAX_TRIES: usize = 16;
/// The address of a member that was linked here backs off for no more than so many times [`Config::retry`]: there is a reason to
/// dial that member, and it waits itself after each failure.
const KNOWN_BACK_OFF: u32 = 4;

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

/// When the dial budget allows a dial of each class; `None` while it waits for the end of another.
#[derive(Clone, Copy)]
struct Budget {
    known: Option<Instant>,
    requested: Option<Instant>,
    unverified: Option<Instant>,
}

impl Budget {
    /// When it allows a dial to a member.
    fn due(&self, slot: &MemberSlot) -> Option<Instant> {
        match class(slot) {
            DialClass::Known => self.known,
            DialClass::Requested => self.requested,
            DialClass::Unverified => self.unverified,
        }
    }

    /// Whether it allows a dial to a member now, and the member's back-off is over.
    fn allows(&self, slot: &MemberSlot, now: Instant) -> bool {
        slot.retry_at <= now && self.due(slot).is_some_and(|due| due <= now)
    }

    /// Whether a dial may begin before another ends.
    fn is_open(&self) -> bool {
        self.known.or(self.requested).or(self.unverified).is_some()
    }
}

impl Overlay<'_> {
    /// A member is known anew: dials are considered if there may be one more to dial. The table may be long.
    pub fn consider_dialling(&self, context: &mut Context, members: &Members<'_>, now: Instant, id: NodeId) {
        if self.seeds.reached(id).next().is_some() {
            return context.timers.set(Timer::Dial, now);
        }
        let Some(slot) = members.table.find(id).map(|index| members.table.slot(index)) else { return };
        if slot.dialable
            && !self.has_enough(context, members)
            && let Some(due) = self.budget(context, members).due(slot)
        {
            context.timers.set_no_later(Timer::Dial, due.max(now));
        }
    }

    pub(super) fn next_dial(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
    ) -> Option<Dial> {
        let budget = self.budget(context, members);
        if !budget.is_open() {
            return None;
        }
        // The table may be long, and this is asked often.
        if members.table.link_wanted() > 0
            && let Some(dial) = self.next_wanted(context, members, now, budget)
        {
            return Some(dial);
        }
        let enough = self.has_enough(context, members);
        if budget.known.is_some()
            && let Some(place) = self.due_seed(context, members, now, enough)
        {
            self.dial_budget.take(&context.config, now, DialClass::Known);
            let seed = self.seeds.get_mut(place)?;
            seed.dialling = true;
            let target = Target::Seed(u8::try_from(place).ok()?);
            return Some(Dial { target, address: seed.address.clone() });
        }
        if enough { None } else { self.next_candidate(context, members, now, budget) }
    }

    /// A dial to a member to which a link is wanted.
    fn next_wanted(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        budget: Budget,
    ) -> Option<Dial> {
        for _ in 0..MAX_TRIES {
            let config = &context.config;
            let index = members.pick_best(&mut context.rng, |index| {
                let slot = members.table.slot(index);
                let is_due = self.is_wanted(config, members, index) && budget.allows(slot, now);
                // A request waits for what is wanted for requests.
                is_due.then_some((slot.dial.for_requests, class(slot) == DialClass::Known))
            })?;
            if let Some(dial) = self.dial_member(&context.config, members, now, index) {
                return Some(dial);
            }
        }
        None
    }

    /// A dial to a hub that can become a neighbour.
    fn next_candidate(
        &mut self,
        context: &mut Context,
        members: &mut Members<'_>,
        now: Instant,
        budget: Budget,
    ) -> Option<Dial> {
        let mut tries = 0;
        while tries < MAX_TRIES {
            let config = &context.config;
            let candidate = members.pick(&mut context.rng, |index| {
                self.is_candidate(config, members, index) && budget.allows(members.table.slot(index), now)
            })?;
            let id = members.table.slot(candidate).id;
            if !self.peers.is_linked(id) {
                let dial = self.dial_member(config, members, now, candidate);
                if dial.is_some() {
                    return dial;
                }
                tries += 1;
                continue;
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
        None
    }

    /// Whether the links that are up or being dialled are as many as the node wants.
    fn has_enough(&self, context: &Context, members: &Members<'_>) -> bool {
        let links = if context.is_hub() { self.active_view_len() } else { self.hub_links() };
        let UnderWay { known, unproven } = self.under_way(members);
        let hopeful = if self.dial_budget.trickles() { 0 } else { unproven };
        links + known + hopeful >= context.config.active_view
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
    pub(super) fn next_due(&self, context: &Context, members: &Members<'_>, now: Instant) -> Option<Instant> {
        let budget = self.budget(context, members);
        let enough = self.has_enough(context, members);
        // The table may be long, and mostly there is nothing to find in it.
        let any = budget.is_open() && (!enough || members.table.link_wanted() > 0);
        let indices = members.table.unordered().take(if any { usize::MAX } else { 0 });
        let due = indices.filter_map(|index| {
            let slot = members.table.slot(index);
            let is_needed = self.is_wanted(&context.config, members, index)
                || (!enough && self.is_candidate(&context.config, members, index));
            if is_needed { budget.due(slot).map(|due| due.max(slot.retry_at)) } else { None }
        });
        let is_needed =
            |seed: &&Seed| budget.known.is_some() && self.is_seed_needed(context, members, seed, enough);
        let seeds = self.seeds.iter().filter(is_needed).map(|seed| seed.retry_at);
        due.chain(seeds).min().map(|at| at.max(now + MIN_WAIT))
    }

    /// A link to this member is wanted however many there are.
    fn is_wanted(&self, config: &Config, members: &Members<'_>, index: Index) -> bool {
        let slot = members.table.slot(index);
        // A dial to an unresponsive member takes long: other dials must not wait for it.
        let slow = slot.state == State::Suspect || (slot.dial.failed > 0 && !slot.dial.for_requests);
        let UnderWay { known, unproven } = self.under_way(members);
        let mine = if class(slot) == DialClass::Known { known } else { unproven };
        slot.dial.wanted && !(slow && mine * 2 >= config.dials) && !self.is_dialled(members, index)
    }

    fn under_way(&self, members: &Members<'_>) -> UnderWay {
        let unproven = members.table.dialling_unverified();
        let seeds = self.seeds.iter().filter(|seed| seed.dialling).count();
        UnderWay { known: members.table.dialling().saturating_sub(unproven) + seeds, unproven }
    }

    fn budget(&self, context: &Context, members: &Members<'_>) -> Budget {
        let under_way = self.under_way(members);
        let due = |class| self.dial_budget.due(&context.config, class, under_way);
        Budget {
            known: due(DialClass::Known),
            requested: due(DialClass::Requested),
            unverified: due(DialClass::Unverified),
        }
    }

    /// Begins a dial to a member; `None` when its addresses back off, or it has none. Then it is not due any more.
    fn dial_member(
        &mut self,
        config: &Config,
        members: &mut Members<'_>,
        now: Instant,
        index: Index,
    ) -> Option<Dial> {
        let slot = *members.table.slot(index);
        match self.address(config, members, now, index) {
            Ok(address) => {
                self.dial_budget.take(config, now, class(&slot));
                self.addresses.begin(&address, slot.id);
                members.table.update(index, |slot| slot.dial.under_way = true);
                Some(Dial { target: Target::Member(slot.id), address })
            }
            Err(retry_at) => {
                members.table.update(index, |slot| {
                    slot.retry_at = retry_at.unwrap_or(now + config.retry_max);
                    slot.dial.wanted &= retry_at.is_some();
                });
                None
            }
        }
    }

    /// Where to dial a member next: its addresses take turns from one dial to the next, without those that back off. The
    /// address that a hub advertises may lead nowhere from here (address translation), so the seed at which it answered comes
    /// first.
    ///
    /// # Errors
    /// When to try again; `None` when it has no address.
    fn address(
        &self,
        config: &Config,
        members: &Members<'_>,
        now: Instant,
        index: Index,
    ) -> Result<heapless::String<MAX_ADDR>, Option<Instant>> {
        let slot = members.table.slot(index);
        let metadata = Metadata::decode(members.table.metadata(index)).ok();
        let reached = self.seeds.reached(slot.id);
        let advertised = metadata.iter().flat_map(|metadata| metadata.addrs.iter().copied());
        let addresses = reached.map(|seed| seed.address.as_str()).chain(advertised);
        let count = addresses.clone().count();
        let turn = usize::from(slot.dial.failed).checked_rem(count).ok_or(None)?;
        let mut retry_at = None;
        for address in addresses.clone().skip(turn).chain(addresses.take(turn)) {
            match self.backs_off_until(config, slot, now, address) {
                Some(until) => retry_at = Some(retry_at.map_or(until, |at: Instant| at.min(until))),
                None => return heapless::String::try_from(address).map_err(|_| None),
            }
        }
        Err(retry_at)
    }

    /// How long the address of a member backs off; `None` when it does not.
    fn backs_off_until(
        &self,
        config: &Config,
        slot: &MemberSlot,
        now: Instant,
        address: &str,
    ) -> Option<Instant> {
        let short = config.retry.saturating_mul(KNOWN_BACK_OFF);
        let until = match (self.addresses.availability(address), slot.acquaintance) {
            (Availability::Free, _) | (_, Acquaintance::ProbeDue) => return None,
            (Availability::Dialled, Acquaintance::Linked) => return None,
            (Availability::Dialled, Acquaintance::Unverified) => now + short,
            (Availability::BacksOff { until, .. }, Acquaintance::Unverified) => until,
            (Availability::BacksOff { failed_at, until }, Acquaintance::Linked) => {
                until.min(failed_at + short)
            }
        };
        Some(until).filter(|until| *until > now)
    }
}

fn class(slot: &MemberSlot) -> DialClass {
    match slot.acquaintance {
        Acquaintance::Linked | Acquaintance::ProbeDue => DialClass::Known,
        Acquaintance::Unverified if slot.dial.wanted && slot.dial.for_requests => DialClass::Requested,
        Acquaintance::Unverified => DialClass::Unverified,
    }
}
