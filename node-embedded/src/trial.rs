//! The trial of a new keyring: a link that forms with it confirms it, else the confirmed keyring comes back.

use embassy_futures::select::{Either, select};
use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embassy_sync::mutex::Mutex;
use embassy_time::Timer;
use embedded_storage_async::nor_flash::NorFlash;
use node_core::keys::BundleError;
use thiserror::Error;

use crate::flash::{KeyringMemory, StoreError};
use crate::log::{information, warning};
use crate::state::{State, TRIAL, now};

/// Judges the keyrings on trial for ever.
pub(crate) async fn judge_trials<F: NorFlash>(
    state: &State<'_>,
    keyring: &Mutex<NoopRawMutex, KeyringMemory<'_, F>>,
) -> ! {
    loop {
        let until = state.wait(|core| core.trial.map(|trial| trial.until)).await;
        let proved = state.wait(|core| core.trial.filter(|trial| trial.proved));
        let time = Timer::at(embassy_time::Instant::from_micros(until.as_micros()));
        let confirm = matches!(select(proved, time).await, Either::First(_));
        if confirm {
            information!("a link is up with the new keyring: it is confirmed");
        } else {
            warning!("no link with the new keyring within {} s: the old one is used again", TRIAL.as_secs());
        }
        while let Err(error) = end(state, keyring, confirm).await {
            warning!(
                "the end of the trial is not stored, and the next start may try the keyring again: {}",
                error
            );
            Timer::after_secs(TRIAL.as_secs()).await;
        }
    }
}

/// Ends a trial. A second call goes on where the first one failed.
async fn end<F: NorFlash>(
    state: &State<'_>,
    keyring: &Mutex<NoopRawMutex, KeyringMemory<'_, F>>,
    confirm: bool,
) -> Result<(), EndError<F::Error>> {
    let store = &mut keyring.lock().await.store;
    if !confirm && state.with(|core| core.trial.is_some()) {
        let bundle = store.confirmed_keyring().await.map_err(EndError::Flash)?;
        let bundle = bundle.ok_or(EndError::NoKeyring)?;
        state.use_bundle(now(), &bundle, false).map_err(EndError::Keyring)?;
    }
    store.end_trial(confirm).await.map_err(EndError::Flash)?;
    state.with(|core| core.trial = None);
    Ok(())
}

/// Why a trial has not ended.
#[derive(Debug, Error)]
enum EndError<E> {
    #[error("{0}")]
    Flash(StoreError<E>),
    #[error(transparent)]
    Keyring(BundleError),
    #[error("there is no confirmed keyring in flash")]
    NoKeyring,
}
