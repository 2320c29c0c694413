//! The interface through which the methods reach other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::NodeId;

use crate::api::error::RpcError;
use crate::api::keyring::KeySlot;

/// Reaches the nodes of the cluster.
pub trait Remote: Send + Sync + 'static {
    /// Pings `node`.
    fn ping(&self, node: NodeId) -> impl Future<Output = Result<Pong, RemoteError>> + Send;

    /// The keyring of `node`, which is another node than this one.
    fn list_keys(&self, node: NodeId) -> impl Future<Output = Result<Vec<KeySlot>, RemoteError>> + Send;

    /// Sends `node`, a leaf, a keyring that an operator [sealed](node_core::keys::addressee) for it. When this returns, the leaf
    /// has checked it, stored it, and begins to try it.
    fn push_keys(&self, node: NodeId, sealed: Bytes) -> impl Future<Output = Result<(), RemoteError>> + Send;
}

/// An answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// The round-trip time.
    pub rtt: Duration,
    /// The hub in between, `None` over a link of this node.
    pub via: Option<NodeId>,
}

/// Why another node did not do the work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It refused. The text is its reason.
    #[error("{0}")]
    Refused(String),
    /// It gave no answer. The text says why.
    #[error("{0}")]
    Unreachable(String),
}

impl From<RemoteError> for RpcError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Refused(reason) => Self::Invalid(reason),
            RemoteError::Unreachable(reason) => Self::Unreachable(reason),
        }
    }
}
