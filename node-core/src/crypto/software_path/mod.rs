//! Signatures of CAs, checked in software. ECDSA of P-256 with SHA-256 is there on every node; each other kind is a feature, for its
//! weight on a board.

#[cfg(feature = "ed25519")]
mod ed25519;
#[cfg(feature = "p384")]
mod p384;
#[cfg(feature = "rsa")]
mod rsa;

use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::{Signature, Software, Verify};

/// The algorithms that a CA may sign with, for a node whose crypto is [`Software`].
pub const SOFTWARE_ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    &EcdsaP256Sha256,
    #[cfg(feature = "ed25519")]
    &ed25519::Ed25519,
    #[cfg(feature = "p384")]
    &p384::EcdsaP384Sha256,
    #[cfg(feature = "p384")]
    &p384::EcdsaP384Sha384,
    #[cfg(feature = "rsa")]
    &rsa::Rsa2048Sha256,
];

/// Checks what a CA with a P-256 key signed with SHA-256.
#[derive(Debug)]
struct EcdsaP256Sha256;

impl SignatureVerificationAlgorithm for EcdsaP256Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        Software.verify(public_key, message, &signature).map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}
