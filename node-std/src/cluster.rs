//! The cluster as the rest of the daemon sees it: a snapshot of its members, and a way to reach each.

use std::sync::Arc;

use node_core::gossip::{Kind, State};
use node_core::id::{Name, NodeId};
use node_core::link::Open;

use crate::exchange::{ExchangeError, Inbound, Outbound};

/// One member, as known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its identity.
    pub id: NodeId,
    /// Its name.
    pub name: Name,
    /// Hub or leaf.
    pub kind: Kind,
    /// What is believed of it.
    pub state: State,
    /// Its incarnation.
    pub incarnation: u64,
    /// Unix time in milliseconds when `state` was learned here.
    pub since_unix_ms: u64,
    /// Addresses (`HOST:PORT`) at which a hub can be dialled.
    pub addrs: Vec<String>,
    /// Components that it offers.
    pub components: Vec<String>,
    /// For a leaf: the hubs that it is linked to.
    pub hubs: Vec<NodeId>,
    /// SHA-256 of the certificate that it presents; all zero when it has none (plaintext).
    pub active_key: [u8; 32],
    /// Digest of all certificates that it trusts (PROTOCOL.md).
    pub keyring: [u8; 32],
    /// Whether this node has a link to it.
    pub linked: bool,
    /// Last measured round-trip time over that link, in microseconds.
    pub rtt_micros: Option<u64>,
}

/// All members at one moment, this node included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Members ordered by name, then id.
    pub members: Vec<Member>,
}

/// How the daemon's tasks reach the cluster.
#[derive(Clone, Debug)]
pub struct Cluster;

impl Cluster {
    /// This node's identity.
    #[must_use]
    pub fn me(&self) -> NodeId {
        NodeId([0; 16])
    }

    /// The members as of now.
    #[must_use]
    pub fn view(&self) -> Arc<View> {
        Arc::default()
    }

    /// Opens an exchange on the link to `via`, which must be linked.
    ///
    /// # Errors
    /// There is no such link, or it takes no more exchanges.
    pub async fn open(&self, via: NodeId, open: Open) -> Result<(Outbound, Inbound), ExchangeError> {
        let _ = (via, open);
        Err(ExchangeError::Full)
    }
}
