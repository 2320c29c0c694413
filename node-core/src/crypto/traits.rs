//! The four traits that a device or a server implements.

use super::p256::{BadSecret, BadSignature, DerSignature, P256Point, P256Secret, SignError};

/// Hashes with SHA-256 (FIPS 180-4).
pub trait Digest {
    /// SHA-256 of all `parts`, one after the other.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];
}

/// Checks ECDSA signatures of P-256 with SHA-256 (FIPS 186-5).
pub trait Verify {
    /// Checks that `signature`, an `Ecdsa-Sig-Value` in strict DER (RFC 3279 section 2.2.3), is by `key` over
    /// `message`, which is hashed here.
    ///
    /// # Errors
    /// [`BadSignature`] for every other signature, and for a `key` that is no point of the curve.
    fn verify(&self, key: &P256Point, message: &[u8], signature: &[u8]) -> Result<(), BadSignature>;
}

/// Finds the public key that belongs to a P-256 private key.
pub trait Derive {
    /// The public key of `secret`.
    ///
    /// # Errors
    /// [`BadSecret`] when `secret` is zero or not below the order of the curve.
    fn public_key(&self, secret: P256Secret<'_>) -> Result<P256Point, BadSecret>;
}

/// Signs with one P-256 private key, in memory or in a secure element.
pub trait Sign {
    /// An ECDSA signature with SHA-256 over `message`, which is hashed here.
    ///
    /// # Errors
    /// [`SignError`] when the key cannot be used; the caller MUST NOT make a connection then.
    fn sign(&self, message: &[u8]) -> Result<DerSignature, SignError>;
}
