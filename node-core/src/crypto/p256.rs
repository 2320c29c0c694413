//! Keys and signatures of the curve P-256 (secp256r1, prime256v1) as bytes, for any implementation.

use core::fmt;

use thiserror::Error;

use crate::id::Hex;

/// A public key: an uncompressed SEC 1 point, `04 ‖ x ‖ y`.
///
/// The form alone is checked. The library that computes with the point checks that it lies on the curve.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct P256Point([u8; Self::LEN]);

impl P256Point {
    /// Length in bytes.
    pub const LEN: usize = 65;

    /// Takes `sec1` when it has the form of an uncompressed point.
    #[must_use]
    pub fn from_sec1(sec1: &[u8]) -> Option<Self> {
        let point: [u8; Self::LEN] = sec1.try_into().ok()?;
        (point.first() == Some(&0x04)).then_some(Self(point))
    }

    /// The point in SEC 1 form.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for P256Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// A private key: the scalar, big-endian, borrowed from where it is kept so that no copy needs wiping.
#[derive(Clone, Copy)]
pub struct P256Secret<'a>(pub &'a [u8; 32]);

/// An ECDSA signature in DER, 8 to 72 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct DerSignature(heapless::Vec<u8, { Self::MAX }>);

impl DerSignature {
    /// Longest signature in bytes: two integers of 33 bytes, each with a header, in a sequence.
    pub const MAX: usize = 72;

    /// Copies `der`, or `None` when it is longer than [`MAX`](Self::MAX). Its form is not checked.
    #[must_use]
    pub fn from_der(der: &[u8]) -> Option<Self> {
        heapless::Vec::from_slice(der).ok().map(Self)
    }
}

impl AsRef<[u8]> for DerSignature {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for DerSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// The signature is not by this key over this message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signature does not match: the peer does not hold the key of its certificate")]
pub struct BadSignature;

/// The bytes are no P-256 private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a P-256 private key: zero, or not below the order of the curve")]
pub struct BadSecret;

/// The signing key could not be used, for example because a secure element did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signing key cannot be used: check the device that holds it")]
pub struct SignError;
