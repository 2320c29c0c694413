//! ECDSA of P-384. openssl signs with SHA-256 when nobody says otherwise, so both hashes are met.

use p384::ecdsa::signature::hazmat::PrehashVerifier;
use p384::ecdsa::{Signature, VerifyingKey};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256, Sha384};

/// Checks what a CA with a P-384 key signed with SHA-256.
#[derive(Debug)]
pub(super) struct EcdsaP384Sha256;

/// Checks what a CA with a P-384 key signed with SHA-384.
#[derive(Debug)]
pub(super) struct EcdsaP384Sha384;

fn verify(public_key: &[u8], hash: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
    let key = VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
    let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
    key.verify_prehash(hash, &signature).map_err(|_| InvalidSignature)
}

impl SignatureVerificationAlgorithm for EcdsaP384Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        verify(public_key, &Sha256::digest(message), signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P384
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

impl SignatureVerificationAlgorithm for EcdsaP384Sha384 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        verify(public_key, &Sha384::digest(message), signature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P384
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA384
    }
}
