//! The request for a certificate of a TLS key that a board holds itself: PKCS #10 (RFC 2986) in DER.
//!
//! All but the id, the key and the signature is the same for every board. So a board writes it without a library.

use core::fmt::Write as _;

use crate::crypto::{DerSignature, P256Point, Sign, SignError};
use crate::id::NodeId;

/// Longest request, in bytes.
pub const MAX_REQUEST: usize = HEADER + INFO + ALGORITHM.len() + BITS + DerSignature::MAX;

/// A request, in DER.
pub type CertificateRequest = heapless::Vec<u8, MAX_REQUEST>;

/// The header of the whole, whose length always takes two bytes.
const HEADER: usize = 3;
/// What is signed.
const INFO: usize = BEFORE_ID.len() + 32 + BEFORE_KEY.len() + P256Point::LEN + AFTER_KEY.len();
/// The header of the signature, which has no unused bits.
const BITS: usize = 3;
/// The header of what is signed, version 0, and a subject that is one common name of 32 characters.
const BEFORE_ID: [u8; 19] = [
    0x30, 0x81, 0x8d, 0x02, 0x01, 0x00, 0x30, 0x2b, 0x31, 0x29, 0x30, 0x27, 0x06, 0x03, 0x55, 0x04, 0x03,
    0x0c, 0x20,
];
/// The header of a P-256 public key.
const BEFORE_KEY: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// No attributes.
const AFTER_KEY: [u8; 2] = [0xa0, 0x00];
/// ECDSA with SHA-256.
const ALGORITHM: [u8; 12] = [0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02];

const _: () = assert!(INFO == HEADER + 0x8d, "the header of what is signed is right");
const _: () = assert!(MAX_REQUEST - HEADER <= 0xff, "its length takes one byte behind 0x81");

/// The request of the board `id` for a certificate of `key`, whose private key `signer` has.
///
/// # Errors
/// The signer cannot be used.
pub fn certificate_request(
    id: NodeId,
    key: &P256Point,
    signer: &(impl Sign + ?Sized),
) -> Result<CertificateRequest, SignError> {
    let mut request = CertificateRequest::new();
    // There is room for every part, which the sizes above prove.
    let _ = request.extend_from_slice(&[0; HEADER]);
    let _ = request.extend_from_slice(&BEFORE_ID);
    let _ = write!(request, "{id}");
    for part in [&BEFORE_KEY[..], key.as_bytes(), &AFTER_KEY] {
        let _ = request.extend_from_slice(part);
    }
    let signature = signer.sign(request.get(HEADER..).ok_or(SignError)?)?.to_der();
    let signature = signature.as_ref();
    let _ = request.extend_from_slice(&ALGORITHM);
    let _ =
        request.extend_from_slice(&[0x03, u8::try_from(signature.len() + 1).map_err(|_| SignError)?, 0x00]);
    let _ = request.extend_from_slice(signature);
    let length = u8::try_from(request.len() - HEADER).map_err(|_| SignError)?;
    *request.first_chunk_mut().ok_or(SignError)? = [0x30, 0x81, length];
    Ok(request)
}
