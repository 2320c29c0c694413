//! Checks what other nodes signed.

use node_core::crypto::{BadSignature, Digest, PublicKey, Signature, Software, Verify};
use p256::elliptic_curve::sec1::ToEncodedPoint;
use rustls::SignatureScheme;

use crate::tls::provider;

/// Hashes in software, and verifies with the crypto library of TLS, which takes a quarter of the time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checker;

impl Digest for Checker {
    fn sha256(&self, parts: &[&[u8]]) -> [u8; 32] {
        Software.sha256(parts)
    }
}

impl Verify for Checker {
    fn verify(&self, key: &[u8], message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        let provider = provider();
        let schemes = provider.signature_verification_algorithms.mapping;
        let p256 = schemes.iter().find(|(scheme, _)| *scheme == SignatureScheme::ECDSA_NISTP256_SHA256);
        let algorithm = p256.and_then(|(_, algorithms)| algorithms.first()).ok_or(BadSignature)?;
        // The library takes no compressed points.
        let point = match key.len() {
            PublicKey::LEN => {
                p256::PublicKey::from_sec1_bytes(key).map_err(|_| BadSignature)?.to_encoded_point(false)
            }
            _ => p256::EncodedPoint::from_bytes(key).map_err(|_| BadSignature)?,
        };
        let der = signature.to_der();
        algorithm.verify_signature(point.as_bytes(), message, der.as_ref()).map_err(|_| BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use node_core::crypto::{Derive, P256Secret, Sign, SoftwareSigner};

    use super::*;

    #[test]
    fn the_library_and_the_software_agree() {
        let secret = [7; 32];
        let signature = SoftwareSigner::new(P256Secret(&secret)).unwrap().sign(b"message").unwrap();
        let point = Software.public_key(P256Secret(&secret)).unwrap();
        let key = PublicKey::from(&point).to_sec1();
        for key in [&key[..], point.as_bytes()] {
            assert_eq!(Checker.verify(key, b"message", &signature), Ok(()));
            assert_eq!(Checker.verify(key, b"massage", &signature), Err(BadSignature));
        }
        let mut other = key;
        other[0] ^= 1;
        assert_eq!(Checker.verify(&other, b"message", &signature), Err(BadSignature));
        for bad in [&b""[..], &[2; 33], &[4; 65], &[0; 33]] {
            assert_eq!(Checker.verify(bad, b"message", &signature), Err(BadSignature));
        }
    }
}
