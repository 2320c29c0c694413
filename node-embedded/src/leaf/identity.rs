//! The identity of a node: a key in flash, made at the first start, or a key in a device that never exports it.

use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::{PublicKey, Sign, SignError, Software, Verify};
use node_core::id::Hex;
use node_core::identity::{Identity, node_id};
use zeroize::Zeroizing;

use super::error::StartError;
use super::key::{OwnKeys, draw_key, keep};
use crate::flash::{HeldKey, Store, StoreError};
use crate::log::{information, warning};
use crate::settings::Settings;
use crate::state::Owner;

/// The keys of the node with these settings: those of their devices, or its `own`. `None` when there is no identity key.
pub(super) fn owner<'d>(settings: &Settings<'d>, own: &'d OwnKeys) -> Option<Owner<'d>> {
    let held = HeldKey::find(settings.tls, &own.tls);
    if let Some(device) = settings.identity {
        let identity = Identity::new(settings.cluster, device.key, device.signer, &Software);
        return Some(Owner { identity, unseal: device.unseal, held });
    }
    let signer = own.identity.first()?;
    let identity = Identity::new(settings.cluster, signer.public_key(), signer, &Software);
    Some(Owner { identity, unseal: Some(signer), held })
}

/// The key in flash, or a new one, in its place. Returns its public key.
///
/// # Errors
/// [`StartError`]: there is no key.
pub(crate) async fn own_identity<G: CryptoRngCore, F: NorFlash>(
    own: &mut OwnKeys,
    store: &mut Store<'_, F>,
    rng: &mut G,
) -> Result<PublicKey, StartError<F::Error>> {
    let mut secret = Zeroizing::new([0; 32]);
    let found = store.identity(&mut secret).await.map_err(StartError::Flash)?;
    if found {
        keep(&mut own.identity, &secret).map_err(|_| StartError::Flash(StoreError::Key))?;
    } else {
        draw_key(&mut own.identity, &mut secret, rng)?;
        // Used only when it is stored: a power cut would make it another node.
        store.set_identity(&secret).await.map_err(StartError::Flash)?;
    }
    let key = own.identity.first().ok_or(StartError::Sign(SignError))?.public_key();
    if !found {
        let id = node_id(key, &Software);
        match store.retired_id().await.map_err(StartError::Flash)? {
            Some(old) => warning!(
                "the id {} has no identity key: it is retired, and this board is the new node {}",
                old,
                id
            ),
            None => information!("this board is the new node {}, its public key {}", id, Hex(&key.to_sec1())),
        }
    }
    Ok(key)
}

/// Checks that a device signs with the key of the settings.
///
/// # Errors
/// It signs with another one, or not at all.
pub(crate) fn check_device<E>(key: PublicKey, device: &dyn Sign) -> Result<(), StartError<E>> {
    const MESSAGE: &[u8] = b"maelstrom identity check";
    let signature = device.sign(MESSAGE).map_err(StartError::Sign)?;
    Software.verify(&key.to_sec1(), MESSAGE, &signature).map_err(|_| StartError::OtherKey)
}
