//! The request of a board for a certificate of a TLS key that it holds itself.

use std::path::Path;

use node_core::crypto::PublicKey;
use node_core::id::NodeId;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;
use x509_cert::spki::DecodePublicKey;

use super::error::CertError;
use super::pem_file;
use super::signature::Signed;

/// What a board asks for.
pub struct BoardRequest {
    /// The board.
    pub id: NodeId,
    /// Its TLS key.
    pub key: PublicKey,
    /// The same as an uncompressed point.
    point: Vec<u8>,
}

impl BoardRequest {
    /// Reads the request in the PEM file at `path`.
    ///
    /// # Errors
    /// There is no request, it is not a board's, or the key in it did not sign it.
    pub fn read(path: &Path) -> Result<Self, CertError> {
        let blocks = pem_file::read(path, "CERTIFICATE REQUEST")?;
        let wrong = |problem| CertError::Unreadable { path: path.to_owned(), problem };
        let [der] = &blocks[..] else {
            return Err(wrong(
                "is not one certificate request in PEM: fetch it with maelctl provision --request",
            ));
        };
        let request =
            CertReq::from_der(der).map_err(|_| wrong("holds a certificate request that cannot be read"))?;
        let info = request.info.to_der().unwrap_or_default();
        let spki = request.info.public_key.to_der().unwrap_or_default();
        let key = p256::PublicKey::from_public_key_der(&spki);
        let key = key.map_err(|_| wrong("is a request for a key that is not P-256, which boards need"))?;
        let signature = request.signature.raw_bytes();
        if !(Signed { message: &info, algorithm: &request.algorithm, signature }).is_by(&spki) {
            return Err(wrong("is not signed by the key in it: fetch it from the board again"));
        }
        let subject = request.info.subject.to_string();
        let id = subject.strip_prefix("CN=").and_then(|id| id.parse().ok());
        let id = id.ok_or_else(|| wrong("is not the request of a board, whose subject is the board's id"))?;
        let (point, compressed) = (key.to_encoded_point(false), key.to_encoded_point(true));
        let key = PublicKey::from_sec1(compressed.as_bytes()).unwrap_or(PublicKey::NONE);
        Ok(Self { id, key, point: point.as_bytes().to_vec() })
    }
}

impl PublicKeyData for BoardRequest {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}
