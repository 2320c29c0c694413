//! Counts the requests that are under way to each target and how they end, so that the core can
//! [choose](node_core::route::balance::choose) among them.
//!
//! The data path takes no lock: tables are read as snapshots, and a counter is an atomic. Only the first request to a target adds it
//! under a lock. All tables are bounded: what has no place is not counted, and is chosen as if it were idle.

use core::hash::Hash;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant as StdInstant;

use arc_swap::ArcSwap;
use node_core::id::NodeId;
use node_core::route::balance::Outlier;
use node_core::time::Instant;

use crate::config::Component;

/// Most components that are counted: more than a cluster names in practice.
const MAX_COMPONENTS: usize = 4096;
/// Most targets of a component that are counted.
const MAX_TARGETS: usize = 1024;

/// What a request can be sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// This upstream of the component on this node, by its index in the configuration.
    Upstream(usize),
    /// Another node.
    Node(NodeId),
}

/// The requests under way from this node.
#[derive(Debug)]
pub struct Balancer {
    start: StdInstant,
    /// Those of this node's configuration. They never change, so no stranger's name can crowd them out.
    own: HashMap<Box<str>, Arc<Row>>,
    others: Table<Box<str>, Row>,
}

impl Balancer {
    /// With the concurrency limits of `components`, which are this node's own.
    #[must_use]
    pub fn new(components: &[Component]) -> Self {
        let row = |component: &Component| {
            (component.name.as_str().into(), Arc::new(Row::new(component.max_requests)))
        };
        let others = Table::new(MAX_COMPONENTS);
        Self { start: StdInstant::now(), own: components.iter().map(row).collect(), others }
    }

    /// The targets of a component that somebody offers. Take it once a request: what it says changes meanwhile.
    #[must_use]
    pub fn component(&self, name: &str) -> Requests {
        let row = self.own.get(name).cloned();
        let row = row.unwrap_or_else(|| self.others.entry(name, || name.into(), || Row::new(u32::MAX)));
        let now = Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
        Requests { row, start: self.start, now }
    }
}

/// The requests of one component.
#[derive(Clone, Debug)]
pub struct Requests {
    row: Arc<Row>,
    start: StdInstant,
    now: Instant,
}

impl Requests {
    /// Whether as many requests are under way on this node as the component allows.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.row.local.load(Ordering::Relaxed) >= self.row.most
    }

    /// The requests under way to a target, and whether it is ejected.
    #[must_use]
    pub fn of(&self, target: Target) -> (u32, bool) {
        self.row.targets.find(&target).map_or((0, false), |counters| {
            let outlier = Outlier::from_bits(counters.outlier.load(Ordering::Relaxed));
            (counters.outstanding.load(Ordering::Relaxed), outlier.is_ejected(self.now))
        })
    }

    /// Counts one more request to a target until the guard is dropped.
    ///
    /// # Errors
    /// [`Full`]: the target is on this node, and the component is at its limit.
    pub fn begin(&self, target: Target) -> Result<Guard, Full> {
        let row = &self.row;
        let is_local = matches!(target, Target::Upstream(_));
        let one_more = |running: u32| (running < row.most).then(|| running + 1);
        if is_local && row.local.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_err() {
            return Err(Full { most: row.most });
        }
        let counters = row.targets.entry(&target, || target, Counters::default);
        counters.outstanding.fetch_add(1, Ordering::Relaxed);
        Ok(Guard { counters, local: is_local.then(|| Arc::clone(row)), start: self.start })
    }
}

/// As many requests are under way to a component of this node as it allows. Answer 503 with `Retry-After`, or ask another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the component has {most} requests under way, which is its limit")]
pub struct Full {
    /// The limit.
    pub most: u32,
}

/// A request under way. Dropping it ends the count. Without a word how it ended, as when the client went away, nothing is held against
/// the target.
#[derive(Debug)]
pub struct Guard {
    counters: Arc<Counters>,
    /// The component, when the target is on this node.
    local: Option<Arc<Row>>,
    start: StdInstant,
}

