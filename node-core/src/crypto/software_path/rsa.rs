//! RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2.2) with keys of 2048 bits, the exponent 65537 and SHA-256. The crate `rsa` takes its numbers
//! from a heap, which a board does not have; so the numbers are those of crypto-bigint, which elliptic curves are made of as well.

use crypto_bigint::modular::runtime_mod::{DynResidue, DynResidueParams};
use crypto_bigint::{Encoding, U2048};
use der::asn1::UintRef;
use der::{Decode, Reader, SliceReader};
use pki_types::{AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id};
use sha2::{Digest, Sha256};

/// Checks what a CA with an RSA key of 2048 bits signed with SHA-256.
#[derive(Debug)]
pub(super) struct Rsa2048Sha256;

/// Bytes of a modulus and of a signature.
const SIZE: usize = 256;
/// 65537, the only exponent that is taken.
const EXPONENT: [u8; 3] = [1, 0, 1];
/// `DigestInfo` of SHA-256, up to the digest (RFC 8017 section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

impl SignatureVerificationAlgorithm for Rsa2048Sha256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let modulus = read_modulus(public_key).map_err(|_| InvalidSignature)?;
        let signature: &[u8; SIZE] = signature.try_into().map_err(|_| InvalidSignature)?;
        let found = raise(modulus, signature).ok_or(InvalidSignature)?;
        let is_expected = found.to_be_bytes() == encode(&Sha256::digest(message).into());
        if is_expected { Ok(()) } else { Err(InvalidSignature) }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_ENCRYPTION
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::RSA_PKCS1_SHA256
    }
}

/// The modulus in an `RSAPublicKey` with the exponent that is taken.
fn read_modulus(public_key: &[u8]) -> der::Result<&[u8; SIZE]> {
    let mut reader = SliceReader::new(public_key)?;
    let key = reader.sequence(|key| Ok((UintRef::decode(key)?, UintRef::decode(key)?)))?;
    reader.finish(())?;
    let (modulus, exponent) = key;
    let modulus = modulus.as_bytes().try_into();
    let taken = modulus.ok().filter(|_| exponent.as_bytes() == EXPONENT);
    taken.ok_or_else(|| der::ErrorKind::Failed.into())
}

/// `signature ^ 65537 mod modulus`; `None` when the modulus is even or the signature not below it. All of it is public, so no time is
/// kept constant.
fn raise(modulus: &[u8; SIZE], signature: &[u8; SIZE]) -> Option<U2048> {
    let is_even = modulus.last().is_none_or(|last| last % 2 == 0);
    let (modulus, signature) = (U2048::from_be_slice(modulus), U2048::from_be_slice(signature));
    if is_even || signature >= modulus {
        return None;
    }
    let base = DynResidue::new(&signature, DynResidueParams::new(&modulus));
    let mut power = base;
    for _ in 0..16 {
        power = power.square();
    }
    Some((power * base).retrieve())
}

/// EMSA-PKCS1-v1_5: what a signature over a message with this digest stands for.
fn encode(digest: &[u8; 32]) -> [u8; SIZE] {
    const BEFORE: usize = SIZE - DIGEST_INFO.len() - 32;
    let mut encoded = [0xff; SIZE];
    let (padding, rest) = encoded.split_at_mut(BEFORE);
    if let ([first, second, .., last], Some((info, tail))) =
        (padding, rest.split_at_mut_checked(DIGEST_INFO.len()))
    {
        (*first, *second, *last) = (0, 1, 0);
        info.copy_from_slice(&DIGEST_INFO);
        tail.copy_from_slice(digest);
    }
    encoded
}
