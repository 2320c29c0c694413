//! Which addresses to dial, and when: seeds until each was reached, then hubs until there are enough
//! links; never many at once, each failure doubles the wait, with jitter.

use super::node::Node;
use super::suspicion::{Failure, SILENT_REDIALS};
use super::table::Index;
use crate::id::NodeId;
use crate::time::{Duration, Instant};
use crate::wire::record::MAX_ADDR;
use crate::wire::{Full, GoAway, Kind, Metadata, State};

/// Most seed addresses.
pub(super) const MAX_SEEDS: usize = 8;

/// So many attempts in a row are counted, then only half of them: the longest wait is reached by then.
const MOST_ATTEMPTS: u8 = 16;

/// A carrier to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dial {
    /// To be returned with the outcome.
    pub target: Target,
    /// `HOST:PORT`.
    pub address: heapless::String<MAX_ADDR>,
}

/// Whom a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A join address, by its place.
    Seed(u8),
    /// A member.
    Member(NodeId),
}

/// A join address.
#[derive(Debug)]
pub(super) struct Seed {
    address: heapless::String<MAX_ADDR>,
    pub(super) retry_at: Instant,
    attempts: u8,
    dialling: bool,
    /// Who answered there.
    pub(super) reached: Option<NodeId>,
}

impl Node<'_> {
    /// Adds a join address, `HOST:PORT`; at most 8.
    ///
    /// # Errors
    /// [`Full`] for a ninth one, or one longer than 128 bytes.
    pub fn add_seed(&mut self, now: Instant, address: &str) -> Result<(), Full> {
        let address = heapless::String::try_from(address).map_err(|_| Full)?;
        let seed = Seed { address, retry_at: now, attempts: 0, dialling: false, reached: None };
        self.seeds.push(seed).map_err(|_| Full)?;
        self.overlay_at = Some(now);
        Ok(())
    }

    /// Asks for a link to a member, for a request or to replace one whose keys are old. An existing link is
    /// replaced when the new one is up.
    pub fn redial(&mut self, now: Instant, id: NodeId) {
        let is_news = self.redial_at(now, id);
        let linked = self.is_linked(id);
        if let Some(slot) = self.table.find(id).and_then(|index| self.table.slot_mut(index)) {
            slot.for_requests |= is_news && !linked;
            slot.retry_at = slot.retry_at.min(now);
        }
    }

    /// The same at a time to come; `false` when a link is wanted already, or there is no way to dial.
    pub(super) fn redial_at(&mut self, at: Instant, id: NodeId) -> bool {
        let Some(index) = self.table.find(id) else { return false };
        let slot = *self.table.slot(index);
        if !slot.dialable {
            return false;
        }
        self.overlay_at = Some(self.overlay_at.map_or(at, |due| due.min(at)));
        if !slot.wanted {
            self.table.revise(index, |slot| (slot.wanted, slot.retry_at) = (true, at));
        }
        !slot.wanted
    }

    /// The next carrier to open, if one is due.
    pub fn poll_dial(&mut self, now: Instant) -> Option<Dial> {
        if self.overlay_at.is_none_or(|at| now < at) {
            return None;
        }
        let dial = if self.is_leaving() || self.sleeping { None } else { self.next_dial(now) };
        if dial.is_none() {
            self.overlay_at = self.next_due(now);
        }
        dial
    }

    /// A dial came to nothing.
    pub fn handle_dial_failed(&mut self, now: Instant, target: Target, failure: Failure) {
        self.observe(now);
        self.overlay_at = Some(now);
        match target {
            Target::Seed(place) => {
                let attempts = self.seeds.get(usize::from(place)).map_or(0, |seed| seed.attempts);
                let retry_at = now + self.back_off(attempts);
                if let Some(seed) = self.seeds.get_mut(usize::from(place)) {
                    seed.dialling = false;
                    seed.retry_at = retry_at;
                    seed.attempts = attempts.saturating_add(1);
                }
            }
            Target::Member(id) => {
                let Some(index) = self.table.find(id) else { return };
                let attempts = self.table.slot(index).attempts;
                let retry_at = now + self.back_off(attempts);
                let is_hub = self.config.kind == Kind::Hub;
                let silent = is_hub
                    && failure == Failure::Unresponsive
                    && self.table.slot(index).state == State::Alive;
                let again = silent && attempts < SILENT_REDIALS;
                let news = self.table.slot(index).state != State::Alive || is_news(attempts, failure);
                // Who is alone has nobody who knows better.
                let doubtful = news || self.hub_links() == 0;
                let linked = self.is_linked(id);
                self.table.revise(index, |slot| {
                    slot.dialling = false;
                    // A link that was to be replaced still is.
                    slot.wanted = again || (slot.wanted && linked);
                    slot.retry_at = retry_at;
                    slot.attempts = one_more(attempts);
                });
                if is_hub && !again && doubtful {
                    self.suspect(now, id, failure.into());
                    if matches!(failure, Failure::Unreachable | Failure::Unresponsive) {
                        self.look_again(index);
                    }
                }
            }
        }
    }

    /// The hello came from this node itself: that seed is never dialled again.
    pub fn handle_dialled_itself(&mut self, now: Instant, target: Target) {
        self.dial_succeeded(now, target, self.config.id);
    }

    /// A dial led to a hello from `id`.
    pub(super) fn dial_succeeded(&mut self, now: Instant, target: Target, id: NodeId) {
        // A link that ends as soon as it is up is no reason to dial without a pause.
        let retry_at = now + self.config.retry;
        self.overlay_at = Some(now);
        match target {
            Target::Seed(place) => {
                if let Some(seed) = self.seeds.get_mut(usize::from(place)) {
                    seed.dialling = false;
                    seed.attempts = 0;
                    seed.retry_at = retry_at;
                    seed.reached = Some(id);
                }
            }
            // The address leads back here: who else has it is not known.
            Target::Member(dialled) if dialled != id && id == self.config.id => {
                self.handle_dial_failed(now, target, Failure::Untried)
            }
            // Somebody else lives at its address now.
            Target::Member(dialled) if dialled != id => {
                self.handle_dial_failed(now, target, Failure::Refused)
            }
            Target::Member(_) => {}
        }
        if let Some(index) = self.table.find(id) {
            self.table.revise(index, |slot| {
                slot.dialling = false;
                slot.attempts = 0;
                slot.retry_at = retry_at;
            });
        }
    }

    /// A hub that is down is dialled, however many links there are: that is how two parts of a cluster that
    /// lost each other meet again.
    pub(super) fn rejoin(&mut self, now: Instant) {
        if self.table.down() == 0 {
            return;
        }
        let lost =
            self.pick(|node, index| node.table.slot(index).state == State::Down && node.is_candidate(index));
        if let Some(index) = lost {
            self.approach(now, index);
        }
    }

    fn back_off(&mut self, attempts: u8) -> Duration {
        let doubled = self.config.retry.saturating_mul(1 << attempts.min(16));
        self.jitter(doubled.min(self.config.retry_max))
    }

    /// Three to five quarters of `duration`, so that nodes which start together do not stay in step.
    pub(super) fn jitter(&mut self, duration: Duration) -> Duration {
        duration * self.rng.u32(768..1280) / 1024
    }

    fn next_dial(&mut self, now: Instant) -> Option<Dial> {
        if self.dials_under_way() >= self.config.dials {
            return None;
        }
        // The table may be long, and this is asked often.
        if self.table.wanted() > 0
            && let Some(index) = self.pick_best(|node, index| {
                let slot = node.table.slot(index);
                // Somebody waits for what is wanted for requests.
                (node.is_wanted(index) && slot.retry_at <= now).then_some(slot.for_requests)
            })
        {
            return self.dial_member(index);
        }
        let enough = self.has_enough();
        if let Some(place) = self.due_seed(now, enough) {
            let seed = self.seeds.get_mut(place)?;
            seed.dialling = true;
            let target = Target::Seed(u8::try_from(place).ok()?);
            return Some(Dial { target, address: seed.address.clone() });
        }
        if enough {
            return None;
        }
        loop {
            let candidate =
                self.pick(|node, index| node.is_candidate(index) && node.table.slot(index).retry_at <= now)?;
            let id = self.table.slot(candidate).id;
            if !self.is_linked(id) {
                return self.dial_member(candidate);
            }
            // A link that is there already, for requests, is as good as a new one.
            self.promote(now, id);
            if self.has_enough() {
                return None;
            }
            // A leaf that others call a hub does not become one; or there is no room.
            if !self.is_neighbour(id)
                && let Some(slot) = self.table.slot_mut(candidate)
            {
                slot.retry_at = now + self.config.retry_max;
            }
        }
    }

    /// When something may become due that is not now.
    fn next_due(&self, now: Instant) -> Option<Instant> {
        if self.is_leaving() || self.sleeping || self.dials_under_way() >= self.config.dials {
            return None;
        }
        let enough = self.has_enough();
        // The table may be long, and mostly there is nothing to find in it.
        let any = !enough || self.table.wanted() > 0;
        let members = self.table.unordered().take(if any { usize::MAX } else { 0 });
        let members = members.filter(|&index| self.is_wanted(index) || (!enough && self.is_candidate(index)));
        let members = members.map(|index| self.table.slot(index).retry_at);
        let seeds =
            self.seeds.iter().filter(|seed| self.is_seed_needed(seed, enough)).map(|seed| seed.retry_at);
        members.chain(seeds).min().map(|at| at.max(now + Duration::from_millis(10)))
    }

    fn due_seed(&self, now: Instant, enough: bool) -> Option<usize> {
        self.seeds.iter().position(|seed| self.is_seed_needed(seed, enough) && seed.retry_at <= now)
    }

    /// A hub dials a seed until somebody else answered there, and again when that member is gone or no hub is
    /// linked at all: so a cluster whose seeds start anew meets them again. A leaf, which may hold no more links
    /// than it wants, dials only while it wants one.
    fn is_seed_needed(&self, seed: &Seed, enough: bool) -> bool {
        let is_dialled = |id| self.table.find(id).is_some_and(|index| self.table.slot(index).dialling);
        let known =
            seed.reached.is_some_and(|id| id == self.config.id || self.is_linked(id) || is_dialled(id));
        let spared = match self.config.kind {
            Kind::Hub => seed.reached.is_some_and(|id| self.is_live(id)) && self.hub_links() > 0,
            Kind::Leaf => enough,
        };
        !seed.dialling && !known && !spared
    }

    pub(super) fn is_live(&self, id: NodeId) -> bool {
        self.table.find(id).is_some_and(|index| self.table.slot(index).state.is_live())
    }

    /// Whether the links that are up or being dialled are as many as the node wants.
    pub(super) fn has_enough(&self) -> bool {
        let links = match self.config.kind {
            Kind::Hub => self.overlay_links(),
            Kind::Leaf => self.hub_links(),
        };
        links + self.dials_under_way() >= self.config.active_view
    }

    /// A link to this member is wanted whatever the number of links.
    fn is_wanted(&self, index: Index) -> bool {
        let slot = self.table.slot(index);
        // Who does not answer takes a dial for long: others are not to wait for that.
        let silent = slot.state == State::Suspect || (slot.attempts > 0 && !slot.for_requests);
        let patient = || silent && self.dials_under_way() * 2 >= self.config.dials;
        slot.wanted && !patient() && !self.is_dialled(index)
    }

    /// Whether a dial to it is under way, at an address of its own or at a join address where it answered before. A second
    /// one might lead to two links, of which each end takes another for the newer.
    fn is_dialled(&self, index: Index) -> bool {
        let slot = self.table.slot(index);
        slot.dialling || self.seeds.iter().any(|seed| seed.dialling && seed.reached == Some(slot.id))
    }

    /// A hub that can become a neighbour, even one that is down.
    pub(super) fn is_candidate(&self, index: Index) -> bool {
        let slot = self.table.slot(index);
        let dialable = slot.dialable && slot.id != self.config.id && slot.state != State::Left;
        dialable && !self.is_dialled(index) && !self.is_neighbour(slot.id)
    }

    /// Whether there is a link that counts: for a leaf any, for a hub one that carries gossip.
    fn is_neighbour(&self, id: NodeId) -> bool {
        let mut links = self.peers.iter().filter(|peer| peer.id == id);
        links.any(|peer| match peer.go_away {
            None => self.config.kind == Kind::Leaf || peer.is_overlay(),
            // Who is sent away does not come back at once.
            Some(reason) => reason == GoAway::Pruned,
        })
    }

    fn dials_under_way(&self) -> usize {
        self.table.dialling() + self.seeds.iter().filter(|seed| seed.dialling).count()
    }

    pub(super) fn hub_links(&self) -> usize {
        self.peers.hubs().filter(|peer| peer.is_usable()).count()
    }

    /// One of the members for which `fits` holds, each with equal chance.
    pub(super) fn pick(&mut self, fits: impl Fn(&Self, Index) -> bool) -> Option<Index> {
        self.pick_best(|node, index| fits(node, index).then_some(()))
    }

    /// One of the members of which `merit` thinks best, each of these with equal chance.
    fn pick_best<M: Ord>(&mut self, merit: impl Fn(&Self, Index) -> Option<M>) -> Option<Index> {
        let mut best = None;
        let (mut chosen, mut seen) = (None, 0);
        let mut rng = self.rng.fork();
        for index in self.table.unordered() {
            let Some(merit) = merit(self, index).map(Some).filter(|merit| *merit >= best) else { continue };
            if merit > best {
                (best, seen) = (merit, 0);
            }
            seen += 1;
            if rng.u32(0..seen) == 0 {
                chosen = Some(index);
            }
        }
        chosen
    }

    fn dial_member(&mut self, index: Index) -> Option<Dial> {
        let address = self.address(index);
        self.table.revise(index, |slot| match address {
            Some(_) => slot.dialling = true,
            None => slot.wanted = false,
        });
        Some(Dial { target: Target::Member(self.table.slot(index).id), address: address? })
    }

    /// Where to dial a member next: its addresses take turns from one attempt to the next. What a hub calls
    /// itself may lead nowhere from here (address translation), so the join address at which it answered
    /// comes first.
    fn address(&self, index: Index) -> Option<heapless::String<MAX_ADDR>> {
        let slot = self.table.slot(index);
        let metadata = Metadata::decode(self.table.metadata(index)).ok();
        let reached = self.seeds.iter().filter(|seed| seed.reached == Some(slot.id));
        let advertised = metadata.iter().flat_map(|metadata| metadata.addrs.iter().copied());
        let addresses = reached.map(|seed| seed.address.as_str()).chain(advertised);
        let turn = usize::from(slot.attempts).checked_rem(addresses.clone().count())?;
        addresses.clone().nth(turn).and_then(|text| heapless::String::try_from(text).ok())
    }
}

