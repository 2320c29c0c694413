//! An identity key in the hands of a hostile peer.

use anyhow::Result;
use node_core::crypto::{P256Secret, PublicKey, Software, SoftwareSigner};
use node_core::id::NodeId;
use node_core::identity::{Identity, node_id};
use node_core::wire::Metadata;
use node_core::wire::record::MAX_METADATA;

/// Somebody who signs.
pub struct Author {
    signer: SoftwareSigner,
    /// The public key that it shows. It may be that of somebody else.
    pub claimed: PublicKey,
}

impl Author {
    /// Somebody new.
    ///
    /// # Errors
    ///
    /// The system gives no random numbers.
    pub fn random() -> Result<Self> {
        let mut number = [0; 16];
        getrandom::fill(&mut number)?;
        Ok(Self::numbered(u128::from_be_bytes(number)))
    }

    /// The one with this number.
    #[must_use]
    pub fn numbered(number: u128) -> Self {
        let mut secret = [1; 32];
        secret[16..].copy_from_slice(&number.to_be_bytes());
        let signer = SoftwareSigner::new(P256Secret(&secret)).unwrap();
        Self { claimed: signer.public_key(), signer }
    }

    /// The id of the key that it shows.
    #[must_use]
    pub fn id(&self) -> NodeId {
        node_id(self.claimed, &Software)
    }

    /// What it signs with. The id is that of the key that it shows.
    #[must_use]
    pub fn identity<'a>(&'a self, cluster: &'a str) -> Identity<'a> {
        Identity::new(cluster, self.claimed, &self.signer, &Software)
    }

    /// Its metadata, signed for an incarnation.
    ///
    /// # Errors
    ///
    /// The metadata breaks a limit.
    pub fn metadata(&self, incarnation: u64, metadata: &Metadata<'_>) -> Result<Vec<u8>> {
        let metadata = Metadata { identity: self.claimed, ..metadata.clone() };
        let mut buffer = [0; MAX_METADATA];
        let mut bytes = metadata.encode(&mut buffer)?.to_vec();
        self.identity("maelstrom").sign_record(incarnation, &mut bytes)?;
        Ok(bytes)
    }
}
