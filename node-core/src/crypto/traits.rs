//! The traits that a device or a server implements.

use super::p256::{BadSeal, BadSecret, BadSignature, P256Point, P256Secret, SignError, Signature};

/// Hashes with SHA-256 (FIPS 180-4).
pub trait Digest {
    /// SHA-256 of all `parts`, one after the other.
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32];
}

/// Checks ECDSA signatures of P-256 with SHA-256 (FIPS 186-5).
pub trait Verify {
    /// Checks that `signature` is by `key` over `message`, which is hashed here. `key` is a SEC 1 point, compressed
    /// ([`PublicKey`](super::PublicKey), 33 bytes) or not ([`P256Point`], 65 bytes).
    ///
    /// # Errors
    /// [`BadSignature`] for every other signature, and for a `key` that is no point of the curve.
    fn verify(&self, key: &[u8], message: &[u8], signature: &Signature) -> Result<(), BadSignature>;
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
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError>;
}

/// Decrypts what was encrypted to a P-256 key, in memory or in a secure element.
pub trait Unseal {
    /// Opens a message of HPKE (RFC 9180) in place, and returns its text: base mode with DHKEM(P-256, HKDF-SHA256),
    /// HKDF-SHA256 and AES-128-GCM, the first message. `sealed` is the ciphertext with its tag behind it.
    ///
    /// # Errors
    /// [`BadSeal`]: it was encrypted to another key, or changed on the way.
    fn unseal<'c>(
        &self,
        encapsulated: &[u8; P256Point::LEN],
        info: &[u8],
        bound: &[u8],
        sealed: &'c mut [u8],
    ) -> Result<&'c mut [u8], BadSeal>;
}

/// All that a node needs to check what others signed. Every type that hashes and verifies has it.
pub trait Check: Digest + Verify + Sync {}

impl<T: Digest + Verify + Sync> Check for T {}
