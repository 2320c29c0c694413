//! The node as its application uses it.

use core::time::Duration;
use std::sync::Arc;

use bytes::Bytes;
use node_core::gossip::State;
use node_core::id::NodeId;
use node_core::rpc::MAX_BODY;
use tokio::time::timeout;

use super::{Application, Call, PublishError};
use crate::cluster::Cluster;
use crate::link::ExchangeError;
use crate::rpc::{CallError, Failure, Request, request};

/// A node that runs, as its application uses it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle(pub(super) Arc<Application>);

impl Handle {
    /// The node of this application.
    #[must_use]
    pub const fn new(application: Arc<Application>) -> Self {
        Self(application)
    }

    /// This node's id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        self.0.cluster.me()
    }

    /// The cluster as this node knows it: its members, and their changes.
    #[must_use]
    pub fn cluster(&self) -> &Cluster {
        &self.0.cluster
    }

    /// The live member with this name, or id in hexadecimal digits. `None` when there is none, or more than one.
    #[must_use]
    pub fn find(&self, node: &str) -> Option<NodeId> {
        let view = self.0.cluster.view();
        let id = node.parse().ok();
        let mut found = view.members().iter().filter(|member| {
            matches!(member.state, State::Alive | State::Suspect)
                && (member.name.as_str() == node || Some(member.id) == id)
        });
        let only = found.next()?.id;
        found.next().is_none().then_some(only)
    }

    /// Calls a method of any node, hub or board, this one included, and returns the result. The call takes at most `budget`,
    /// of which the other node knows. Dropping the future cancels the call there.
    ///
    /// # Errors
    /// [`CallError`] tells the other node's error from a failure on the way.
    pub async fn call(
        &self,
        node: NodeId,
        method: u16,
        budget: Duration,
        body: Bytes,
    ) -> Result<Bytes, CallError> {
        if body.len() > MAX_BODY {
            return Err(CallError::TooLong(MAX_BODY));
        }
        if node == self.id() {
            return self.call_here(method, budget, body).await;
        }
        // The response begins with a byte that says whether it is a result.
        request(&self.0.cluster, node, Request { method, budget, body, limit: MAX_BODY + 1 }).await
    }

    async fn call_here(&self, method: u16, budget: Duration, body: Bytes) -> Result<Bytes, CallError> {
        let call = Call { from: self.id(), body };
        let outcome = timeout(budget, self.0.clone().call(method, call)).await;
        let outcome = outcome.map_err(|_| ExchangeError::Timeout(budget))?;
        outcome.map_err(|Failure { code, message }| CallError::Answered { code, message })
    }

    /// Publishes an event on a topic of this node. Returns for how many subscribers it was queued.
    ///
    /// # Errors
    /// [`PublishError`]. Nothing was sent.
    pub fn publish(&self, topic: &str, event: &[u8]) -> Result<usize, PublishError> {
        self.0.topics.publish(self.id(), topic, event)
    }
}
