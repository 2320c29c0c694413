//! The memory of a link's exchanges on a server: it grows with their use.

use node_core::link::{Exchange, Slots};

/// Slots for at most `limit` exchanges.
#[derive(Default)]
pub(super) struct GrowingSlots {
    slots: Vec<Exchange>,
    limit: usize,
}

impl GrowingSlots {
    pub(super) const fn new(limit: usize) -> Self {
        Self { slots: Vec::new(), limit }
    }
}

impl Slots for GrowingSlots {
    fn all(&self) -> &[Exchange] {
        &self.slots
    }

    fn all_mut(&mut self) -> &mut [Exchange] {
        &mut self.slots
    }

    fn reach(&mut self, index: usize) -> Option<&mut Exchange> {
        if index < self.limit && index >= self.slots.len() {
            self.slots.resize(index + 1, Exchange::FREE);
        }
        self.slots.get_mut(index)
    }
}
