//! Connections by their source, in the order in which they came.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::source::Source;

/// A connection: those that came later have greater numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    pub(super) id: u64,
    pub(super) source: Source,
    /// Its source may have any number of connections.
    pub(super) is_free: bool,
}

/// Connections with something of each.
#[derive(Debug)]
pub(super) struct Pool<T> {
    sources: HashMap<Source, BTreeMap<u64, T>>,
    /// The sources by how many they have; of equals, the one with the oldest connection comes last.
    order: BTreeSet<(usize, Reverse<u64>, Source)>,
    len: usize,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { sources: HashMap::new(), order: BTreeSet::new(), len: 0 }
    }
}

impl<T> Pool<T> {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// How many a source has.
    pub(super) fn of(&self, source: Source) -> usize {
        self.sources.get(&source).map_or(0, BTreeMap::len)
    }

    pub(super) fn find(&mut self, client: Client) -> Option<&mut T> {
        self.sources.get_mut(&client.source)?.get_mut(&client.id)
    }

    pub(super) fn insert(&mut self, client: Client, value: T) {
        self.change(client.source, |held| held.insert(client.id, value));
    }

    pub(super) fn remove(&mut self, client: Client) -> Option<T> {
        self.change(client.source, |held| held.remove(&client.id))
    }

    /// Removes the oldest one of a source.
    pub(super) fn pop_of(&mut self, source: Source) -> Option<T> {
        self.change(source, BTreeMap::pop_first).map(|(_, value)| value)
    }

    /// Removes the oldest one of the source that has the most.
    pub(super) fn pop(&mut self) -> Option<T> {
        let (.., source) = *self.order.last()?;
        self.pop_of(source)
    }

    fn change<R>(&mut self, source: Source, change: impl FnOnce(&mut BTreeMap<u64, T>) -> R) -> R {
        let rank = |held: &BTreeMap<u64, T>| {
            held.first_key_value().map(|(oldest, _)| (held.len(), Reverse(*oldest), source))
        };
        let held = self.sources.entry(source).or_default();
        let before = rank(held);
        let result = change(held);
        let after = rank(held);
        if after.is_none() {
            self.sources.remove(&source);
        }
        if before != after {
            if let Some(before) = before {
                self.len -= before.0;
                self.order.remove(&before);
            }
            if let Some(after) = after {
                self.len += after.0;
                self.order.insert(after);
            }
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(id: u64, source: &str) -> Client {
        Client { id, source: Source::of(source.parse().unwrap()), is_free: false }
    }

    fn pool(sources: &[&str]) -> Pool<u64> {
        let mut pool = Pool::default();
        for (id, source) in (0..).zip(sources) {
            pool.insert(client(id, source), id);
        }
        pool
    }

    #[test]
    fn the_oldest_of_the_largest_source_goes_first() {
        let mut pool = pool(&["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.3", "10.0.0.2"]);
        assert_eq!((pool.len(), pool.of(client(0, "10.0.0.2").source)), (5, 3));
        let order: Vec<_> = core::iter::from_fn(|| pool.pop()).collect();
        // Once all have one, the oldest.
        assert_eq!(order, [1, 2, 0, 3, 4]);
        assert_eq!((pool.len(), pool.sources.len(), pool.order.len()), (0, 0, 0));
    }

    #[test]
    fn what_is_not_there_is_not_removed() {
        let mut pool = pool(&["10.0.0.1", "10.0.0.2"]);
        assert_eq!(pool.remove(client(1, "10.0.0.1")), None);
        assert_eq!(pool.pop_of(client(0, "10.0.0.9").source), None);
        assert_eq!(pool.remove(client(0, "10.0.0.1")), Some(0));
        assert_eq!((pool.len(), pool.sources.len(), pool.order.len()), (1, 1, 1));
    }
}
