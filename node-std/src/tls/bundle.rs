//! A TLS directory as a key bundle for a board.

use std::path::Path;

use node_core::crypto::{P256Secret, Software};
use node_core::keys::{Bundle, BundleSlot, MAX_BUNDLE, SlotInfo};
use p256::SecretKey;
use p256::pkcs8::DecodePrivateKey;
use rustls::pki_types::PrivateKeyDer;
use zeroize::Zeroizing;

use super::directory::{self, LoadedSlot};
use super::error::TlsError;
use super::password::KeyPassword;
use crate::stack;

/// The keyring of a board, made from a TLS directory.
pub struct BoardKeyring {
    /// Its slots without their private keys, sorted by name. None is a pair when the board holds its key itself.
    pub slots: Vec<SlotInfo>,
    /// The encoded [`Bundle`], with private keys in the clear.
    pub bundle: Zeroizing<Vec<u8>>,
}

impl core::fmt::Debug for BoardKeyring {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("BoardKeyring").field("slots", &self.slots).finish_non_exhaustive()
    }
}

/// Reads `directory` and encodes it for a board. Blocks while it reads.
///
/// # Errors
/// The directory cannot be used, or a board cannot take it: a key is not P-256, or there are more than eight slots or
/// too many bytes.
pub fn read_bundle(directory: &Path) -> Result<BoardKeyring, TlsError> {
    stack::wiped(|| encode(directory))
}

fn encode(directory: &Path) -> Result<BoardKeyring, TlsError> {
    let (_, slots) = directory::read(directory, KeyPassword::of_process().as_ref())?;
    let secrets: Vec<Option<Zeroizing<[u8; 32]>>> = slots.iter().map(secret).collect();
    let mut bundle = Bundle::default();
    let board = |problem| TlsError::Board { path: directory.to_owned(), problem };
    for (slot, secret) in slots.iter().zip(&secrets) {
        let certificate = slot.chain.first().map_or(&[][..], AsRef::as_ref);
        let name = slot.info.name.clone();
        let slot = match secret {
            Some(secret) => BundleSlot::pair(name, certificate, P256Secret(secret)),
            None => BundleSlot::trusted(name, certificate),
        };
        bundle.push(slot).map_err(board)?;
    }
    // Refuses every key that is not P-256, so a key without a scalar is not dropped unnoticed.
    let infos = bundle.describe(&Software).map_err(board)?;
    let mut buffer = Zeroizing::new([0; MAX_BUNDLE]);
    let encoded = bundle.encode(&mut buffer).map_err(board)?;
    Ok(BoardKeyring { slots: infos.to_vec(), bundle: Zeroizing::new(encoded.to_vec()) })
}

/// The scalar of a P-256 key.
pub(super) fn secret(slot: &LoadedSlot) -> Option<Zeroizing<[u8; 32]>> {
    let key = match slot.pair.as_ref()?.key.as_der() {
        PrivateKeyDer::Pkcs8(der) => SecretKey::from_pkcs8_der(der.secret_pkcs8_der()).ok()?,
        PrivateKeyDer::Sec1(der) => SecretKey::from_sec1_der(der.secret_sec1_der()).ok()?,
        _ => return None,
    };
    let scalar = Zeroizing::new(key.to_bytes());
    let mut secret = Zeroizing::new([0; 32]);
    secret.copy_from_slice(&scalar);
    Some(secret)
}
