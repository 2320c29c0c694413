//! Encryption by HPKE (RFC 9180) in software, by the crate hpke. It needs memory from a heap.

use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::DhP256HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable, setup_sender};
use p256::PublicKey as Point;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use rand_core::CryptoRngCore;

use super::p256::{BadSeal, P256Point, PublicKey};

type Public = <DhP256HkdfSha256 as Kem>::PublicKey;

/// Bytes of an authentication tag.
const TAG: usize = 16;

/// Encrypts `text` to `key` in place, as the first message. Returns the encapsulated key and the tag.
///
/// # Errors
/// [`BadSeal`]: the key is no point of the curve.
pub fn seal(
    key: PublicKey,
    info: &[u8],
    bound: &[u8],
    text: &mut [u8],
    rng: &mut impl CryptoRngCore,
) -> Result<([u8; P256Point::LEN], [u8; TAG]), BadSeal> {
    let point = Point::from_sec1_bytes(&key.to_sec1()).map_err(|_| BadSeal)?.to_encoded_point(false);
    let key = Public::from_bytes(point.as_bytes()).map_err(|_| BadSeal)?;
    let (encapsulated, mut context) =
        setup_sender::<AesGcm128, HkdfSha256, DhP256HkdfSha256, _>(&OpModeS::Base, &key, info, rng)
            .map_err(|_| BadSeal)?;
    let tag = context.seal_in_place_detached(text, bound).map_err(|_| BadSeal)?;
    let encapsulated = AsRef::<[u8]>::as_ref(&encapsulated.to_bytes()).try_into().map_err(|_| BadSeal)?;
    Ok((encapsulated, AsRef::<[u8]>::as_ref(&tag.to_bytes()).try_into().map_err(|_| BadSeal)?))
}
