//! The interface through which the methods reach other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::rpc::{Code, LogRequest};

use super::brief::{MemberBrief, NodeBrief};
use super::counters::BoardCounters;
use crate::api::error::RpcError;
use crate::api::keyring::KeySlot;
use crate::api::logs::LogSource;

/// Reaches the nodes of the cluster, this one included.
pub trait Remote: Send + Sync + 'static {
    /// Pings `node`.
    fn ping(&self, node: NodeId) -> impl Future<Output = Result<Pong, RemoteError>> + Send;

    /// The state of `node`.
    fn status(&self, node: NodeId) -> impl Future<Output = Result<NodeBrief, RemoteError>> + Send;

    /// The members that `node` knows, as many as an answer holds.
    fn members(&self, node: NodeId) -> impl Future<Output = Result<Vec<MemberBrief>, RemoteError>> + Send;

    /// The components that `node` offers.
    fn components(&self, node: NodeId) -> impl Future<Output = Result<Vec<String>, RemoteError>> + Send;

    /// What `node` counts, a board.
    fn counters(&self, node: NodeId) -> impl Future<Output = Result<BoardCounters, RemoteError>> + Send;

    /// The keyring of `node`.
    fn list_keys(&self, node: NodeId) -> impl Future<Output = Result<Vec<KeySlot>, RemoteError>> + Send;

    /// Sends `node`, a leaf, a keyring that an operator [sealed](node_core::keys::addressee) for it. When this returns, the leaf
    /// has checked it, stored it, and begins to try it.
    fn push_keys(&self, node: NodeId, sealed: Bytes) -> impl Future<Output = Result<(), RemoteError>> + Send;

    /// The log of `node`.
    fn logs(
        &self,
        node: NodeId,
        request: LogRequest,
    ) -> impl Future<Output = Result<LogSource, RemoteError>> + Send;

    /// The result of a method of an application on `node`.
    fn custom(
        &self,
        node: NodeId,
        method: u16,
        body: Bytes,
    ) -> impl Future<Output = Result<Bytes, RemoteError>> + Send;

    /// The answer of `node`, another hub, to a request in JSON-RPC, if it has no more bytes than `limit`.
    fn json(
        &self,
        node: NodeId,
        request: Bytes,
        limit: usize,
    ) -> impl Future<Output = Result<Bytes, RemoteError>> + Send;
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
    /// It answered with an error.
    #[error("{message}")]
    Answered {
        /// The kind of failure.
        code: Code,
        /// Its words.
        message: String,
    },
    /// It gave no answer. The text says why.
    #[error("{0}")]
    Unreachable(String),
}

impl From<RemoteError> for RpcError {
    fn from(error: RemoteError) -> Self {
        match error {
            RemoteError::Unreachable(reason) => Self::Unreachable(reason),
            RemoteError::Answered { code, message } => match code {
                Code::UnknownMethod => Self::Elsewhere { code: -32601, message },
                Code::BadRequest => Self::InvalidParams(message),
                Code::Refused => Self::Invalid(message),
                Code::Internal => Self::Internal(message),
            },
        }
    }
}
