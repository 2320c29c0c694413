//! This node, as its peers learn it on every link.

use std::sync::Arc;

use node_core::gossip::{Record, State};
use node_core::id::NodeId;
use node_core::identity::Identity;
use node_core::link::Limits;

use crate::identity::{Checker, NodeKey};

/// The key usage limit of a daemon's links (RFC 8446 5.5), in TLS records. rustls updates its keys by itself near 2^24 records
/// under AES-GCM, and a board's TLS library does not support that update.
pub const KEY_USAGE_LIMIT: u64 = 1 << 23;

/// The common properties of all links of a node.
#[derive(Clone, Debug)]
pub struct Local {
    /// This node.
    pub key: Arc<NodeKey>,
    /// Its cluster.
    pub cluster: String,
    /// The limits of this node on a link.
    pub limits: Limits,
    /// TLS records that one link to a leaf may carry. Then the leaf is asked to dial again. See [`KEY_USAGE_LIMIT`].
    pub key_usage_limit: u64,
}

impl Local {
    /// The id of this node.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.key.id()
    }

    /// The identity for the core.
    #[must_use]
    pub fn identity(&self) -> Identity<'_> {
        Identity::new(&self.cluster, self.key.public(), &*self.key, &Checker)
    }
}

/// The part of an introduction that changes while a node runs: its record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its incarnation.
    pub incarnation: u64,
    /// Alive, or left.
    pub state: State,
    /// Its encoded metadata and their signature.
    pub metadata: Vec<u8>,
}

impl Greeting {
    /// The same from a record of the core.
    #[must_use]
    pub fn of(record: &Record<'_>) -> Self {
        let Record { incarnation, state, metadata, .. } = *record;
        Self { incarnation, state, metadata: metadata.to_vec() }
    }

    /// The record of the node `id`.
    #[must_use]
    pub fn record(&self, id: NodeId) -> Record<'_> {
        let Self { incarnation, state, metadata } = self;
        Record { id, incarnation: *incarnation, state: *state, by: None, metadata }
    }
}
