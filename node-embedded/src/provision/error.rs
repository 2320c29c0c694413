//! Why a board was not provisioned.

#[cfg(feature = "tls-key")]
use node_core::crypto::SignError;
use node_core::provision::BlobError;
use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::flash::StoreError;

/// Why a board did not take a blob.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ProvisionError<E: core::fmt::Debug> {
    /// The blob is not for this board, or not whole.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The random number generator does not work.
    #[error("{NoEntropy}")]
    Entropy,
    /// The flash cannot be used.
    #[error("{0}")]
    Flash(#[from] StoreError<E>),
    /// The blob asks for a new identity, and a device holds the identity key.
    #[error(
        "the identity key of this board is in a device and cannot be made anew: make the blob without a new identity"
    )]
    NewIdentity,
    /// The TLS key cannot sign the request for its certificate.
    #[cfg(feature = "tls-key")]
    #[error(transparent)]
    Sign(SignError),
}

impl<E: core::fmt::Debug> From<NoEntropy> for ProvisionError<E> {
    fn from(NoEntropy: NoEntropy) -> Self {
        Self::Entropy
    }
}
