//! The components of this node: where they answer, and connections to them.

mod io;
mod pool;
mod tls;

use core::sync::atomic::{AtomicUsize, Ordering};
use std::collections::HashMap;

use node_core::id::Name;
use tokio::sync::Semaphore;

pub(super) use pool::{Opened, Pool};

use crate::config::Component;

/// The components of this node, by name.
#[derive(Debug)]
pub(super) struct Components(HashMap<Name, Offered>);

/// A component of this node.
#[derive(Debug)]
pub(super) struct Offered {
    pub(super) component: Component,
    pub(super) upstreams: Vec<Pool>,
    /// One permit for each request that may be under way.
    pub(super) places: Semaphore,
    turn: AtomicUsize,
}

impl Components {
    pub(super) fn new(components: &[Component]) -> Self {
        let offered = components.iter().map(|component| {
            let offered = Offered {
                upstreams: component.upstreams.iter().map(|url| Pool::new(url, component.tls.as_ref())).collect(),
                places: Semaphore::new(usize::try_from(component.max_requests).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)),
                component: component.clone(),
                turn: AtomicUsize::new(0),
            };
            (component.name.clone(), offered)
        });
        Self(offered.collect())
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Offered> {
        self.0.get(name)
    }
}

impl Offered {
    /// The upstreams in the order in which they are tried.
    pub(super) fn in_turn(&self) -> impl Iterator<Item = &Pool> {
        let first = if self.upstreams.len() < 2 { 0 } else { self.turn.fetch_add(1, Ordering::Relaxed) };
        (0..self.upstreams.len()).filter_map(move |index| {
            self.upstreams.get(first.wrapping_add(index) % self.upstreams.len())
        })
    }
}
