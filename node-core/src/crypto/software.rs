//! P-256 and SHA-256 in software, by the crates p256 and sha2.

use ecdsa::hazmat::SignPrimitive as _;
use p256::SecretKey;
use p256::ecdsa::signature::{Signer, Verifier};
use p256::ecdsa::{SigningKey, VerifyingKey};
use sha2::Digest as _;

use super::p256::{BadSecret, BadSignature, P256Point, P256Secret, PublicKey, SignError, Signature};
use super::traits::{Derive, Digest, Sign, Verify};

/// Hashing, verifying and deriving in software.
#[derive(Clone, Copy, Debug, Default)]
pub struct Software;

impl Software {
    /// The same key as an uncompressed point; `None` when it is no point of the curve.
    #[must_use]
    pub fn decompress(self, key: PublicKey) -> Option<P256Point> {
        let key = VerifyingKey::from_sec1_bytes(&key.to_sec1()).ok()?;
        P256Point::from_sec1(key.to_encoded_point(false).as_bytes())
    }
}

impl Digest for Software {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hash = sha2::Sha256::new();
        for part in parts {
            hash.update(part);
        }
        hash.finalize().into()
    }
}

impl Verify for Software {
    fn verify(&self, key: &[u8], message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let key = VerifyingKey::from_sec1_bytes(key).map_err(|_| BadSignature)?;
        let signature = p256::ecdsa::Signature::from_slice(signature.as_bytes()).map_err(|_| BadSignature)?;
        key.verify(message, &signature).map_err(|_| BadSignature)
    }
}

impl Derive for Software {
    fn public_key(&self, secret: P256Secret<'_>) -> Result<P256Point, BadSecret> {
        let key = SoftwareSigner::new(secret)?.0;
        P256Point::from_sec1(key.verifying_key().to_encoded_point(false).as_bytes()).ok_or(BadSecret)
    }
}

/// A private key in memory, wiped when dropped.
///
/// Signatures are deterministic (RFC 6979), so a weak random generator cannot give the key away.
#[derive(Clone)]
pub struct SoftwareSigner(SigningKey);

impl SoftwareSigner {
    /// Takes the private key `secret`.
    ///
    /// # Errors
    /// [`BadSecret`] when it is zero or not below the order of the curve.
    pub fn new(secret: P256Secret<'_>) -> Result<Self, BadSecret> {
        SigningKey::from_slice(secret.0).map(Self).map_err(|_| BadSecret)
    }

    /// The key.
    #[cfg(feature = "unseal")]
    pub(super) const fn key(&self) -> &SigningKey {
        &self.0
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        let point = self.0.verifying_key().to_encoded_point(true);
        PublicKey::from_sec1(point.as_bytes()).unwrap_or(PublicKey::NONE)
    }
}

impl Sign for SoftwareSigner {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let signature: p256::ecdsa::Signature = self.0.try_sign(message).map_err(|_| SignError)?;
        Ok(Signature::from_bytes(signature.to_bytes().into()))
    }
}

/// As [`SoftwareSigner`], for one signature: it does without the public key, which takes as long to compute as a signature.
impl Sign for P256Secret<'_> {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let key = SecretKey::from_slice(self.0).map_err(|_| SignError)?;
        let hash = sha2::Sha256::digest(message);
        let signed = key.to_nonzero_scalar().try_sign_prehashed_rfc6979::<sha2::Sha256>(&hash, &[]);
        let (signature, _) = signed.map_err(|_| SignError)?;
        Ok(Signature::from_bytes(signature.to_bytes().into()))
    }
}
