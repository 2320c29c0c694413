//! The state that all methods share.

use std::sync::Arc;

use node_core::id::Name;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use super::connections::Connections;
use super::keyring::TlsStatus;
use crate::access::Access;
use crate::cluster::Cluster;
use crate::config::InForce;

/// Readers of logs at the same time.
pub(super) const MAX_LOG_STREAMS: usize = 32;

/// Answers JSON-RPC about this node and, through `R`, about other nodes.
#[derive(Debug)]
pub struct Api<R> {
    pub(super) about: About,
    pub(super) cluster: Cluster,
    pub(super) tls: watch::Receiver<TlsStatus>,
    pub(super) remote: R,
    /// A place for each reader of a log.
    pub(super) log_streams: Arc<Semaphore>,
}

impl<R> Api<R> {
    /// An API over the `cluster` as this node knows it. `tls` is the state of the private port's keyring.
    #[must_use]
    pub fn new(about: About, cluster: Cluster, tls: watch::Receiver<TlsStatus>, remote: R) -> Self {
        let log_streams = Arc::new(Semaphore::new(MAX_LOG_STREAMS));
        Self { about, cluster, tls, remote, log_streams }
    }
}

/// The facts about this node.
#[derive(Clone, Debug)]
pub struct About {
    /// The settings that are in force.
    pub config: watch::Receiver<Vec<InForce>>,
    /// Decides on the roles of callers.
    pub access: Arc<Access>,
    /// The connections of the ports.
    pub connections: Connections,
    /// The cluster's name.
    pub cluster_id: Name,
    /// When the daemon started, in Unix milliseconds.
    pub started_at: u64,
    /// Cancelled to make the daemon leave the cluster and stop.
    pub stop: CancellationToken,
    /// Cancelled when the daemon drains. From then on no request waits for events.
    pub drain: CancellationToken,
}
