//! The TLS key that a board holds outside its keyring: a device holds it that never exports it, or the board made it.

use node_core::crypto::{PublicKey, Sign, SignError, Signature, SoftwareSigner};

use crate::settings::TlsSigner;

/// The TLS key that the board holds itself. It counts as the private key of each certificate of it in the keyring.
#[derive(Clone, Copy)]
pub(crate) enum HeldKey<'d> {
    /// A device holds it.
    Device(TlsSigner<'d>),
    /// The board made it, and keeps it in flash.
    #[cfg(feature = "tls-key")]
    Own(&'d SoftwareSigner),
}

impl<'d> HeldKey<'d> {
    /// The key of this device, else the one that the board made.
    pub(crate) fn find(device: Option<TlsSigner<'d>>, own: &'d [SoftwareSigner]) -> Option<Self> {
        match (device, own.first()) {
            (Some(device), _) => Some(Self::Device(device)),
            #[cfg(feature = "tls-key")]
            (None, Some(signer)) => Some(Self::Own(signer)),
            (None, _) => None,
        }
    }

    /// Its public key.
    pub(crate) fn public_key(&self) -> PublicKey {
        match self {
            Self::Device(device) => device.key,
            #[cfg(feature = "tls-key")]
            Self::Own(signer) => signer.public_key(),
        }
    }

    /// Another copy of the key, for one who needs it in memory. `None` when a device holds it.
    #[cfg(feature = "accept")]
    pub(crate) fn copy(&self) -> Option<SoftwareSigner> {
        match self {
            Self::Device(_) => None,
            #[cfg(feature = "tls-key")]
            Self::Own(signer) => Some((*signer).clone()),
        }
    }
}

impl Sign for HeldKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        match self {
            Self::Device(device) => device.signer.sign(message),
            #[cfg(feature = "tls-key")]
            Self::Own(signer) => signer.sign(message),
        }
    }
}
