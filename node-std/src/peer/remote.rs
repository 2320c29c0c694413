//! The API's questions to other nodes.

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::rpc::{KeySlot as WireSlot, MAX_BODY, Method, Response};

use crate::api::{KeySlot, Pong, Remote, RemoteError};
use crate::cluster::Cluster;

/// How long another node may take to answer.
const REQUEST_BUDGET: Duration = Duration::from_secs(10);
/// A board decrypts a new keyring, checks every key in it, and writes it into flash before it answers.
const PUSH_BUDGET: Duration = Duration::from_secs(30);

/// Reaches other nodes over the cluster's links.
pub struct Peers {
    cluster: Cluster,
}

impl Peers {
    /// The peers of this node.
    #[must_use]
    pub const fn new(cluster: Cluster) -> Self {
        Self { cluster }
    }

    async fn call(
        &self,
        node: NodeId,
        method: Method,
        budget: Duration,
        request: Bytes,
    ) -> Result<Bytes, RemoteError> {
        let call = self.cluster.call(node, method.number(), budget, request, MAX_BODY);
        call.await.map_err(|error| RemoteError::Unreachable(format!("node {node} gave no answer: {error}")))
    }
}

impl Remote for Peers {
    async fn ping(&self, node: NodeId) -> Result<Pong, RemoteError> {
        let via = self.cluster.next_hop(node).ok().filter(|via| *via != node);
        if node == self.cluster.me() {
            return Ok(Pong { rtt: Duration::ZERO, via: None });
        }
        let start = Instant::now();
        let answer = self.call(node, Method::Ping, REQUEST_BUDGET, Bytes::new()).await?;
        let rtt = start.elapsed();
        read(node, &answer)?;
        Ok(Pong { rtt, via })
    }

    async fn list_keys(&self, node: NodeId) -> Result<Vec<KeySlot>, RemoteError> {
        let answer = self.call(node, Method::KeysList, REQUEST_BUDGET, Bytes::new()).await?;
        let mut rest = read(node, &answer)?;
        let mut slots = Vec::new();
        while !rest.is_empty() {
            let (slot, after) = postcard::take_from_bytes::<WireSlot>(rest).map_err(|_| unreadable(node))?;
            slots.push(KeySlot::new(&slot.info, slot.active));
            rest = after;
        }
        Ok(slots)
    }

    async fn push_keys(&self, node: NodeId, sealed: Bytes) -> Result<(), RemoteError> {
        let answer = self.call(node, Method::KeysReplace, PUSH_BUDGET, sealed).await?;
        read(node, &answer).map(|_| ())
    }
}

/// The bytes after `Ok(())`, or the error that the node answered.
fn read(node: NodeId, answer: &[u8]) -> Result<&[u8], RemoteError> {
    match postcard::take_from_bytes::<Response<'_, ()>>(answer) {
        Ok((Ok(()), rest)) => Ok(rest),
        Ok((Err(error), _)) => Err(RemoteError::Refused(error.message.to_owned())),
        Err(_) => Err(unreadable(node)),
    }
}

fn unreadable(node: NodeId) -> RemoteError {
    RemoteError::Unreachable(format!("node {node} answered what cannot be read"))
}