impl Guard {
    /// The target could not be reached, broke off, or answered 502, 503 or 504.
    pub fn failed(&self) {
        let now = Instant::from_micros(u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX));
        let after = |bits| Some(Outlier::from_bits(bits).failed(now).to_bits());
        let _ = self.counters.outlier.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
    }

    /// The target answered.
    pub fn succeeded(&self) {
        // Nearly always it is zero already, and a read is shared between processors where a write is not.
        if self.counters.outlier.load(Ordering::Relaxed) != 0 {
            let after = |bits| Some(Outlier::from_bits(bits).succeeded().to_bits());
            let _ = self.counters.outlier.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.counters.outstanding.fetch_sub(1, Ordering::Relaxed);
        if let Some(row) = &self.local {
            row.local.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A component.
#[derive(Debug)]
struct Row {
    /// Most requests under way on this node.
    most: u32,
    /// Requests under way on this node.
    local: AtomicU32,
    targets: Table<Target, Counters>,
}

impl Row {
    fn new(most: u32) -> Self {
        Self { most, local: AtomicU32::new(0), targets: Table::new(MAX_TARGETS) }
    }
}

/// A target.
#[derive(Debug, Default)]
struct Counters {
    outstanding: AtomicU32,
    /// The bits of an [`Outlier`].
    outlier: AtomicU64,
}

/// A map that is read without a lock. Adding an entry copies it.
#[derive(Debug)]
struct Table<K, V> {
    entries: ArcSwap<HashMap<K, Arc<V>>>,
    adding: Mutex<()>,
    most: usize,
}

impl<K: Clone + Eq + Hash, V: InUse> Table<K, V> {
    fn new(most: usize) -> Self {
        Self { entries: ArcSwap::default(), adding: Mutex::new(()), most }
    }

    fn find<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<Arc<V>>
    where
        K: core::borrow::Borrow<Q>,
    {
        self.entries.load().get(key).cloned()
    }

    /// The value of a key, added if need be. In a full table it takes the places of those that are not in use; without such a place it
    /// is not kept.
    fn entry<Q: Eq + Hash + ?Sized>(
        &self,
        key: &Q,
        owned: impl FnOnce() -> K,
        new: impl FnOnce() -> V,
    ) -> Arc<V>
    where
        K: core::borrow::Borrow<Q>,
    {
        if let Some(known) = self.find(key) {
            return known;
        }
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = HashMap::clone(&self.entries.load());
        if let Some(known) = entries.get(key) {
            return Arc::clone(known);
        }
        if entries.len() >= self.most {
            // The table itself and this copy of it hold a value that nobody else holds.
            entries.retain(|_, value| Arc::strong_count(value) > 2 || value.is_in_use());
        }
        let value = Arc::new(new());
        if entries.len() < self.most {
            entries.insert(owned(), Arc::clone(&value));
            self.entries.store(Arc::new(entries));
        }
        value
    }
}

/// Whether something would be lost if a value were forgotten.
trait InUse {
    fn is_in_use(&self) -> bool;
}

impl InUse for Counters {
    fn is_in_use(&self) -> bool {
        self.outstanding.load(Ordering::Relaxed) > 0 || self.outlier.load(Ordering::Relaxed) != 0
    }
}

impl InUse for Row {
    fn is_in_use(&self) -> bool {
        self.targets.entries.load().values().any(|counters| counters.is_in_use())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> Target {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        Target::Node(NodeId(id))
    }

    fn with_limit(most: u32) -> Balancer {
        let component: Component = "shop=http://127.0.0.1:1".parse().unwrap();
        Balancer::new(&[Component { max_requests: most, ..component }])
    }

    #[test]
    fn requests_are_counted_while_they_are_under_way() {
        let balancer = with_limit(10);
        let shop = balancer.component("shop");
        let guards =
            [node(1), node(1), node(2), Target::Upstream(0)].map(|target| shop.begin(target).unwrap());
        let counts = |name: &str| {
            let requests = balancer.component(name);
            [node(1), node(2), Target::Upstream(0), Target::Upstream(1)].map(|target| requests.of(target).0)
        };
        assert_eq!(counts("shop"), [2, 1, 1, 0]);
        assert_eq!(counts("other"), [0; 4], "each component has its own");
        drop(guards);
        assert_eq!(counts("shop"), [0; 4]);
    }

    #[test]
    fn a_component_has_a_limit_on_this_node_alone() {
        let balancer = with_limit(2);
        let shop = balancer.component("shop");
        let first = shop.begin(Target::Upstream(0)).unwrap();
        let _second = shop.begin(Target::Upstream(1)).unwrap();
        assert!(shop.is_full());
        assert_eq!(shop.begin(Target::Upstream(0)).unwrap_err(), Full { most: 2 });
        let _remote = [1, 2, 3].map(|number| shop.begin(node(number)).unwrap());
        drop(first);
        assert!(!shop.is_full() && shop.begin(Target::Upstream(0)).is_ok());
    }

    #[test]
    fn five_failures_eject_and_one_success_heals() {
        let balancer = with_limit(10);
        let is_ejected = || balancer.component("shop").of(node(1)).1;
        let guard = balancer.component("shop").begin(node(1)).unwrap();
        for _ in 0..4 {
            guard.failed();
        }
        assert!(!is_ejected());
        guard.failed();
        assert!(is_ejected());
        assert!(!balancer.component("shop").of(node(2)).1);
        guard.succeeded();
        assert!(!is_ejected());
        // Clients that go away say nothing of the target.
        for _ in 0..5 {
            drop(balancer.component("shop").begin(node(1)).unwrap());
        }
        assert!(!is_ejected());
    }

    #[test]
    fn tables_are_bounded_and_forget_what_is_not_in_use() {
        let balancer = with_limit(10);
        let shop = balancer.component("shop");
        let busy: Vec<Guard> = (0..MAX_TARGETS - 1).map(|number| shop.begin(node(number)).unwrap()).collect();
        for number in 0..3 {
            let target = node(MAX_TARGETS + number);
            let guard = shop.begin(target).unwrap();
            assert_eq!(shop.of(target).0, 1, "an idle one made place");
            drop(guard);
        }
        let _last = shop.begin(node(MAX_TARGETS)).unwrap();
        let uncounted = shop.begin(node(2 * MAX_TARGETS)).unwrap();
        assert_eq!(shop.of(node(2 * MAX_TARGETS)).0, 0);
        drop(uncounted);
        assert_eq!(shop.of(node(0)).0, 1);
        drop(busy);
        for number in 0..2 * MAX_COMPONENTS {
            drop(balancer.component(&format!("invented-{number}")));
        }
        assert!(balancer.others.entries.load().len() <= MAX_COMPONENTS);
    }

    #[test]
    fn counts_are_right_on_several_processors() {
        let balancer = with_limit(u32::MAX);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let balancer = &balancer;
                scope.spawn(move || {
                    for number in 0..2000 {
                        let requests = balancer.component("shop");
                        let guard = requests.begin(node((number + thread) % 50)).unwrap();
                        let local = requests.begin(Target::Upstream(number % 3)).unwrap();
                        guard.failed();
                        guard.succeeded();
                        drop(local);
                    }
                });
            }
        });
        let shop = balancer.component("shop");
        assert!((0..50).all(|number| shop.of(node(number)) == (0, false)));
        assert_eq!(shop.row.local.load(Ordering::Relaxed), 0);
    }
}
