//! How many connections the ports have, and how many found no place.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::Arc;

use serde::Serialize;

/// The connections of both ports.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    /// Of the private port.
    pub private: Arc<PortConnections>,
    /// Of the gateway.
    pub gateway: Arc<PortConnections>,
}

/// The connections of a port. The last three count since the start.
#[derive(Debug, Default, Serialize)]
pub struct PortConnections {
    /// Those of clients that have not said who they are.
    unauthenticated: AtomicUsize,
    /// Those of clients that have.
    open: AtomicUsize,
    /// Dropped before they said who they are, because others came.
    dropped: AtomicU64,
    /// Refused because there was no place.
    refused: AtomicU64,
    /// Asked to end because places were rare.
    ended: AtomicU64,
}

impl PortConnections {
    pub(crate) fn show(&self, unauthenticated: usize, open: usize) {
        self.unauthenticated.store(unauthenticated, Relaxed);
        self.open.store(open, Relaxed);
    }

    pub(crate) fn dropped(&self) {
        self.dropped.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(crate) fn ended(&self) {
        self.ended.fetch_add(1, Relaxed);
    }
}
