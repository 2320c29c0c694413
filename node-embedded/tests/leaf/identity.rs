//! Certificates and keyrings made for one test.

use node_core::crypto::{P256Secret, SoftwareSigner};
use node_core::id::Name;
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE};
use node_core::trust::Fingerprint;
use rcgen::{CertificateParams, Issuer, KeyPair, date_time_ymd};
#[cfg(feature = "tls-key")]
use rcgen::{PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm};

/// A certificate with its P-256 key.
pub struct Identity {
    pub certificate: Vec<u8>,
    pub key: KeyPair,
    /// The certificates of the CAs between it and a root, as it shows them.
    pub path: Vec<Vec<u8>>,
}

impl Identity {
    /// A self-signed certificate.
    pub fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let certificate = params().self_signed(&key).unwrap().der().to_vec();
        Self { certificate, key, path: Vec::new() }
    }

    /// A self-signed certificate that expires in this year.
    pub fn until(year: i32) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = params();
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.self_signed(&key).unwrap().der().to_vec();
        Self { certificate, key, path: Vec::new() }
    }

    /// A certificate that is signed by the key of this one.
    pub fn issue(&self) -> Self {
        let key = KeyPair::generate().unwrap();
        let issuer = Issuer::new(params(), &self.key);
        let certificate = params().signed_by(&key, &issuer).unwrap().der().to_vec();
        Self { certificate, key, path: Vec::new() }
    }

    /// A certificate that somebody made from the request of a board. The key beside it is not its key.
    #[cfg(feature = "tls-key")]
    pub fn of_request(request: &[u8]) -> Self {
        let other = Self::new();
        let issuer = Issuer::new(params(), &other.key);
        let certificate = params().signed_by(&Requested(request), &issuer).unwrap().der().to_vec();
        Self { certificate, ..other }
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        use node_core::crypto::Digest;
        Fingerprint(node_core::crypto::Software.sha256(&[&self.certificate]))
    }

    /// The private key's scalar.
    pub fn secret(&self) -> [u8; 32] {
        // PKCS #8 of a P-256 key begins with 36 bytes that are always the same.
        self.key.serialize_der()[36..68].try_into().unwrap()
    }
}

/// The request of a board, as one who makes its certificate sees it.
#[cfg(feature = "tls-key")]
struct Requested<'r>(&'r [u8]);

#[cfg(feature = "tls-key")]
impl PublicKeyData for Requested<'_> {
    fn der_bytes(&self) -> &[u8] {
        requested_key(self.0)
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// The key in a request: behind two headers, the version, the subject and the key's own header.
#[cfg(feature = "tls-key")]
pub fn requested_key(request: &[u8]) -> &[u8] {
    &request[80..145]
}

/// A P-256 key that signs.
pub fn signer() -> SoftwareSigner {
    SoftwareSigner::new(P256Secret(&Identity::new().secret())).unwrap()
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["maelstrom.example.com".to_string()]).unwrap();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2036, 1, 1);
    params
}

/// An encoded keyring: pairs, then certificates that are trusted only. The first pair is the active one.
pub fn bundle(pairs: &[&Identity], trusted: &[&Identity]) -> Vec<u8> {
    let names: Vec<_> = (0..8).map(|place| (format!("a{place}"), format!("b{place}.hub"))).collect();
    let pairs: Vec<_> = pairs.iter().zip(&names).map(|(pair, (name, _))| (&name[..], *pair)).collect();
    let trusted: Vec<_> = trusted.iter().zip(&names).map(|(other, (_, name))| (&name[..], *other)).collect();
    named_bundle(&pairs, &trusted)
}

/// An encoded keyring with these names of slots.
pub fn named_bundle(pairs: &[(&str, &Identity)], trusted: &[(&str, &Identity)]) -> Vec<u8> {
    let secrets: Vec<_> = pairs.iter().map(|(_, pair)| pair.secret()).collect();
    let mut bundle = Bundle::default();
    for ((name, pair), secret) in pairs.iter().zip(&secrets) {
        let name = Name::new(name).unwrap();
        bundle.push(BundleSlot::pair(name, &pair.certificate, P256Secret(secret))).unwrap();
    }
    for (name, other) in trusted {
        bundle.push(BundleSlot::trusted(Name::new(name).unwrap(), &other.certificate)).unwrap();
    }
    bundle.encode(&mut [0; MAX_BUNDLE]).unwrap().to_vec()
}
