//! Scheduled events, by time.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::prelude::rust_2024::*;

use crate::time::Instant;

/// Events by time. Events of one time keep the order in which they were added.
///
/// Most events are far in the future when they are added. The queue sorts them only when their millisecond comes.
pub(super) struct Queue<E> {
    /// Events of the milliseconds up to `until`, sorted.
    soon: BinaryHeap<Reverse<Entry<E>>>,
    until: u64,
    /// Later events by millisecond, not sorted.
    later: BTreeMap<u64, Vec<Entry<E>>>,
    count: usize,
    sequence: u64,
}

struct Entry<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) const fn new() -> Self {
        Self { soon: BinaryHeap::new(), until: 0, later: BTreeMap::new(), count: 0, sequence: 0 }
    }

    pub(super) fn push(&mut self, at: Instant, event: E) {
        self.sequence += 1;
        self.count += 1;
        let entry = Entry { at, sequence: self.sequence, event };
        match milliseconds(at) {
            time if time <= self.until => self.soon.push(Reverse(entry)),
            time => self.later.entry(time).or_default().push(entry),
        }
    }

    /// The next event, if it is due at `end` or before.
    pub(super) fn pop(&mut self, end: Instant) -> Option<(Instant, E)> {
        while self.soon.is_empty() && *self.later.first_key_value()?.0 <= milliseconds(end) {
            let (time, entries) = self.later.pop_first()?;
            self.until = time;
            self.soon.extend(entries.into_iter().map(Reverse));
        }
        self.soon.peek().filter(|Reverse(next)| next.at <= end)?;
        self.count -= 1;
        self.soon.pop().map(|Reverse(entry)| (entry.at, entry.event))
    }

    pub(super) const fn len(&self) -> usize {
        self.count
    }
}

const fn milliseconds(at: Instant) -> u64 {
    at.as_micros() / 1000
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        (self.at, self.sequence).cmp(&(other.at, other.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use proptest::prelude::*;

    use super::Queue;
    use crate::time::Instant;

    proptest! {
        #[test]
        fn events_come_by_time_and_events_of_one_time_in_the_order_they_were_added(
            steps in prop::collection::vec((0..20_000_u64, any::<bool>()), 0..200),
        ) {
            let mut queue = Queue::new();
            let mut naive: Vec<(u64, usize)> = Vec::new();
            for (nth, (micros, pops)) in steps.into_iter().enumerate() {
                if pops {
                    let end = Instant::from_micros(micros);
                    let next = naive.iter().min().copied().filter(|(at, _)| *at <= micros);
                    prop_assert_eq!(queue.pop(end).map(|(at, event)| (at.as_micros(), event)), next);
                    naive.retain(|one| Some(*one) != next);
                } else {
                    queue.push(Instant::from_micros(micros), nth);
                    naive.push((micros, nth));
                }
                prop_assert_eq!(queue.len(), naive.len());
            }
        }
    }
}
