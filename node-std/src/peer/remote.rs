//! The API's questions to other nodes. A question to this node itself is answered here.

use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::link::ResetCode;
use node_core::rpc::{KeySlot as WireSlot, LogRequest, MAX_BODY, MemberItem, Method, Status};
use serde::Deserialize;

use super::methods::Methods;
use crate::api::{
    BoardCounters, KeySlot, LogSource, MemberBrief, NodeBrief, OtherLog, Pong, Remote, RemoteError,
};
use crate::cluster::Cluster;
use crate::link::ExchangeError;
use crate::log::{Reader, Ring};
use crate::rpc::{CallError, Request, read, request};

/// How long another node may take to answer.
const REQUEST_BUDGET: Duration = Duration::from_secs(10);
/// A board decrypts a new keyring, checks every key in it, and writes it into flash before it answers.
const PUSH_BUDGET: Duration = Duration::from_secs(30);
/// A node that is asked in JSON may ask another one in turn.
const JSON_BUDGET: Duration = Duration::from_secs(20);

/// Reaches other nodes over the cluster's links.
pub struct Peers {
    cluster: Cluster,
    methods: Arc<Methods>,
    ring: Arc<Ring>,
}

impl Peers {
    /// The peers of this node, and this node, whose log is in `ring`.
    #[must_use]
    pub const fn new(cluster: Cluster, methods: Arc<Methods>, ring: Arc<Ring>) -> Self {
        Self { cluster, methods, ring }
    }

    async fn ask(&self, node: NodeId, method: Method, body: Bytes) -> Result<Bytes, RemoteError> {
        if node == self.cluster.me() {
            let response = Bytes::from(self.methods.answer(method, &body));
            return match read(&response) {
                Ok(rest) => Ok(response.slice_ref(rest)),
                Err(error) => Err(explain(node, error)),
            };
        }
        let (budget, limit) = match method {
            Method::KeysReplace => (PUSH_BUDGET, MAX_BODY),
            _ => (REQUEST_BUDGET, MAX_BODY),
        };
        let asked = request(&self.cluster, node, Request { method: method.number(), budget, body, limit });
        asked.await.map_err(|error| explain(node, error))
    }
}

impl Remote for Peers {
    async fn ping(&self, node: NodeId) -> Result<Pong, RemoteError> {
        if node == self.cluster.me() {
            return Ok(Pong { rtt: Duration::ZERO, via: None });
        }
        let via = self.cluster.next_hop(node).ok().filter(|via| *via != node);
        let start = Instant::now();
        self.ask(node, Method::Ping, Bytes::new()).await?;
        Ok(Pong { rtt: start.elapsed(), via })
    }

    async fn status(&self, node: NodeId) -> Result<NodeBrief, RemoteError> {
        // The result follows in place of `()`.
        let answer = self.ask(node, Method::Status, Bytes::new()).await?;
        let status = postcard::from_bytes::<Status<'_>>(&answer).map_err(|_| unreadable(node))?;
        Ok(NodeBrief::new(node, &status))
    }

    async fn members(&self, node: NodeId) -> Result<Vec<MemberBrief>, RemoteError> {
        let answer = self.ask(node, Method::Members, Bytes::new()).await?;
        list(node, &answer, |item: MemberItem<'_>| MemberBrief::new(&item))
    }

    async fn components(&self, node: NodeId) -> Result<Vec<String>, RemoteError> {
        let answer = self.ask(node, Method::Components, Bytes::new()).await?;
        list(node, &answer, |name: &str| name.to_owned())
    }

    async fn counters(&self, node: NodeId) -> Result<BoardCounters, RemoteError> {
        let answer = self.ask(node, Method::Counters, Bytes::new()).await?;
        let counters = postcard::from_bytes(&answer).map_err(|_| unreadable(node))?;
        Ok(BoardCounters::new(node, &counters))
    }

    async fn list_keys(&self, node: NodeId) -> Result<Vec<KeySlot>, RemoteError> {
        let answer = self.ask(node, Method::KeysList, Bytes::new()).await?;
        list(node, &answer, |slot: WireSlot| KeySlot::new(&slot.info, slot.active))
    }

    async fn push_keys(&self, node: NodeId, sealed: Bytes) -> Result<(), RemoteError> {
        self.ask(node, Method::KeysReplace, sealed).await.map(|_| ())
    }

    async fn logs(&self, node: NodeId, request: LogRequest) -> Result<LogSource, RemoteError> {
        if node == self.cluster.me() {
            return Ok(LogSource::Own(Reader::new(self.ring.clone(), request)));
        }
        let log = OtherLog::open(self.cluster.clone(), node, request).await;
        log.map(LogSource::Other).map_err(|error| match error {
            CallError::Exchange(ExchangeError::Reset(ResetCode::Full)) => RemoteError::Unreachable(format!(
                "node {node} shows its log to as many readers as it can: try again when one has gone"
            )),
            error => explain(node, error),
        })
    }

    async fn custom(&self, node: NodeId, method: u16, body: Bytes) -> Result<Bytes, RemoteError> {
        let asked = Request { method, budget: REQUEST_BUDGET, body, limit: MAX_BODY };
        request(&self.cluster, node, asked).await.map_err(|error| explain(node, error))
    }

    async fn json(&self, node: NodeId, body: Bytes, limit: usize) -> Result<Bytes, RemoteError> {
        let (method, budget) = (Method::JsonRpc.number(), JSON_BUDGET);
        let asked = request(&self.cluster, node, Request { method, budget, body, limit });
        asked.await.map_err(|error| explain(node, error))
    }
}

/// The items of an answer, one after the other until the end.
fn list<'a, T: Deserialize<'a>, U>(
    node: NodeId,
    mut rest: &'a [u8],
    read: impl Fn(T) -> U,
) -> Result<Vec<U>, RemoteError> {
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item, after) = postcard::take_from_bytes(rest).map_err(|_| unreadable(node))?;
        items.push(read(item));
        rest = after;
    }
    Ok(items)
}

fn explain(node: NodeId, error: CallError) -> RemoteError {
    match error {
        CallError::Answered { code, message } => RemoteError::Answered { code, message },
        CallError::Unreadable => unreadable(node),
        CallError::Exchange(_) | CallError::TooLong(_) => {
            RemoteError::Unreachable(format!("node {node} gave no answer: {error}"))
        }
    }
}

fn unreadable(node: NodeId) -> RemoteError {
    RemoteError::Unreachable(format!("node {node} answered what cannot be read"))
}
