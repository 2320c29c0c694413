//! The identity key of this node.

use core::fmt;
use std::io;
use std::sync::Arc;

use node_core::crypto::{PublicKey, Sign, SignError, Signature};
use node_core::id::NodeId;
use node_core::identity::node_id;
use p256::SecretKey;
use p256::elliptic_curve::sec1::ToEncodedPoint;
use p256::pkcs8::{DecodePublicKey, EncodePrivateKey, LineEnding};
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::sign::SigningKey;
use zeroize::Zeroizing;

use super::check::Checker;
use crate::stack;
use crate::tls::{SecretKeyDer, signing_key};

const SCHEME: SignatureScheme = SignatureScheme::ECDSA_NISTP256_SHA256;

/// A P-256 key pair that signs as this node. The private half stays in the crypto library.
pub struct NodeKey {
    public: PublicKey,
    id: NodeId,
    signer: Arc<dyn SigningKey>,
}

/// The text holds no identity key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a P-256 private key in PEM (PKCS#8)")]
pub struct BadKey;

impl NodeKey {
    /// A new key, and its private half as PEM (PKCS#8) to be kept in a file of mode 0600.
    ///
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn generate() -> io::Result<(Self, Zeroizing<String>)> {
        let pem = stack::wiped(random_pem)?;
        let key = Self::from_pem(&pem).map_err(io::Error::other)?;
        Ok((key, pem))
    }

    /// Reads what [`generate`](Self::generate) returned.
    ///
    /// # Errors
    /// [`BadKey`] for anything else: a damaged file, an encrypted key, a key of another curve.
    pub fn from_pem(pem: &str) -> Result<Self, BadKey> {
        // The crypto library alone reads the private half. It keeps one copy.
        let secret = stack::wiped(|| SecretKeyDer::from_pem(pem.as_bytes(), None)).map_err(|_| BadKey)?;
        let PrivateKeyDer::Pkcs8(der) = secret.as_der() else { return Err(BadKey) };
        let signer = signing_key(&PrivateKeyDer::Pkcs8(der)).map_err(|_| BadKey)?;
        signer.choose_scheme(&[SCHEME]).ok_or(BadKey)?;
        let spki = signer.public_key().ok_or(BadKey)?;
        let public = p256::PublicKey::from_public_key_der(&spki).map_err(|_| BadKey)?;
        let public = PublicKey::from_sec1(public.to_encoded_point(true).as_bytes()).ok_or(BadKey)?;
        Ok(Self { public, id: node_id(public, &Checker), signer })
    }

    /// The key with this private half.
    #[cfg(test)]
    pub(crate) fn numbered(number: u128) -> Self {
        let mut scalar = [0; 32];
        scalar[16..].copy_from_slice(&number.to_be_bytes());
        Self::from_pem(&pem(&scalar).unwrap()).unwrap()
    }

    /// The public key.
    #[must_use]
    pub const fn public(&self) -> PublicKey {
        self.public
    }

    /// The id of the node with this key.
    #[must_use]
    pub const fn id(&self) -> NodeId {
        self.id
    }
}

impl Sign for NodeKey {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        let signer = self.signer.choose_scheme(&[SCHEME]).ok_or(SignError)?;
        let der = signer.sign(message).map_err(|_| SignError)?;
        Signature::from_der(&der).map_err(|_| SignError)
    }
}

/// A new P-256 private key as PEM (PKCS#8).
///
/// # Errors
/// The operating system gives no random numbers.
pub(crate) fn random_pem() -> io::Result<Zeroizing<String>> {
    let mut scalar = Zeroizing::new([0; 32]);
    // One in 2^32 random numbers is no key of the curve. More than one in a row is a broken generator.
    for _ in 0..4 {
        getrandom::fill(&mut scalar[..]).map_err(io::Error::other)?;
        if let Some(pem) = pem(&scalar) {
            return Ok(pem);
        }
    }
    Err(io::Error::other("the numbers are not random"))
}

/// The private key as PEM, `None` for a number that is no key of the curve.
fn pem(scalar: &[u8; 32]) -> Option<Zeroizing<String>> {
    SecretKey::from_slice(scalar).ok()?.to_pkcs8_pem(LineEnding::LF).ok()
}

impl fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use node_core::crypto::Verify;
    use p256::pkcs8::DecodePrivateKey;

    use super::*;
    use crate::testing::Hidden;

    #[test]
    fn a_key_that_was_kept_is_the_same_node() {
        let (key, pem) = NodeKey::generate().unwrap();
        let again = NodeKey::from_pem(&pem).unwrap();
        assert_eq!((again.id(), again.public()), (key.id(), key.public()));
        let signature = again.sign(b"message").unwrap();
        assert_eq!(Checker.verify(&key.public().to_sec1(), b"message", &signature), Ok(()));
        assert_ne!(NodeKey::generate().unwrap().0.id(), key.id());
        assert!(!format!("{key:?}").contains("signer"));
    }
    #[test]
    fn the_private_half_is_in_memory_once_and_only_as_long_as_the_key() {
        let (key, pem) = NodeKey::generate().unwrap();
        let secret = stack::wiped(|| Hidden::new(scalar(&pem)));
        drop(pem);
        assert_eq!(secret.copies(), 1);
        drop(key);
        assert_eq!(secret.copies(), 0);
    }

    fn scalar(pem: &str) -> [u8; 32] {
        let key = SecretKey::from_pkcs8_pem(pem).unwrap();
        key.to_bytes().into()
    }
}
