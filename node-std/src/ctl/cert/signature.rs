//! The private key that signs, in the crypto library of TLS, as rcgen uses it; and whether a CA signed.

use std::sync::Arc;

use node_core::crypto::{Digest, Software};
use rcgen::{
    PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PKCS_RSA_SHA256, PublicKeyData,
    SignatureAlgorithm, SigningKey,
};
use rustls::SignatureScheme;
use rustls::sign::SigningKey as TlsSigningKey;
use x509_cert::der::asn1::AnyRef;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::tls::{SecretKeyDer, provider, signing_key};

/// How each kind of key signs.
const SCHEMES: [(SignatureScheme, &SignatureAlgorithm); 4] = [
    (SignatureScheme::ECDSA_NISTP256_SHA256, &PKCS_ECDSA_P256_SHA256),
    (SignatureScheme::ECDSA_NISTP384_SHA384, &PKCS_ECDSA_P384_SHA384),
    (SignatureScheme::ED25519, &PKCS_ED25519),
    (SignatureScheme::RSA_PKCS1_SHA256, &PKCS_RSA_SHA256),
];

/// A key pair that signs certificates.
pub struct Signer {
    key: Arc<dyn TlsSigningKey>,
    scheme: SignatureScheme,
    algorithm: &'static SignatureAlgorithm,
    /// DER of its `SubjectPublicKeyInfo`.
    spki: Vec<u8>,
    /// The bits of the public key.
    public: Vec<u8>,
}

impl Signer {
    /// # Errors
    /// The reason why the key cannot sign certificates.
    pub fn new(key: &SecretKeyDer) -> Result<Self, String> {
        let key = signing_key(&key.as_der()).map_err(|error| error.to_string())?;
        let other = || "its kind signs no certificates here".to_owned();
        let offered = SCHEMES.map(|(scheme, _)| scheme);
        let scheme = key.choose_scheme(&offered).ok_or_else(other)?.scheme();
        let (_, algorithm) = SCHEMES.into_iter().find(|(known, _)| *known == scheme).ok_or_else(other)?;
        let spki = key.public_key().ok_or_else(other)?.to_vec();
        let public = SubjectPublicKeyInfoOwned::from_der(&spki).map_err(|error| error.to_string())?;
        let public = public.subject_public_key.raw_bytes().to_vec();
        Ok(Self { key, scheme, algorithm, spki, public })
    }

    /// DER of the `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The identifier of the key.
    pub fn key_id(&self) -> Vec<u8> {
        key_id(&self.public)
    }
}

/// The identifier of the key with these bits (RFC 7093 section 2, method 1).
pub fn key_id(public: &[u8]) -> Vec<u8> {
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _] = Software.sha256(&[public]);
    id.to_vec()
}

impl PublicKeyData for Signer {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

impl SigningKey for Signer {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let signer = self.key.choose_scheme(&[self.scheme]).ok_or(rcgen::Error::RemoteKeyError)?;
        signer.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// What was signed, and how.
pub struct Signed<'s> {
    pub message: &'s [u8],
    pub algorithm: &'s AlgorithmIdentifierOwned,
    pub signature: &'s [u8],
}

impl Signed<'_> {
    /// Returns true when the key with this `SubjectPublicKeyInfo` signed it.
    pub fn is_by(&self, spki: &[u8]) -> bool {
        self.verify(spki).is_some()
    }

    fn verify(&self, spki: &[u8]) -> Option<()> {
        let spki = SubjectPublicKeyInfoOwned::from_der(spki).ok()?;
        let key = spki.algorithm.to_der().ok()?;
        let algorithm = self.algorithm.to_der().ok()?;
        let (key, algorithm) =
            (AnyRef::from_der(&key).ok()?.value(), AnyRef::from_der(&algorithm).ok()?.value());
        let provider = provider();
        provider
            .signature_verification_algorithms
            .all
            .iter()
            .filter(|known| {
                known.public_key_alg_id().as_ref() == key && known.signature_alg_id().as_ref() == algorithm
            })
            .find_map(|known| {
                known.verify_signature(spki.subject_public_key.raw_bytes(), self.message, self.signature).ok()
            })
    }
}
