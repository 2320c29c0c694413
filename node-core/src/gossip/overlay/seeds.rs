//! The seeds: addresses through which a node joins.

use super::Overlay;
use crate::gossip::context::Context;
use crate::gossip::membership::{Links, Members};
use crate::gossip::timers::Timer;
use crate::id::NodeId;
use crate::time::Instant;
use crate::wire::Full;
use crate::wire::record::MAX_ADDR;

/// Most seeds.
const MAX_SEEDS: usize = 8;

/// An address to join through.
#[derive(Debug)]
pub struct Seed {
    pub address: heapless::String<MAX_ADDR>,
    pub retry_at: Instant,
    pub failed_dials: u8,
    pub dialling: bool,
    /// The node that answered there.
    pub reached: Option<NodeId>,
}

/// All seeds of a node.
pub struct Seeds(heapless::Vec<Seed, MAX_SEEDS>);

impl Seeds {
    pub const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    pub fn iter(&self) -> core::slice::Iter<'_, Seed> {
        self.0.iter()
    }

    pub fn get(&self, place: usize) -> Option<&Seed> {
        self.0.get(place)
    }

    pub fn get_mut(&mut self, place: usize) -> Option<&mut Seed> {
        self.0.get_mut(place)
    }

    /// Seeds where this node answered.
    pub fn reached(&self, id: NodeId) -> impl Iterator<Item = &Seed> + Clone {
        self.0.iter().filter(move |seed| seed.reached == Some(id))
    }

    /// Seeds where this node answered are not dialled before `retry_at`.
    pub fn postpone(&mut self, id: NodeId, retry_at: Instant) {
        for seed in self.0.iter_mut().filter(|seed| seed.reached == Some(id)) {
            seed.retry_at = retry_at;
        }
    }
}

impl Overlay<'_> {
    /// Adds a seed.
    ///
    /// # Errors
    /// [`Full`] for a ninth one, or one longer than 128 bytes.
    pub fn add_seed(&mut self, context: &mut Context, now: Instant, address: &str) -> Result<(), Full> {
        let address = heapless::String::try_from(address).map_err(|_| Full)?;
        let seed = Seed { address, retry_at: now, failed_dials: 0, dialling: false, reached: None };
        self.seeds.0.push(seed).map_err(|_| Full)?;
        context.timers.set(Timer::Dial, now);
        Ok(())
    }

    /// The seed to dial next, by its place.
    pub(super) fn due_seed(
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
    pub(super) fn is_seed_needed(
        &self,
        context: &Context,
        members: &Members<'_>,
        seed: &Seed,
        enough: bool,
    ) -> bool {
        let is_dialled = |id| members.table.find(id).is_some_and(|index| members.table.slot(index).dialling);
        let known = seed
            .reached
            .is_some_and(|id| id == context.config.id || self.peers.is_linked(id) || is_dialled(id));
        let spared = match context.is_hub() {
            true => seed.reached.is_some_and(|id| members.is_live(id)) && self.hub_links() > 0,
            false => enough,
        };
        !seed.dialling && !known && !spared
    }
}
