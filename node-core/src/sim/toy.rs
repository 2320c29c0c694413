//! Crypto for simulations and tests: fast, and worth nothing. Its "hash" mixes, and anybody can make its signatures.
//!
//! It notices everything that a test can get wrong, such as a record that was changed after it was signed. A key is the id of
//! its node, so that a host can choose its id.

use crate::crypto::{BadSignature, Digest, PublicKey, Sign, SignError, Signature, Verify};
use crate::gossip::{Metadata, Record, State, mix};
use crate::id::NodeId;
use crate::identity::Identity;
use crate::wire::record::BadMetadata;

/// Hashes, signs and verifies, at once for every node.
#[derive(Clone, Copy, Debug)]
pub struct Toy;

/// The identity of the node with this id.
#[must_use]
pub fn identity(cluster: &'static str, id: NodeId) -> Identity<'static> {
    Identity::new(cluster, key(id), &Toy, &Toy)
}

/// The key of the node with this id.
#[must_use]
pub fn key(id: NodeId) -> PublicKey {
    let mut sec1 = [0; PublicKey::LEN];
    sec1.iter_mut().zip([2].into_iter().chain(id.0)).for_each(|(to, from)| *to = from);
    PublicKey::from_sec1(&sec1).unwrap_or(PublicKey::NONE)
}

/// The record that this node publishes of itself, in the state *alive*, or *left* when its metadata says so.
///
/// # Errors
/// [`BadMetadata`]: the metadata breaks a limit, or does not fit `buffer`.
pub fn record<'b>(
    identity: &Identity<'_>,
    incarnation: u64,
    metadata: &Metadata<'_>,
    buffer: &'b mut [u8],
) -> Result<Record<'b>, BadMetadata> {
    let metadata = Metadata { identity: identity.key, ..metadata.clone() };
    let state = if metadata.left { State::Left } else { State::Alive };
    let length = metadata.encode(buffer)?.len();
    let bytes = buffer.get_mut(..length).ok_or(BadMetadata)?;
    identity.sign_record(incarnation, bytes).map_err(|_| BadMetadata)?;
    Ok(Record { id: identity.id, incarnation, state, by: None, metadata: bytes })
}

impl Digest for Toy {
    /// The hash of a key is the id in it.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = [0; 32];
        if let [[2, id @ ..]] = parts
            && id.len() == PublicKey::LEN - 1
        {
            hash.copy_from_slice(id);
            return hash;
        }
        let mut mixed = 0;
        for part in parts {
            mixed = mix(mixed ^ part.len() as u64);
            for word in part.chunks(8) {
                let mut bytes = [0; 8];
                bytes.iter_mut().zip(word).for_each(|(to, from)| *to = *from);
                mixed = mix(mixed ^ u64::from_le_bytes(bytes));
            }
        }
        for word in hash.chunks_mut(8) {
            word.copy_from_slice(&mixed.to_le_bytes());
            mixed = mix(mixed);
        }
        hash
    }
}

impl Sign for Toy {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let hash = self.sha256(&[b"signature", message]);
        let mut bytes = [0; Signature::LEN];
        bytes.chunks_mut(32).for_each(|half| half.copy_from_slice(&hash));
        Ok(Signature::from_bytes(bytes))
    }
}

impl Verify for Toy {
    fn verify(&self, _: &[u8], message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        if self.sign(message) == Ok(*signature) { Ok(()) } else { Err(BadSignature) }
    }
}
