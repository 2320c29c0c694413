//! The members by ascending id, as places in the table's slots.
//!
//! Each entry repeats the first bytes of the id, and ids are random numbers: so a member stands about where its id says,
//! and is found there with two or three looks into one short array, however many slots there are. Ids that are not random
//! cost a binary search.

use core::cmp::Ordering;
use core::ops::Range;

use crate::id::NodeId;

/// One member in the order of ids; [`IdEntry::FREE`] fills the storage that a caller lends.
#[derive(Clone, Copy, Debug)]
pub struct IdEntry {
    /// The first bytes of the id.
    head: u32,
    slot: u32,
}

impl IdEntry {
    /// An entry that is not used.
    pub const FREE: Self = Self { head: 0, slot: 0 };

    fn new(id: NodeId, slot: u32) -> Self {
        Self { head: head(id), slot }
    }
}

/// How far from where it should stand an id is looked for first.
const NEAR: usize = 4;
/// How often a guess is corrected by what stands there.
const CORRECTIONS: usize = 3;

/// Invariant: `entries[..count]` hold the used slots by ascending id.
pub(super) struct Order<'s> {
    entries: &'s mut [IdEntry],
    count: usize,
}

impl<'s> Order<'s> {
    pub(super) const fn new(entries: &'s mut [IdEntry]) -> Self {
        Self { entries, count: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }

    pub(super) const fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// The slot at a place.
    pub(super) fn get(&self, place: usize) -> Option<u32> {
        self.used().get(place).map(|entry| entry.slot)
    }

    /// The slots at these places.
    pub(super) fn slots(&self, places: Range<usize>) -> impl Iterator<Item = u32> + Clone {
        self.used().get(places).unwrap_or_default().iter().map(|entry| entry.slot)
    }

    /// The place of an id, or that at which it would be inserted. `id_of` tells the id of a slot.
    pub(super) fn place(&self, id: NodeId, id_of: impl Fn(u32) -> NodeId) -> Result<usize, usize> {
        let used = self.used();
        let compare = |entry: &IdEntry| entry.head.cmp(&head(id)).then_with(|| id_of(entry.slot).cmp(&id));
        let guess = self.guess(id);
        let mut near = NEAR;
        loop {
            let first = guess.saturating_sub(near);
            let last = guess.saturating_add(near);
            let before = first.checked_sub(1).and_then(|place| used.get(place));
            if before.is_none_or(|entry| compare(entry) == Ordering::Less)
                && used.get(last).is_none_or(|entry| compare(entry) != Ordering::Less)
            {
                let window = used.get(first..used.len().min(last.saturating_add(1))).unwrap_or_default();
                let found = window.binary_search_by(compare);
                return found.map(|place| first + place).map_err(|place| first + place);
            }
            near = near.saturating_mul(4);
        }
    }

    /// A new one. Nothing happens when there is no room, or no such place.
    pub(super) fn insert(&mut self, place: usize, id: NodeId, slot: u32) {
        let Some(moved) = self.entries.get_mut(place..=self.count) else { return };
        moved.rotate_right(1);
        if let Some(entry) = moved.first_mut() {
            *entry = IdEntry::new(id, slot);
            self.count += 1;
        }
    }

    pub(super) fn remove(&mut self, place: usize) {
        if let Some(moved) = self.entries.get_mut(place..self.count).filter(|moved| !moved.is_empty()) {
            moved.rotate_left(1);
            self.count -= 1;
        }
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub(super) fn copy_from(&mut self, other: &Order<'_>) {
        self.entries.copy_from_slice(other.entries);
        self.count = other.count;
    }

    fn used(&self) -> &[IdEntry] {
        self.entries.get(..self.count).unwrap_or_default()
    }

    /// Where an id should stand: as far from the beginning as its share of all numbers, corrected by what stands there. Of 10,000
    /// the first guess is off by fifty, the next one by seven, each the root of the one before.
    fn guess(&self, id: NodeId) -> usize {
        let places = |numbers: u32| ((u64::from(numbers) * self.count as u64) >> 32) as usize;
        (0..CORRECTIONS).fold(places(head(id)), |guess, _| {
            let there = self.used().get(guess).map_or(head(id), |entry| entry.head);
            match there <= head(id) {
                true => (guess + places(head(id) - there)).min(self.count),
                false => guess.saturating_sub(places(there - head(id))),
            }
        })
    }
}

fn head(id: NodeId) -> u32 {
    let [a, b, c, d, ..] = id.0;
    u32::from_be_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::vec;
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::{IdEntry, Order};
    use crate::id::NodeId;

    fn check(numbers: &[u128], wanted: &[u128]) {
        let ids: Vec<NodeId> = numbers.iter().map(|number| NodeId(number.to_be_bytes())).collect();
        let mut entries = vec![IdEntry::FREE; ids.len()];
        let mut order = Order::new(&mut entries);
        let id_of = |slot: u32| ids[slot as usize];
        for (slot, &id) in (0..).zip(&ids) {
            if let Err(place) = order.place(id, id_of) {
                order.insert(place, id, slot);
            }
        }
        let sorted: Vec<u128> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(order.len(), sorted.len());
        for number in numbers.iter().chain(wanted) {
            let place = order.place(NodeId(number.to_be_bytes()), id_of);
            assert_eq!(place, sorted.binary_search(number), "{number:#x}");
        }
    }

    proptest! {
        #[test]
        fn every_id_is_found_where_it_stands(
            random in prop::collection::vec(any::<u128>(), 0..500),
            wanted in prop::collection::vec(any::<u128>(), 20),
        ) {
            check(&random, &wanted);
        }

        #[test]
        fn so_are_ids_that_are_not_random(
            low in prop::collection::vec(0..1000u128, 0..500),
            base in any::<u128>(),
            shift in 0..120,
            wanted in prop::collection::vec(0..1000u128, 20),
        ) {
            let crafted = |numbers: &[u128]| numbers.iter().map(|n| base.wrapping_add(n << shift)).collect::<Vec<_>>();
            check(&crafted(&low), &crafted(&wanted));
        }
    }
}
