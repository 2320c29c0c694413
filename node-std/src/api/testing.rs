//! An API for tests, with fixed answers of other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::{Name, NodeId};
use node_core::keys::addressee;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{About, Api, Connections, KeySlot, Pong, Remote, RemoteError, TlsStatus};
use crate::cluster::Cluster;
use crate::testing::{access, alone};

/// Answers for every node.
#[derive(Debug)]
pub struct Others;

impl Remote for Others {
    async fn ping(&self, node: NodeId) -> Result<Pong, RemoteError> {
        Ok(Pong { rtt: Duration::from_micros(1500), via: Some(node) })
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
    Api::new(about, cluster, watch::channel(tls).1, Others)
}
