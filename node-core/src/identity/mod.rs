//! Identity: the key that makes a node the node it is, and what this key signs.
//!
//! Each node makes a P-256 key at its first start. The key never leaves the node. The [`NodeId`] is a hash of the public key, so
//! an id needs no table and no first use to trust. TLS keys rotate; the identity stays.
//!
//! The key signs two things: the proof of a link ([`Channel`]), which shows a peer that this node, and no other, is at the other
//! end; and each record that the node publishes of itself, which nobody else can change or make up.

mod channel;
mod record;

use crate::crypto::{BadSignature, Check, Digest, PublicKey, Sign, Signature};
use crate::id::NodeId;

pub use channel::{Certificates, Channel, Greetings};

/// The identity of this node, and what it takes to check that of others. Cheap to copy.
#[derive(Clone, Copy)]
pub struct Identity<'i> {
    /// The cluster that signatures are made for: one of another cluster does not hold.
    pub cluster: &'i str,
    /// This node.
    pub id: NodeId,
    /// The public key.
    pub key: PublicKey,
    signer: &'i (dyn Sign + Sync),
    check: &'i dyn Check,
}

/// Has an identity: what a link keeps for as long as it lives, borrowed on a board and shared on a server.
pub trait Identify {
    /// The identity.
    fn identity(&self) -> Identity<'_>;
}

impl Identify for Identity<'_> {
    fn identity(&self) -> Identity<'_> {
        *self
    }
}

impl<'i> Identity<'i> {
    /// The node in `cluster` that signs with `signer`, whose public key is `key`.
    #[must_use]
    pub fn new(
        cluster: &'i str,
        key: PublicKey,
        signer: &'i (dyn Sign + Sync),
        check: &'i dyn Check,
    ) -> Self {
        Self { cluster, id: node_id(key, check), key, signer, check }
    }

    /// SHA-256 of `bytes`.
    pub(crate) fn sha256(&self, bytes: &[u8]) -> [u8; 32] {
        self.check.sha256(&[bytes])
    }

    /// The id of the node with this public key.
    pub(crate) fn id_of(&self, key: PublicKey) -> NodeId {
        node_id(key, self.check)
    }

    /// What is signed for this purpose in this cluster.
    pub(crate) fn statement(&self, purpose: &str, parts: [&[u8]; 5]) -> [u8; 32] {
        statement(self.check, self.cluster, purpose, parts)
    }

    /// Checks a signature by any key.
    ///
    /// # Errors
    /// [`BadSignature`]: it is not by that key over `message`.
    pub(crate) fn verify(
        &self,
        key: &[u8],
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), BadSignature> {
        self.check.verify(key, message, signature)
    }
}

impl core::fmt::Debug for Identity<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Identity")
            .field("cluster", &self.cluster)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// SHA-256 over the purpose of a signature, the cluster and `parts`. A zero ends both texts, which hold none.
pub(crate) fn statement<D: Digest + ?Sized>(
    digest: &D,
    cluster: &str,
    purpose: &str,
    parts: [&[u8]; 5],
) -> [u8; 32] {
    let [a, b, c, d, e] = parts;
    digest.sha256(&[purpose.as_bytes(), &[0], cluster.as_bytes(), &[0], a, b, c, d, e])
}

/// The id of the node with this public key: the first 16 bytes of SHA-256 over the compressed point.
#[must_use]
pub fn node_id<D: Digest + ?Sized>(key: PublicKey, digest: &D) -> NodeId {
    let hash = digest.sha256(&[&key.to_sec1()]);
    let mut id = [0; 16];
    id.copy_from_slice(hash.first_chunk::<16>().unwrap_or(&[0; 16]));
    NodeId(id)
}