/// The number of attempts after one more failed.
const fn one_more(attempts: u8) -> u8 {
    let next = attempts.saturating_add(1);
    if next < MOST_ATTEMPTS { next } else { MOST_ATTEMPTS / 2 }
}

/// Whether that one more dial fails, after so many since it was last reached, says something new of a live member. Who denied the
/// first doubt cannot be reached from here, but from elsewhere: it takes twice as many failures each time, up to 8 more. Of one that is
/// mute several dials count as one failure.
fn is_news(attempts: u8, failure: Failure) -> bool {
    let dials = if failure == Failure::Unresponsive { SILENT_REDIALS + 1 } else { 1 };
    let failures = attempts.saturating_add(1);
    failures.is_multiple_of(dials) && (failures / dials).is_power_of_two()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::{Failure, is_news, one_more};

    /// Which of many failures in a row are news.
    fn news(failure: Failure) -> Vec<usize> {
        let attempts = core::iter::successors(Some(0), |&attempts| Some(one_more(attempts)));
        let failures = (1..).zip(attempts).take(40);
        failures.filter(|&(_, attempts)| is_news(attempts, failure)).map(|(nth, _)| nth).collect()
    }

    #[test]
    fn the_doubt_comes_back_less_and_less_but_for_ever() {
        assert_eq!(news(Failure::Refused), [1, 2, 4, 8, 16, 24, 32, 40]);
        assert_eq!(news(Failure::Unresponsive), [3, 6, 12, 20, 28, 36]);
    }
}
