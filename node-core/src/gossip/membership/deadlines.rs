//! Deadlines of members: a suspicion times out, a departed member is forgotten, a leaf is expected back.
//!
//! One short array beside the slots: overdue members are found without a look at every slot.

use crate::time::{Duration, Instant};

/// No deadline.
pub const NEVER: Instant = Instant::from_micros(u64::MAX);

/// Invariant: none of `times` is before `earliest`.
pub struct Deadlines<'s> {
    /// One for each slot.
    times: &'s mut [Instant],
    earliest: Instant,
}

impl<'s> Deadlines<'s> {
    pub fn new(times: &'s mut [Instant]) -> Self {
        times.fill(NEVER);
        Self { times, earliest: NEVER }
    }

    pub const fn capacity(&self) -> usize {
        self.times.len()
    }

    pub fn deadline(&self, slot: u32) -> Instant {
        self.times.get(slot as usize).copied().unwrap_or(NEVER)
    }

    pub fn set(&mut self, slot: u32, at: Instant) {
        if let Some(time) = self.times.get_mut(slot as usize) {
            *time = at;
            self.earliest = self.earliest.min(at);
        }
    }

    /// Not after the first deadline.
    pub const fn earliest(&self) -> Instant {
        self.earliest
    }

    /// Looks for the earliest deadline anew, after those that were overdue are handled.
    pub fn recompute(&mut self) {
        self.earliest = self.times.iter().copied().min().unwrap_or(NEVER);
    }

    /// Moves every deadline back.
    pub fn postpone(&mut self, by: Duration) {
        self.times.iter_mut().filter(|time| **time != NEVER).for_each(|time| *time = *time + by);
        self.recompute();
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub fn copy_from(&mut self, other: &Deadlines<'_>) {
        self.times.copy_from_slice(other.times);
        self.earliest = other.earliest;
    }
}
