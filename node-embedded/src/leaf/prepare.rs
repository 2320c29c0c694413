//! The first half of a start: what may fail on a board in the field. It borrows the memory of the node for a moment only.

use embedded_storage_async::nor_flash::NorFlash;
use embedded_tls::CryptoRngCore;
use node_core::crypto::PublicKey;

use super::error::StartError;
use super::identity::{check_device, own_identity};
use super::key::OwnKeys;
#[cfg(feature = "tls-key")]
use super::tls_key::load_tls_key;
use crate::entropy;
use crate::flash::{HeldKey, Keys, Store};
use crate::log::warning;
use crate::settings::{MAX_PINS, Settings};

/// What flash and entropy give to a start.
pub(super) struct Prepared {
    /// The keyring in use is on trial.
    pub(super) on_trial: bool,
    /// The starts so far, this one included.
    pub(super) starts: u32,
    pub(super) seed: [u8; 8],
    pub(super) random: [u8; 8],
}

/// Finds or makes what a start needs. The keyring is in its memory then, and so are the keys that the board made.
///
/// # Errors
/// [`StartError`] says what to change.
pub(super) async fn prepare<G: CryptoRngCore, F: NorFlash>(
    settings: &Settings<'_>,
    own: &mut OwnKeys,
    keys: &mut Keys,
    store: &mut Store<'_, F>,
    rng: &mut G,
) -> Result<Prepared, StartError<F::Error>> {
    if settings.pins.len() > MAX_PINS {
        return Err(StartError::Settings);
    }
    #[cfg(feature = "accept")]
    if let Some(listen) = settings.listen {
        if settings.tls.is_some() {
            return Err(StartError::HubKeyInDevice);
        }
        if let Some(rules) = listen.rules {
            rules.check().map_err(StartError::HubRules)?;
        }
    }
    if let Some(rules) = settings.hub_rules {
        rules.check().map_err(StartError::HubRules)?;
    }
    entropy::test(rng)?;
    #[cfg(feature = "tls-key")]
    load_tls_key(own, store).await.map_err(StartError::Flash)?;
    let held = HeldKey::find(settings.tls, &own.tls).map(|held| held.public_key());
    provision(store, settings.keyring, held).await?;
    match &settings.identity {
        Some(device) => check_device(device.key, device.signer)?,
        None => _ = own_identity(own, store, rng).await?,
    }
    if let Some(device) = &settings.tls {
        check_device(device.key, device.signer)?;
    }
    let starts = store.count_start().await.map_err(StartError::Flash)?;
    let (mut seed, mut random) = ([0; 8], [0; 8]);
    entropy::fill(rng, &mut seed)?;
    entropy::fill(rng, &mut random)?;
    load_keys(store, held, keys).await?;
    Ok(Prepared { on_trial: store.is_on_trial(), starts, seed, random })
}

/// Stores the keyring of the settings on a board that has none.
async fn provision<F: NorFlash>(
    store: &mut Store<'_, F>,
    keyring: Option<&[u8]>,
    held: Option<PublicKey>,
) -> Result<(), StartError<F::Error>> {
    if store.confirmed_keyring().await.map_err(StartError::Flash)?.is_some() {
        return Ok(());
    }
    let bundle = keyring.ok_or(StartError::NoKeyring)?;
    Keys::check(bundle, held).map_err(StartError::Keyring)?;
    store.provision(bundle).await.map_err(StartError::Flash)
}

/// Loads the keyring to use: the one on trial, if its trial goes on, else the confirmed one.
async fn load_keys<F: NorFlash>(
    store: &mut Store<'_, F>,
    held: Option<PublicKey>,
    keys: &mut Keys,
) -> Result<(), StartError<F::Error>> {
    let was_on_trial = store.is_on_trial();
    store.resume_trial().await.map_err(StartError::Flash)?;
    if was_on_trial && !store.is_on_trial() {
        warning!(
            "this is the second start since the trial of a keyring began: the keyring before it is used"
        );
    }
    if store.is_on_trial() {
        let bundle = store.keyring().await.map_err(StartError::Flash)?;
        if bundle.is_some_and(|bundle| keys.load(&bundle, held).is_ok()) {
            return Ok(());
        }
        warning!("the keyring on trial cannot be read: the one before it is used");
        store.end_trial(false).await.map_err(StartError::Flash)?;
    }
    let bundle = store.confirmed_keyring().await.map_err(StartError::Flash)?;
    keys.load(&bundle.ok_or(StartError::NoKeyring)?, held).map_err(StartError::Keyring)
}
