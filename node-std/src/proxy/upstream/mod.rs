//! The components of this node: where they answer, and connections to them.

mod io;
mod pool;
mod tls;

use std::collections::HashMap;

use node_core::id::Name;

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
}

impl Components {
    pub(super) fn new(components: &[Component]) -> Self {
        let offered = components.iter().map(|component| {
            let pools = component.upstreams.iter().map(|url| Pool::new(url, component.tls.as_ref()));
            (component.name.clone(), Offered { component: component.clone(), upstreams: pools.collect() })
        });
        Self(offered.collect())
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Offered> {
        self.0.get(name)
    }
}
