//! What is yet to happen, by time.

use core::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::time::Instant;

/// Events by time; those of one time in the order in which they were added.
pub(super) struct Queue<E> {
    heap: BinaryHeap<Entry<E>>,
    sequence: u64,
}

struct Entry<E> {
    at: Instant,
    sequence: u64,
    event: E,
}

impl<E> Queue<E> {
    pub(super) const fn new() -> Self {
        Self { heap: BinaryHeap::new(), sequence: 0 }
    }

    pub(super) fn push(&mut self, at: Instant, event: E) {
        self.sequence += 1;
        self.heap.push(Entry { at, sequence: self.sequence, event });
    }

    /// The next event, if it is due at `end` or before.
    pub(super) fn pop(&mut self, end: Instant) -> Option<(Instant, E)> {
        self.heap.peek().filter(|next| next.at <= end)?;
        self.heap.pop().map(|entry| (entry.at, entry.event))
    }

    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }
}

// The heap gives the greatest first: that is to be the earliest.

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Entry<E> {}
