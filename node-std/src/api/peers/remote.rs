//! The interface through which the methods reach other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::NodeId;

use crate::api::error::RpcError;
use crate::api::keyring::KeySlot;

/// Reaches the nodes of the cluster.
pub trait Remote: Send + Sync + 'static {
    /// Asks `node` for a sign of life.
    fn ping(&self, node: NodeId) -> impl Future<Output = Result<Pong, RemoteError>> + Send;

    /// The keyring of `node`, which is not this one.
    fn list_keys(&self, node: NodeId) -> impl Future<Output = Result<Vec<KeySlot>, RemoteError>> + Send;

    /// Replaces the keyring of `node`, a leaf, by `bundle` ([`Bundle`](node_core::keys::Bundle), encoded) in one step,
    /// which it has kept when this returns.
    fn push_keys(&self, node: NodeId, bundle: Bytes) -> impl Future<Output = Result<(), RemoteError>> + Send;
}

/// An answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// How long it took there and back.
    pub rtt: Duration,
    /// The hub that it went through, `None` over a link of this node.
    pub via: Option<NodeId>,
}

/// Why another node did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It said no; the text is its reason.
    #[error("{0}")]
    Refused(String),
    /// It gave no answer; the text says why.
    #[error("{0}")]
    Unreachable(String),
}

impl From<RemoteError> for RpcError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Refused(reason) => Self::Invalid(reason),
            RemoteError::Unreachable(reason) => Self::Internal(reason),
        }
    }
}
