//! The id index: the members by ascending id, as numbers of the table's slots.
//!
//! Each entry repeats the first bytes of the id, and ids are random numbers. So interpolation search finds a member with two or
//! three looks into one short array, however many slots there are. Ids that are not random cost a binary search.

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

/// How far from its interpolated place an id is looked for first.
const NEAR: usize = 4;
/// Steps of the interpolation.
const INTERPOLATIONS: usize = 3;

/// Invariant: `entries[..count]` hold the used slots by ascending id.
pub struct IdIndex<'s> {
    entries: &'s mut [IdEntry],
    count: usize,
}

impl<'s> IdIndex<'s> {
    pub const fn new(entries: &'s mut [IdEntry]) -> Self {
        Self { entries, count: 0 }
    }

    pub const fn len(&self) -> usize {
        self.count
    }

    pub const fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// The slot at a place.
    pub fn get(&self, place: usize) -> Option<u32> {
        self.used().get(place).map(|entry| entry.slot)
    }

    /// The slots at these places.
    pub fn slots(&self, places: Range<usize>) -> impl Iterator<Item = u32> + Clone {
        self.used().get(places).unwrap_or_default().iter().map(|entry| entry.slot)
    }

    /// The place of an id, or that at which it would be inserted. `id_of` tells the id of a slot.
    pub fn place(&self, id: NodeId, id_of: impl Fn(u32) -> NodeId) -> Result<usize, usize> {
        let used = self.used();
        let compare = |entry: &IdEntry| entry.head.cmp(&head(id)).then_with(|| id_of(entry.slot).cmp(&id));
        let middle = self.interpolate(id);
        let mut near = NEAR;
        loop {
            let first = middle.saturating_sub(near);
            let last = middle.saturating_add(near);
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
    pub fn insert(&mut self, place: usize, id: NodeId, slot: u32) {
        let Some(moved) = self.entries.get_mut(place..=self.count) else { return };
        moved.rotate_right(1);
        if let Some(entry) = moved.first_mut() {
            *entry = IdEntry::new(id, slot);
            self.count += 1;
        }
    }

    pub fn remove(&mut self, place: usize) {
        if let Some(moved) = self.entries.get_mut(place..self.count).filter(|moved| !moved.is_empty()) {
            moved.rotate_left(1);
            self.count -= 1;
        }
    }

    /// Takes over what another one of the same size holds.
    #[cfg(feature = "sim")]
    pub fn copy_from(&mut self, other: &IdIndex<'_>) {
        self.entries.copy_from_slice(other.entries);
        self.count = other.count;
    }

    fn used(&self) -> &[IdEntry] {
        self.entries.get(..self.count).unwrap_or_default()
    }

    /// Where an id should stand: as far from the beginning as its share of all numbers, corrected by the entry that stands there.
    /// Among 10,000 the first place is off by fifty, the next one by seven, each the root of the one before.
    fn interpolate(&self, id: NodeId) -> usize {
        let places = |numbers: u32| ((u64::from(numbers) * self.count as u64) >> 32) as usize;
        (0..INTERPOLATIONS).fold(places(head(id)), |place, _| {
            let there = self.used().get(place).map_or(head(id), |entry| entry.head);
            match there <= head(id) {
                true => (place + places(head(id) - there)).min(self.count),
                false => place.saturating_sub(places(there - head(id))),
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

    use super::{IdEntry, IdIndex};
    use crate::id::NodeId;

    fn check(numbers: &[u128], wanted: &[u128]) {
        let ids: Vec<NodeId> = numbers.iter().map(|number| NodeId(number.to_be_bytes())).collect();
        let mut entries = vec![IdEntry::FREE; ids.len()];
        let mut index = IdIndex::new(&mut entries);
        let id_of = |slot: u32| ids[slot as usize];
        for (slot, &id) in (0..).zip(&ids) {
            if let Err(place) = index.place(id, id_of) {
                index.insert(place, id, slot);
            }
        }
        let sorted: Vec<u128> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
        assert_eq!(index.len(), sorted.len());
        for number in numbers.iter().chain(wanted) {
            let place = index.place(NodeId(number.to_be_bytes()), id_of);
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
