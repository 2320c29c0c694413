//! Signed records: what a node says of itself.

use super::Identity;
use crate::crypto::{BadSignature, SignError, Signature};
use crate::id::NodeId;
use crate::wire::record::split_signature;
use crate::wire::{Metadata, Record, State};

const PURPOSE: &str = "maelstrom record";

impl Identity<'_> {
    /// Signs metadata that [`Metadata::encode`] wrote, in place, for this incarnation of this node.
    ///
    /// # Errors
    /// [`SignError`]: the key cannot be used, and the metadata MUST NOT be published.
    pub fn sign_record(&self, incarnation: u64, metadata: &mut [u8]) -> Result<(), SignError> {
        let (fields, place) = metadata.split_last_chunk_mut::<{ Signature::LEN }>().ok_or(SignError)?;
        let message = self.record_statement(self.id, incarnation, fields);
        *place = *self.signer.sign(&message)?.as_bytes();
        Ok(())
    }

    /// Checks that the metadata of `record` was published by the member itself, for this incarnation.
    ///
    /// # Errors
    /// [`BadSignature`] for metadata of another author, incarnation or cluster, for a member whose id is not that of the key,
    /// and for metadata that cannot be read. Also for a member that left and is called anything else, and the other way round.
    pub fn verify_record(&self, record: &Record<'_>) -> Result<(), BadSignature> {
        let (fields, signature) = split_signature(record.metadata).ok_or(BadSignature)?;
        let metadata = Metadata::decode(record.metadata).map_err(|_| BadSignature)?;
        let left = record.state == State::Left && record.by.is_none();
        if metadata.left != left || self.id_of(metadata.identity) != record.id {
            return Err(BadSignature);
        }
        let message = self.record_statement(record.id, record.incarnation, fields);
        self.check.verify(&metadata.identity.to_sec1(), &message, &signature)
    }

    fn record_statement(&self, id: NodeId, incarnation: u64, fields: &[u8]) -> [u8; 32] {
        self.statement(PURPOSE, [&id.0, &incarnation.to_le_bytes(), fields, &[], &[]])
    }
}
