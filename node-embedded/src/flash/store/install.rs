//! What a blob brings to a board: settings, a keyring, an identity key; all of it or nothing.

use embedded_storage_async::nor_flash::NorFlash;
use sequential_storage::Error;

use super::{Record, SETTINGS_A, SETTINGS_B, Store, StoreError, identity_record};
use crate::flash::ledger::{Ledger, Place};

/// What a blob brings.
#[derive(Clone, Copy)]
pub(crate) struct BlobRecords<'b> {
    /// Its epoch.
    pub(crate) epoch: u64,
    /// The encoded settings.
    pub(crate) settings: &'b [u8],
    /// The encoded keyring; `None` keeps the one that is confirmed.
    pub(crate) keyring: Option<&'b [u8]>,
    /// The new identity key; `None` keeps the old one.
    pub(crate) identity: Option<&'b [u8; 32]>,
}

impl<F: NorFlash> Store<'_, F> {
    /// Whether a blob arrived.
    pub(crate) const fn has_settings(&self) -> bool {
        self.ledger.settings.is_some()
    }

    /// Reads anywhere in the flash.
    ///
    /// # Errors
    /// The flash cannot be read there.
    pub(crate) async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), StoreError<F::Error>> {
        let read = self.map.flash().flash.read(offset, bytes).await;
        read.map_err(|value| StoreError::Flash(Error::Storage { value }))
    }

    /// The encoded settings. `None` on a board that no blob arrived at.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn settings(&mut self) -> Result<Option<Record<'_>>, StoreError<F::Error>> {
        match self.ledger.settings {
            Some(place) => Ok(self.fetch(settings_record(place)).await?),
            None => Ok(None),
        }
    }

    /// Stores what a blob brings, in one step: all of it counts from the same moment on. A keyring on trial is dropped before.
    ///
    /// # Errors
    /// Something does not fit, or the flash cannot be written. Everything but a keyring on trial is as before.
    pub(crate) async fn install(&mut self, records: &BlobRecords<'_>) -> Result<(), StoreError<F::Error>> {
        if self.ledger.on_trial {
            self.end_trial(false).await?;
        }
        let before = self.ledger;
        let settings = before.settings.map_or(Place::A, Place::other);
        let mut after = Ledger { epoch: records.epoch, settings: Some(settings), ..before };
        self.store(settings_record(settings), records.settings).await?;
        if let Some(bundle) = records.keyring {
            after.confirmed = before.confirmed.other();
            // There is room for two keyrings, not for three.
            self.store_keyring(after.confirmed, &[]).await?;
            self.store_keyring(after.confirmed, bundle).await?;
        }
        if let Some(secret) = records.identity {
            after.identity = before.identity.other();
            self.store(identity_record(after.identity), secret).await?;
        }
        self.change(after).await?;
        // The blob counts. What it replaced makes room as well as can be; the next one is written over it anyhow.
        if let Some(place) = before.settings {
            let _ = self.store(settings_record(place), &[]).await;
        }
        if records.keyring.is_some() {
            let _ = self.store_keyring(before.confirmed, &[]).await;
        }
        if records.identity.is_some() {
            let _ = self.store(identity_record(before.identity), &[]).await;
        }
        Ok(())
    }
}

const fn settings_record(place: Place) -> u8 {
    match place {
        Place::A => SETTINGS_A,
        Place::B => SETTINGS_B,
    }
}
