//! An API for tests, with fixed answers of other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::{Name, NodeId};
use node_core::keys::addressee;
use node_core::rpc::{Code, Counters, LogRequest, Status};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    About, Api, BoardCounters, Connections, KeySlot, LogSource, MemberBrief, NodeBrief, Pong, Remote,
    RemoteError, TlsStatus,
};
use crate::cluster::Cluster;
use crate::testing::{access, alone};

/// The number of a node that takes long to answer a ping.
pub const SLOW: u8 = 0x51;

/// Answers for every node.
#[derive(Debug)]
pub struct Others;

impl Remote for Others {
    async fn ping(&self, node: NodeId) -> Result<Pong, RemoteError> {
        if node == NodeId([SLOW; 16]) {
            tokio::time::sleep(Duration::from_secs(9)).await;
        }
        Ok(Pong { rtt: Duration::from_micros(1500), via: Some(node) })
    }

    async fn status(&self, node: NodeId) -> Result<NodeBrief, RemoteError> {
        let status =
            Status { name: "x", version: "1", uptime_ms: 1, links: 1, members: 2, stack_high_water: Some(3) };
        Ok(NodeBrief::new(node, &status))
    }

    async fn members(&self, _: NodeId) -> Result<Vec<MemberBrief>, RemoteError> {
        Err(RemoteError::Answered { code: Code::UnknownMethod, message: "no such method".into() })
    }

    async fn components(&self, _: NodeId) -> Result<Vec<String>, RemoteError> {
        Ok(vec!["web".into()])
    }

    async fn counters(&self, node: NodeId) -> Result<BoardCounters, RemoteError> {
        Ok(BoardCounters::new(node, &Counters { handshakes: 4, ..Counters::default() }))
    }

    async fn logs(&self, _: NodeId, _: LogRequest) -> Result<LogSource, RemoteError> {
        Err(RemoteError::Unreachable("no link".into()))
    }

    /// The number and the body come back.
    async fn custom(&self, _: NodeId, method: u16, body: Bytes) -> Result<Bytes, RemoteError> {
        Ok([&method.to_be_bytes(), &body[..]].concat().into())
    }

    /// The request comes back, as the result or, for this method, as an error.
    async fn json(&self, _: NodeId, request: Bytes, _: usize) -> Result<Bytes, RemoteError> {
        let request: Value = serde_json::from_slice(&request).unwrap();
        let answer = match request["method"].as_str() {
            Some("MaelNode.ListLinks") => json!({"error": {"code": 1003, "message": "no such link"}}),
            _ => json!({"result": request}),
        };
        Ok(answer.to_string().into())
    }

    async fn list_keys(&self, _: NodeId) -> Result<Vec<KeySlot>, RemoteError> {
        Err(RemoteError::Unreachable("no link".into()))
    }

    async fn push_keys(&self, node: NodeId, sealed: Bytes) -> Result<(), RemoteError> {
        match addressee(&sealed) {
            Ok((board, _)) if board == node => Ok(()),
            other => Err(RemoteError::Unreachable(format!("{node} got what is for {other:?}"))),
        }
    }
}

/// The API of a node without TLS.
pub fn api() -> Api<Others> {
    api_of(alone(), TlsStatus { health: "off".into(), ..TlsStatus::default() })
}

/// The API of a node in this cluster.
pub fn api_of(cluster: Cluster, tls: TlsStatus) -> Api<Others> {
    api_over(cluster, tls, Others)
}

/// The API of a node in this cluster that reaches others so.
pub fn api_over<R>(cluster: Cluster, tls: TlsStatus, remote: R) -> Api<R> {
    let (stop, drain) = (CancellationToken::new(), CancellationToken::new());
    let (_, config) = watch::channel(Vec::new());
    let about = About {
        config,
        access: access(),
        connections: Connections::default(),
        cluster_id: Name::new("test").unwrap(),
        started_at: 1,
        stop,
        drain,
    };
    Api::new(about, cluster, watch::channel(tls).1, remote)
}
