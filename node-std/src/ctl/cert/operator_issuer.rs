//! An operator as the one who signs the certificate of a board. Nobody follows that signature: hubs trust the very certificate.

use std::path::Path;

use node_core::crypto::{Sign as _, SoftwareSigner};
use rcgen::{
    CertificateParams, Issuer, KeyIdMethod, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
    SigningKey,
};

use super::authority::parse;
use super::error::CertError;
use super::issuer_name;
use super::signature::key_id;
use crate::stack;
use crate::tls::{Operator, read_operator};

/// The key of an operator.
pub struct OperatorKey {
    signer: SoftwareSigner,
    point: Vec<u8>,
}

/// Reads the active pair of the TLS directory `dir`.
///
/// # Errors
/// The directory cannot be used, or its active pair is not P-256.
pub fn read(dir: &Path) -> Result<Issuer<'static, OperatorKey>, CertError> {
    let Operator { slot, signer, certificate } = stack::wiped(|| read_operator(dir))?;
    let path = dir.join(format!("{}.crt", slot.name));
    let certificate = parse(&path, &certificate)?.tbs_certificate;
    let point = certificate.subject_public_key_info.subject_public_key.raw_bytes().to_vec();
    let mut params = CertificateParams::default();
    params.distinguished_name = issuer_name::copy(&certificate.subject).ok_or(CertError::CaName { path })?;
    params.key_identifier_method = KeyIdMethod::PreSpecified(key_id(&point));
    Ok(Issuer::new(params, OperatorKey { signer, point }))
}

impl PublicKeyData for OperatorKey {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for OperatorKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signature = self.signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)?;
        Ok(signature.to_der().as_ref().to_vec())
    }
}
