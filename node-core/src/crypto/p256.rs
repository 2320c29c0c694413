//! Keys and signatures of the curve P-256 (secp256r1, prime256v1) as bytes, for any implementation.

use core::fmt;

use der::Decode;
use der::asn1::{AnyRef, UintRef};
use serde::{Deserialize, Serialize};
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

/// A public key as it travels: a compressed SEC 1 point, `02` or `03` and then `x`.
///
/// The form alone is checked. The library that computes with the point checks that it lies on the curve.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PublicKey {
    /// 2 or 3, the parity of `y`; 0 for no key.
    form: u8,
    x: [u8; 32],
}

impl PublicKey {
    /// Length in bytes.
    pub const LEN: usize = 33;
    /// No key: no signature is by it.
    pub const NONE: Self = Self { form: 0, x: [0; 32] };

    /// Takes `sec1` when it has the form of a compressed point.
    #[must_use]
    pub fn from_sec1(sec1: &[u8]) -> Option<Self> {
        let (&form, x) = sec1.split_first()?;
        let key = Self { form, x: x.try_into().ok()? };
        key.is_point().then_some(key)
    }

    /// The point in SEC 1 form.
    #[must_use]
    pub fn to_sec1(self) -> [u8; Self::LEN] {
        let mut sec1 = [0; Self::LEN];
        let (form, x) = sec1.split_at_mut(1);
        form.fill(self.form);
        x.copy_from_slice(&self.x);
        sec1
    }

    /// Whether it has the form of a point.
    #[must_use]
    pub const fn is_point(&self) -> bool {
        matches!(self.form, 2 | 3)
    }
}

impl From<&P256Point> for PublicKey {
    fn from(point: &P256Point) -> Self {
        let [_, coordinates @ ..] = point.as_bytes();
        let mut key = Self::NONE;
        key.x.copy_from_slice(coordinates.first_chunk::<32>().unwrap_or(&[0; 32]));
        key.form = 2 + (coordinates.last().unwrap_or(&0) & 1);
        key
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.to_sec1()).fmt(f)
    }
}

/// A private key: the scalar, big-endian, borrowed from where it is kept so that no copy needs wiping.
#[derive(Clone, Copy)]
pub struct P256Secret<'a>(pub &'a [u8; 32]);

/// An ECDSA signature: `r` and `s`, 32 bytes each, big-endian (IEEE P1363).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; Self::LEN]);

impl Signature {
    /// Length in bytes.
    pub const LEN: usize = 64;

    /// A signature of these bytes; whether it is one shows when it is verified.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Reads an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) in strict DER.
    ///
    /// # Errors
    /// [`BadSignature`] for another encoding, and for numbers of more than 32 bytes.
    pub fn from_der(der: &[u8]) -> Result<Self, BadSignature> {
        let numbers = AnyRef::from_der(der).and_then(|value| {
            value.sequence(|reader| Ok((UintRef::decode(reader)?, UintRef::decode(reader)?)))
        });
        let (r, s) = numbers.map_err(|_| BadSignature)?;
        let mut bytes = [0; Self::LEN];
        let (first, second) = bytes.split_at_mut(32);
        for (half, number) in [(first, r), (second, s)] {
            let number = number.as_bytes();
            let at = half.len().checked_sub(number.len()).ok_or(BadSignature)?;
            half.get_mut(at..).ok_or(BadSignature)?.copy_from_slice(number);
        }
        Ok(Self(bytes))
    }

    /// The same as an `Ecdsa-Sig-Value` in DER.
    #[must_use]
    pub fn to_der(&self) -> DerSignature {
        let mut der = DerSignature(heapless::Vec::new());
        let (r, s) = self.0.split_at(32);
        // Two integers of at most 35 bytes each always fit.
        let _ = der.0.extend_from_slice(&[0x30, 0]);
        for number in [r, s] {
            let zeros = number.iter().take_while(|byte| **byte == 0).count();
            let digits = number.get(zeros..).unwrap_or_default();
            // A number is never empty, and its top bit is no sign.
            let pad = digits.first().is_none_or(|first| first & 0x80 != 0);
            let length = u8::try_from(digits.len() + usize::from(pad)).unwrap_or_default();
            let _ = der.0.extend_from_slice(&[0x02, length]);
            let _ = if pad { der.0.push(0) } else { Ok(()) };
            let _ = der.0.extend_from_slice(digits);
        }
        let length = u8::try_from(der.0.len().saturating_sub(2)).unwrap_or_default();
        if let Some(place) = der.0.get_mut(1) {
            *place = length;
        }
        der
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Hex(&self.0).fmt(f)
    }
}

/// An ECDSA signature in DER, as TLS carries it, at most 72 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct DerSignature(heapless::Vec<u8, { Self::MAX }>);

impl DerSignature {
    /// Longest signature in bytes: two integers of 33 bytes, each with a header, in a sequence.
    pub const MAX: usize = 72;
    /// No signature: nobody accepts it.
    pub const EMPTY: Self = Self(heapless::Vec::new());
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
#[error("the signature does not match: the peer does not hold the key")]
pub struct BadSignature;

/// The message cannot be decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the message cannot be decrypted with this key")]
pub struct BadSeal;

/// The bytes are no P-256 private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a P-256 private key: zero, or not below the order of the curve")]
pub struct BadSecret;

/// The signing key could not be used, for example because a secure element did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the signing key cannot be used: check the device that holds it")]
pub struct SignError;
