//! The identity of a node: a key in flash, made at the first start, or a key in a device that never exports it.

use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::{
    BadSecret, P256Secret, PublicKey, Sign, SignError, Software, SoftwareSigner, Verify,
};
use node_core::id::Hex;
use node_core::identity::{Identity, node_id};
use zeroize::Zeroizing;

use super::error::StartError;
use crate::entropy::{self, NoEntropy};
use crate::flash::{Store, StoreError};
use crate::log::{information, warning};
use crate::settings::Settings;
use crate::state::Owner;

/// Tries to make a key. One in 2^32 random numbers is no key, so a second failure is the generator's.
const TRIES: usize = 4;

/// The place of a key in RAM, for as long as the node runs. It is wiped when it ends. The stack on which the key was made may keep
/// traces of it until it is used again.
pub(crate) type IdentityMemory = heapless::Vec<SoftwareSigner, 1>;

/// The identity of the node in these settings: of their device, or of the key in `memory`. `None` when there is none.
pub(super) fn owner<'d>(settings: &Settings<'d>, memory: &'d IdentityMemory) -> Option<Owner<'d>> {
    if let Some(device) = settings.identity {
        let identity = Identity::new(settings.cluster, device.key, device.signer, &Software);
        return Some(Owner { identity, unseal: device.unseal });
    }
    let signer = memory.first()?;
    let identity = Identity::new(settings.cluster, signer.public_key(), signer, &Software);
    Some(Owner { identity, unseal: Some(signer) })
}

/// The key in flash, or a new one, in `memory`. Returns its public key.
///
/// # Errors
/// [`StartError`]: there is no key.
pub(crate) async fn own_identity<G: CryptoRngCore, F: NorFlash>(
    memory: &mut IdentityMemory,
    store: &mut Store<'_, F>,
    rng: &mut G,
) -> Result<PublicKey, StartError<F::Error>> {
    let mut secret = Zeroizing::new([0; 32]);
    let found = store.identity(&mut secret).await.map_err(StartError::Flash)?;
    if found {
        keep(memory, &secret).map_err(|_| StartError::Flash(StoreError::Identity))?;
    } else {
        draw_identity(memory, &mut secret, rng)?;
        // Used only when it is stored: a power cut would make it another node.
        store.set_identity(&secret).await.map_err(StartError::Flash)?;
    }
    let key = memory.first().ok_or(StartError::Sign(SignError))?.public_key();
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

/// Makes a key.
///
/// # Errors
/// The generator gives no random numbers.
pub(crate) fn draw_identity(
    memory: &mut IdentityMemory,
    secret: &mut [u8; 32],
    rng: &mut impl CryptoRngCore,
) -> Result<(), NoEntropy> {
    for _ in 0..TRIES {
        entropy::fill(rng, secret)?;
        if keep(memory, secret).is_ok() {
            return Ok(());
        }
    }
    Err(NoEntropy)
}

/// Puts a key in its place. Not inlined, so that the stack that this takes is given back.
#[inline(never)]
fn keep(memory: &mut IdentityMemory, secret: &[u8; 32]) -> Result<(), BadSecret> {
    memory.clear();
    memory.push(SoftwareSigner::new(P256Secret(secret))?).map_err(|_| BadSecret)
}
