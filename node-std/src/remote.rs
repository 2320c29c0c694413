//! What this node asks of others for maelctl, and what it shows of its own keys.

use core::time::Duration;
use std::time::{Instant, UNIX_EPOCH};

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::rpc::{KeySlot as WireSlot, MAX_BODY, Method, Response};
use node_core::time::UnixTime;
use node_core::trust::Rfc3339;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::api::{KeySlot, Pong, Remote, RemoteError, TlsStatus};
use crate::cluster::{Cluster, Security};
use crate::tls::{Health, Keyring};

/// How long another node may take to answer.
const BUDGET: Duration = Duration::from_secs(10);
/// A board checks every key of a new keyring and writes it into flash before it answers.
const PUSH_BUDGET: Duration = Duration::from_secs(30);

/// Other nodes, over the cluster's links.
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
        (method, budget): (Method, Duration),
        request: Bytes,
    ) -> Result<Bytes, RemoteError> {
        let call = self.cluster.call(node, (method.number(), budget), request, MAX_BODY);
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
        let answer = self.call(node, (Method::Ping, BUDGET), Bytes::new()).await?;
        let rtt = start.elapsed();
        read(node, &answer)?;
        Ok(Pong { rtt, via })
    }

    async fn list_keys(&self, node: NodeId) -> Result<Vec<KeySlot>, RemoteError> {
        let answer = self.call(node, (Method::KeysList, BUDGET), Bytes::new()).await?;
        let mut rest = read(node, &answer)?;
        let mut slots = Vec::new();
        while !rest.is_empty() {
            let (slot, after) = postcard::take_from_bytes::<WireSlot>(rest).map_err(|_| unreadable(node))?;
            slots.push(KeySlot::new(&slot.info, slot.active));
            rest = after;
        }
        Ok(slots)
    }

    async fn push_keys(&self, node: NodeId, bundle: Bytes) -> Result<(), RemoteError> {
        let answer = self.call(node, (Method::KeysReplace, PUSH_BUDGET), bundle).await?;
        read(node, &answer).map(|_| ())
    }
}

/// The bytes after `Ok(())`, or what the node said instead.
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

/// The state of the private port's TLS, and what keeps it current until `stop` is cancelled.
pub fn watch_tls(
    security: Security,
    stop: CancellationToken,
) -> (watch::Receiver<TlsStatus>, impl Future<Output = ()> + Send) {
    let (publish, status_now) = watch::channel(status(&security));
    let watching = async move {
        let Security::Tls(keyring) = security else { return stop.cancelled().await };
        let (mut keys, mut health) = (keyring.subscribe(), keyring.subscribe_health());
        loop {
            publish.send_replace(tls_status(&keyring));
            tokio::select! {
                () = stop.cancelled() => return,
                Ok(()) = keys.changed() => {}
                Ok(()) = health.changed() => {}
            }
        }
    };
    (status_now, watching)
}

fn status(security: &Security) -> TlsStatus {
    match security {
        Security::Plaintext => TlsStatus { enabled: false, health: "off".into(), slots: Vec::new() },
        Security::Tls(keyring) => tls_status(keyring),
    }
}

fn tls_status(keyring: &Keyring) -> TlsStatus {
    let active = keyring.active();
    let health = match keyring.health() {
        Health::Ok => "ok".to_owned(),
        Health::Degraded { message, since } => {
            let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
            format!("degraded since {}: {message}", Rfc3339(UnixTime(since.as_secs())))
        }
    };
    let slots = keyring.slots();
    let slots = slots.iter().map(|slot| KeySlot::new(slot, slot.name == active.name)).collect();
    TlsStatus { enabled: true, health, slots }
}
