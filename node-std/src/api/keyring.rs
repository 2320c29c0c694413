//! The keyring as JSON-RPC shows it. Private keys never appear here.

use node_core::keys::SlotInfo;
use serde::{Deserialize, Serialize};

/// A slot of a keyring, as people and programs are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeySlot {
    /// Its name.
    pub name: String,
    /// SHA-256 of the certificate, `sha256:` and hexadecimal digits.
    pub certificate_sha256: String,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`), in the same form.
    pub spki_sha256: String,
    /// Start of its validity in Unix milliseconds.
    pub not_before: u64,
    /// End of its validity in Unix milliseconds.
    pub not_after: u64,
    /// The kind of key.
    pub algorithm: String,
    /// Whether the slot has a private key. A slot without one is trusted and cannot sign.
    pub pair: bool,
    /// Whether the node signs with it.
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

/// The state of TLS on the private port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsStatus {
    /// Whether the port speaks TLS.
    pub enabled: bool,
    /// `ok`, or what is wrong with the TLS directory and since when. The node then keeps its last good keyring.
    pub health: String,
    /// What an operator is warned of: that some peers need no certificate, or prove none.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The keyring that is in use.
    pub slots: Vec<KeySlot>,
}

/// A SHA-256 as text: `sha256:` and hexadecimal digits.
pub fn sha256(digest: &[u8; 32]) -> String {
    format!("sha256:{}", node_core::id::Hex(digest))
}
