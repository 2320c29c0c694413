//! This node, as its peers learn it on every link.

use node_core::id::NodeId;
use node_core::link::Limits;

/// The key usage limit of a daemon's links (RFC 8446 5.5), in TLS records. rustls updates its keys by itself near 2^24 records
/// under AES-GCM, and a board's TLS library does not support that update.
pub const KEY_USAGE_LIMIT: u64 = 1 << 23;

/// The common properties of all links of a node.
#[derive(Clone, Debug)]
pub struct Identity {
    /// This node.
    pub id: NodeId,
    /// Its cluster.
    pub cluster: String,
    /// The limits of this node on a link.
    pub limits: Limits,
    /// TLS records that one link to a leaf may carry. Then the leaf is asked to dial again. See [`KEY_USAGE_LIMIT`].
    pub key_usage_limit: u64,
}

/// The part of this node's hello that changes while it runs.
#[derive(Clone, Debug)]
pub struct Greeting {
    /// This node's incarnation.
    pub incarnation: u64,
    /// This node's encoded metadata.
    pub metadata: Vec<u8>,
}
