//! The seeds: addresses through which a node joins.

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

    /// # Errors
    /// [`Full`] for a ninth one, or one longer than 128 bytes.
    pub fn add(&mut self, now: Instant, address: &str) -> Result<(), Full> {
        let address = heapless::String::try_from(address).map_err(|_| Full)?;
        let seed = Seed { address, retry_at: now, failed_dials: 0, dialling: false, reached: None };
        self.0.push(seed).map_err(|_| Full)
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
