//! A private key between its file and the crypto library.

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use zeroize::Zeroizing;

use super::pem::{self, Damage};

/// A private key in DER. Wipes itself.
pub(crate) struct SecretKeyDer {
    form: Form,
    der: Zeroizing<Vec<u8>>,
}

#[derive(Clone, Copy)]
enum Form {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// Why a text gives no private key.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoKey {
    /// There is none in it.
    Missing,
    /// It needs a password.
    Encrypted,
    /// The PEM is not whole.
    Damaged(Damage),
}

impl SecretKeyDer {
    /// The first private key in a PEM text.
    pub(crate) fn from_pem(text: &[u8]) -> Result<Self, NoKey> {
        for block in pem::blocks(text) {
            let block = block.map_err(NoKey::Damaged)?;
            let form = match block.label {
                b"PRIVATE KEY" => Form::Pkcs8,
                b"EC PRIVATE KEY" => Form::Sec1,
                b"RSA PRIVATE KEY" => Form::Pkcs1,
                b"ENCRYPTED PRIVATE KEY" => return Err(NoKey::Encrypted),
                _ => continue,
            };
            if block.encrypted {
                return Err(NoKey::Encrypted);
            }
            return Ok(Self { form, der: block.decode().map_err(NoKey::Damaged)? });
        }
        Err(NoKey::Missing)
    }

    /// The key as the TLS library reads it, without a copy.
    pub(crate) fn as_der(&self) -> PrivateKeyDer<'_> {
        let der = self.der.as_slice();
        match self.form {
            Form::Pkcs1 => PrivatePkcs1KeyDer::from(der).into(),
            Form::Pkcs8 => PrivatePkcs8KeyDer::from(der).into(),
            Form::Sec1 => PrivateSec1KeyDer::from(der).into(),
        }
    }
}
