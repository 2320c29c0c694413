//! The crypto library of TLS.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;
#[cfg(feature = "aws-lc-rs")]
use rustls::crypto::aws_lc_rs as backend;
#[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
use rustls::crypto::ring as backend;
use rustls::pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use rustls::server::ProducesTickets;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use super::settings::Protocol;
use crate::stack;

#[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
compile_error!("node-std needs the feature aws-lc-rs or the feature ring");

static PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| Arc::new(backend::default_provider()));

/// aws-lc-rs, or ring when only that is enabled. Both support key agreement on P-256, the only curve of boards.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// The same with these suites and curves alone, in their order.
///
/// # Errors
/// The library has none of the suites or of the curves.
pub(super) fn provider_for(protocol: &Protocol) -> Result<Arc<CryptoProvider>, Error> {
    if protocol.suites.is_empty() && protocol.curves.is_empty() {
        return Ok(provider());
    }
    let mut provider = backend::default_provider();
    if !protocol.suites.is_empty() {
        let all = provider.cipher_suites;
        let find = |wanted| all.iter().copied().find(|known| known.suite() == wanted);
        provider.cipher_suites = protocol.suites.iter().filter_map(|suite| find(*suite)).collect();
    }
    if !protocol.curves.is_empty() {
        let all = provider.kx_groups;
        let find = |wanted| all.iter().copied().find(|known| known.name() == wanted);
        provider.kx_groups = protocol.curves.iter().filter_map(|curve| find(*curve)).collect();
    }
    if provider.cipher_suites.is_empty() || provider.kx_groups.is_empty() {
        return Err(Error::General("it has none of the cipher suites or curves that are allowed".to_owned()));
    }
    Ok(Arc::new(provider))
}

/// Seals the state of sessions into tickets, with a key that changes every few hours.
///
/// # Errors
/// The system gives no random numbers.
pub(crate) fn ticketer() -> Result<Arc<dyn ProducesTickets>, Error> {
    backend::Ticketer::new()
}

/// A private key to sign with. The library keeps one copy of it, and wipes that when the last clone is dropped.
///
/// # Errors
/// The library does not take the key.
pub(crate) fn signing_key(der: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, Error> {
    // Not through `KeyProvider::load_private_key`, which wants a copy to own.
    let key = stack::wiped(|| backend::sign::any_supported_type(der))?;
    Ok(Arc::new(Wiped(key)))
}

/// Signs, and leaves no private key on the stack.
#[derive(Debug)]
struct Wiped<T>(T);

impl SigningKey for Wiped<Arc<dyn SigningKey>> {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        self.0.choose_scheme(offered).map(|signer| Box::new(Wiped(signer)) as _)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        self.0.public_key()
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl Signer for Wiped<Box<dyn Signer>> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        stack::wiped(|| self.0.sign(message))
    }

    fn scheme(&self) -> SignatureScheme {
        self.0.scheme()
    }
}

#[cfg(test)]
mod tests {
    use p256::SecretKey;
    use p256::pkcs8::EncodePrivateKey;
    use rustls::pki_types::PrivatePkcs8KeyDer;

    use super::*;
    use crate::testing::{Hidden, after};

    #[test]
    fn neither_reading_nor_signing_leaves_a_copy_on_the_stack() {
        let secret = Hidden::numbered(3);
        let encode = || SecretKey::from_slice(&secret.reveal()).unwrap().to_pkcs8_der().unwrap();
        let der = stack::wiped(encode);
        let borrowed = || PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_bytes()));
        let in_file = secret.copies();
        let key = after(|| signing_key(&borrowed()), || assert_eq!(secret.copies(), in_file + 1)).unwrap();
        let signer = key.choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256]).unwrap();
        after(|| signer.sign(b"message"), || assert_eq!(secret.copies(), in_file + 1)).unwrap();
        drop(signer);
        drop(key);
        assert_eq!(secret.copies(), in_file);
    }
}
