//! What the API asks of other nodes.

use core::time::Duration;

use bytes::Bytes;
use node_core::id::NodeId;
use node_core::keys::SlotInfo;
use serde::{Deserialize, Serialize};

/// Reaches the nodes of the cluster.
pub trait Remote: Send + Sync + 'static {
    /// Asks `node` for a sign of life.
    fn ping(&self, node: NodeId) -> impl Future<Output = Result<Pong, RemoteError>> + Send;

    /// The keyring of `node`, which is not this one.
    fn list_keys(&self, node: NodeId) -> impl Future<Output = Result<Vec<KeySlot>, RemoteError>> + Send;

    /// Replaces the keyring of `node`, a leaf, by `bundle` ([`Bundle`](node_core::keys::Bundle), encoded) in one step,
    /// which it has kept when this returns.
    fn push_keys(&self, node: NodeId, bundle: Bytes) -> impl Future<Output = Result<(), RemoteError>> + Send;
}

/// An answer to a ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    /// How long it took there and back.
    pub rtt: Duration,
    /// The hub that it went through, `None` over a link of this node.
    pub via: Option<NodeId>,
}

/// Why another node did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RemoteError {
    /// It said no; the text is its reason.
    #[error("{0}")]
    Refused(String),
    /// It gave no answer; the text says why.
    #[error("{0}")]
    Unreachable(String),
}

/// A slot of a keyring, as people and programs are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeySlot {
    /// Its name.
    pub name: String,
    /// SHA-256 of the certificate, `sha256:` and hexadecimal digits.
    pub certificate_sha256: String,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`), written likewise.
    pub spki_sha256: String,
    /// Start of its validity in Unix milliseconds.
    pub not_before: u64,
    /// End of its validity in Unix milliseconds.
    pub not_after: u64,
    /// The kind of key.
    pub algorithm: String,
    /// Whether the private key is there too, so that the slot could sign; else it is trusted only.
    pub pair: bool,
    /// Whether it is the one that signs.
    pub active: bool,
}

impl KeySlot {
    /// Describes a slot.
    #[must_use]
    pub fn new(slot: &SlotInfo, active: bool) -> Self {
        Self {
            name: slot.name.to_string(),
            certificate_sha256: sha256(&slot.certificate.0),
            spki_sha256: sha256(&slot.spki.0),
            not_before: slot.not_before.0.saturating_mul(1000),
            not_after: slot.not_after.0.saturating_mul(1000),
            algorithm: slot.algorithm.to_string(),
            pair: slot.has_key,
            active,
        }
    }
}

/// How the private port's TLS is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStatus {
    /// Whether the port speaks TLS.
    pub enabled: bool,
    /// `ok`, or since when the last good keyring runs on and what is wrong.
    pub health: String,
    /// The keyring that is in use.
    pub slots: Vec<KeySlot>,
}

/// A SHA-256 as text, naming what it is.
pub fn sha256(digest: &[u8; 32]) -> String {
    format!("sha256:{}", node_core::id::Hex(digest))
}
