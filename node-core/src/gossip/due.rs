//! When something happens to members: a suspect is called down, a departed member forgotten, a leaf expected.
//!
//! One short array beside the slots: who is overdue is found without a look at every member.

use crate::time::{Duration, Instant};

/// Nothing is due.
pub(super) const NEVER: Instant = Instant::from_micros(u64::MAX);

/// Invariant: none of `times` is before `earliest`.
pub(super) struct Due<'s> {
    /// One for each slot.
    times: &'s mut [Instant],
    earliest: Instant,
}

impl<'s> Due<'s> {
    pub(super) fn new(times: &'s mut [Instant]) -> Self {
        times.fill(NEVER);
        Self { times, earliest: NEVER }
    }

    pub(super) const fn capacity(&self) -> usize {
        self.times.len()
    }

    pub(super) fn get(&self, slot: u32) -> Instant {
        self.times.get(slot as usize).copied().unwrap_or(NEVER)
    }

    pub(super) fn set(&mut self, slot: u32, at: Instant) {
        if let Some(time) = self.times.get_mut(slot as usize) {
            *time = at;
            self.earliest = self.earliest.min(at);
        }
    }

    /// Not after the first thing that happens.
    pub(super) const fn earliest(&self) -> Instant {
        self.earliest
    }

    /// What was due earliest is done.
    pub(super) fn review(&mut self) {
        self.earliest = self.times.iter().copied().min().unwrap_or(NEVER);
    }

    /// Everything happens so much later.
    pub(super) fn put_off(&mut self, late: Duration) {
        self.times.iter_mut().filter(|time| **time != NEVER).for_each(|time| *time = *time + late);
        self.review();
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub(super) fn copy_from(&mut self, other: &Due<'_>) {
        self.times.copy_from_slice(other.times);
        self.earliest = other.earliest;
    }
}
