//! Private keys that are made here: P-256, which every node and every board takes.

use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

use super::error::CertError;
use super::signature::Signer;
use crate::identity::random_pem;
use crate::stack;
use crate::tls::SecretKeyDer;

/// A key pair that was made here.
pub struct NewKey {
    /// The private key as PEM (PKCS#8), for a file of mode 0600.
    pub pem: Zeroizing<String>,
    /// Signs with it.
    pub signer: Signer,
}

impl NewKey {
    /// # Errors
    /// The operating system gives no random numbers.
    pub fn generate() -> Result<Self, CertError> {
        Self::of_pem(stack::wiped(random_pem).map_err(CertError::Random)?)
    }

    /// The key in this PEM, which an earlier command wrote.
    ///
    /// # Errors
    /// It is no P-256 key in PKCS#8.
    pub fn of_pem(pem: Zeroizing<String>) -> Result<Self, CertError> {
        let der = stack::wiped(|| SecretKeyDer::from_pem(pem.as_bytes(), None));
        let der = der.map_err(|error| unusable(format!("{error:?}")))?;
        let signer = Signer::new(&der).map_err(unusable)?;
        Ok(Self { pem, signer })
    }

    /// The private key as boards keep it.
    pub fn secret(&self) -> Result<Zeroizing<[u8; 32]>, CertError> {
        let key = SecretKey::from_pkcs8_pem(&self.pem).map_err(|error| unusable(error.to_string()))?;
        Ok(Zeroizing::new(key.to_bytes().into()))
    }
}

/// A key that was just made is always usable.
fn unusable(reason: String) -> CertError {
    CertError::Random(std::io::Error::other(reason))
}
