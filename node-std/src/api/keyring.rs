//! The keyring as JSON-RPC shows it. Private keys never appear here.

use node_core::keys::SlotInfo;
use node_core::time::UnixTime;
use serde::{Deserialize, Serialize};

use crate::tls::crl::ListStatus;

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

/// A certificate beside the keyring that links depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DependsOn {
    /// What it is.
    pub what: String,
    /// Its SHA-256, `sha256:` and hexadecimal digits.
    pub certificate_sha256: String,
    /// When it ends, in Unix milliseconds.
    pub not_after: u64,
}

/// The state of TLS on the private port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsStatus {
    /// Whether the port speaks TLS.
    pub enabled: bool,
    /// `ok`, or what is wrong with the TLS directory and since when. The node then keeps its last good keyring.
    pub health: String,
    /// When no new link comes up any more, as far as dates say it, in Unix milliseconds: this node's certificate, or the last CA, ends.
    #[serde(default)]
    pub usable_until: Option<u64>,
    /// Which certificate ends then.
    #[serde(default)]
    pub first_to_end: Option<String>,
    /// CAs that are trusted, intermediates, and the certificate that is shown when this node dials.
    #[serde(default)]
    pub depends_on: Vec<DependsOn>,
    /// What an operator is warned of: that some peers need no certificate, or prove none.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// The keyring that is in use.
    pub slots: Vec<KeySlot>,
    /// The lists of revoked certificates in force, and the URLs that should have more.
    #[serde(default)]
    pub lists: Vec<RevocationListStatus>,
}

/// A list of revoked certificates, or a URL that has brought none yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RevocationListStatus {
    /// The common name of the CA that issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// When it was issued, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub this_update: Option<u64>,
    /// When the next one is due, in Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_update: Option<u64>,
    /// The file or URL that it is from.
    pub origin: String,
    /// Why the last fetch brought none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl From<&ListStatus> for RevocationListStatus {
    fn from(list: &ListStatus) -> Self {
        let millis = |time: UnixTime| time.0.saturating_mul(1000);
        Self {
            issuer: list.issuer.clone(),
            this_update: list.this_update.map(millis),
            next_update: list.next_update.map(millis),
            origin: list.origin.clone(),
            last_error: list.error.clone(),
        }
    }
}

/// A SHA-256 as text: `sha256:` and hexadecimal digits.
pub fn sha256(digest: &[u8; 32]) -> String {
    format!("sha256:{}", node_core::id::Hex(digest))
}
