//! The records that survive a loss of power: the keyrings, the settings, the node's identity key, the TLS
//! key that the board made, the number of its starts, the number of erases.
//!
//! There are two places for keyrings. One holds the confirmed keyring, the other is empty or holds one on trial. There are two for
//! settings and for the identity key, too: what a blob brings is written beside what there is. A [`Ledger`] says which record counts,
//! and changes in one step.
//!
//! Each record is one item in a map of sequential-storage. Power may fail at any moment: the next start finds the old
//! record or the new one. The keys are not encrypted, and replaced records stay readable until their page is erased, so a
//! board whose flash can be read out gives its keys away, the former ones too.

use core::ops::{Deref, Range};

use super::error::StoreError;
use super::ledger::{Ledger, Place};
use super::wear::{Counted, pages};
use super::wiped::Wiped;
use crate::sizes::{BUNDLE, ITEM, SEALED};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::id::NodeId;
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapStorage};

/// Keys of the records. No number is ever used again for another record: boards in the field keep their flash.
const KEYRING_A: u8 = 1;
/// The id that a board had before ids followed from keys. Nothing writes it.
const NODE_ID: u8 = 2;
const STARTS: u8 = 3;
const IDENTITY_A: u8 = 4;
const KEYRING_B: u8 = 5;
const LEDGER: u8 = 6;
const SETTINGS_A: u8 = 7;
const SETTINGS_B: u8 = 8;
const IDENTITY_B: u8 = 9;
const WEAR: u8 = 10;
#[cfg(feature = "tls-key")]
const TLS_KEY: u8 = 11;

/// The least flash, in bytes: the confirmed keyring, one on trial, the settings and the short records, and a page to move records to.
const MIN_LENGTH: usize = 16 * 1024;
const _: () = assert!(4 * ITEM <= MIN_LENGTH);

type Map<F> = MapStorage<u8, Counted<F>, Cache<Uncached, Uncached, Uncached, u8>>;

/// The node's records in flash.
pub(crate) struct Store<'d, F: NorFlash> {
    map: Map<F>,
    buffer: &'d mut [u8; ITEM],
    ledger: Ledger,
}

impl<'d, F: NorFlash> Store<'d, F> {
    /// Uses `range` of `flash`: whole pages, at least two of them and 16 KiB in all. Items are read and built in
    /// `buffer`.
    ///
    /// # Errors
    /// The range is wrong, the flash cannot be read, or the ledger in it is damaged.
    pub(crate) async fn open(
        flash: F,
        range: Range<u32>,
        buffer: &'d mut [u8; ITEM],
    ) -> Result<Self, (StoreError<F::Error>, F)> {
        if range.len() < MIN_LENGTH {
            return Err((StoreError::Range, flash));
        }
        let Ok(config) = MapConfig::try_new(range) else { return Err((StoreError::Range, flash)) };
        let map = MapStorage::new(Counted::new(flash), config, Cache::new_uncached());
        let mut store = Self { map, buffer, ledger: Ledger::NEW };
        match store.fetch(LEDGER).await.map(|record| record.map(|ledger| Ledger::decode(&ledger))) {
            Ok(None) => Ok(store),
            Ok(Some(Some(ledger))) => {
                store.ledger = ledger;
                Ok(store)
            }
            Ok(Some(None)) => Err((StoreError::Ledger, store.detach().flash())),
            Err(error) => Err((error.into(), store.detach().flash())),
        }
    }

    /// Gives its buffer back.
    pub(crate) fn detach(self) -> Detached<F> {
        Detached { map: self.map, ledger: self.ledger }
    }

    /// The epoch of the last keyring that arrived; 0 before the first.
    pub(crate) const fn epoch(&self) -> u64 {
        self.ledger.epoch
    }

    /// Whether the keyring in use is on trial.
    pub(crate) const fn is_on_trial(&self) -> bool {
        self.ledger.on_trial
    }

    /// The encoded keyring in use: the one on trial, else the confirmed one. `None` when there is none.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn keyring(&mut self) -> Result<Option<Record<'_>>, StoreError<F::Error>> {
        let bundle = self.fetch(record(self.ledger.in_use())).await?;
        Ok(bundle.filter(|bundle| !bundle.is_empty()))
    }

    /// The confirmed keyring, encoded. `None` on a board that has none yet.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn confirmed_keyring(&mut self) -> Result<Option<Record<'_>>, StoreError<F::Error>> {
        let bundle = self.fetch(record(self.ledger.confirmed)).await?;
        Ok(bundle.filter(|bundle| !bundle.is_empty()))
    }

    /// Stores the first keyring of a board, which is confirmed from the start.
    ///
    /// # Errors
    /// The bundle does not fit, or the flash cannot be written.
    pub(crate) async fn provision(&mut self, bundle: &[u8]) -> Result<(), StoreError<F::Error>> {
        self.store_keyring(self.ledger.confirmed, bundle).await
    }

    /// Puts a keyring on trial, and keeps its epoch, in one step. The confirmed keyring stays.
    ///
    /// # Errors
    /// The bundle does not fit, or the flash cannot be written. The keyring in use stays in use.
    pub(crate) async fn begin_trial(
        &mut self,
        bundle: &[u8],
        epoch: u64,
    ) -> Result<(), StoreError<F::Error>> {
        let place = self.ledger.confirmed.other();
        // There is room for two keyrings, not for three.
        self.store_keyring(place, &[]).await?;
        self.store_keyring(place, bundle).await?;
        self.change(Ledger { epoch, on_trial: true, started: false, ..self.ledger }).await
    }

    /// Goes on with a trial at a start of the node, if there is one: once. At the second start the keyring is dropped, so that
    /// no trial lasts for ever on a board that restarts again and again.
    ///
    /// # Errors
    /// The flash cannot be written. The next start finds the trial as it was.
    pub(crate) async fn resume_trial(&mut self) -> Result<(), StoreError<F::Error>> {
        match self.ledger {
            Ledger { on_trial: false, .. } => Ok(()),
            Ledger { started: true, .. } => self.end_trial(false).await,
            ledger => self.change(Ledger { started: true, ..ledger }).await,
        }
    }

    /// Ends a trial: with `confirm` the keyring on trial is the confirmed one from now on, else it is dropped.
    ///
    /// # Errors
    /// The flash cannot be written. The next start may find the trial again.
    pub(crate) async fn end_trial(&mut self, confirm: bool) -> Result<(), StoreError<F::Error>> {
        let confirmed = if confirm { self.ledger.in_use() } else { self.ledger.confirmed };
        self.change(Ledger { confirmed, on_trial: false, started: false, ..self.ledger }).await?;
        self.store_keyring(confirmed.other(), &[]).await
    }

    /// Reads the node's identity key into `secret`. `false` before the first [`set_identity`](Self::set_identity).
    ///
    /// # Errors
    /// The flash cannot be read, or the record has another length than a key.
    pub(crate) async fn identity(&mut self, secret: &mut [u8; 32]) -> Result<bool, StoreError<F::Error>> {
        take_key(self.fetch(identity_record(self.ledger.identity)).await?, secret)
    }

    /// Stores the node's identity key. It is the secret itself, and it stays as long as the flash.
    ///
    /// # Errors
    /// The flash cannot be written.
    pub(crate) async fn set_identity(&mut self, secret: &[u8; 32]) -> Result<(), StoreError<F::Error>> {
        Ok(self.store(identity_record(self.ledger.identity), secret).await?)
    }

    /// Reads the TLS key that the board made into `secret`. `false` before the first [`set_tls_key`](Self::set_tls_key).
    ///
    /// # Errors
    /// As [`identity`](Self::identity).
    #[cfg(feature = "tls-key")]
    pub(crate) async fn tls_key(&mut self, secret: &mut [u8; 32]) -> Result<bool, StoreError<F::Error>> {
        take_key(self.fetch(TLS_KEY).await?, secret)
    }

    /// Stores the TLS key that the board made, in one step. It stays as long as the flash, whatever keyrings come.
    ///
    /// # Errors
    /// The flash cannot be written.
    #[cfg(feature = "tls-key")]
    pub(crate) async fn set_tls_key(&mut self, secret: &[u8; 32]) -> Result<(), StoreError<F::Error>> {
        Ok(self.store(TLS_KEY, secret).await?)
    }

    /// The id that a board without an identity key had.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn retired_id(&mut self) -> Result<Option<NodeId>, StoreError<F::Error>> {
        let id = self.fetch(NODE_ID).await?;
        Ok(id.and_then(|id| (*id).try_into().ok()).map(NodeId))
    }

    /// Counts one start and returns the count, this start included.
    ///
    /// # Errors
    /// The flash cannot be used. The old count is kept.
    pub(crate) async fn count_start(&mut self) -> Result<u32, StoreError<F::Error>> {
        let before = self.fetch(STARTS).await?.and_then(|count| (*count).try_into().ok());
        let starts = before.map_or(0, u32::from_le_bytes).saturating_add(1);
        self.store(STARTS, &starts.to_le_bytes()).await?;
        Ok(starts)
    }

    /// How worn the flash is.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn wear(&mut self) -> Result<Wear, StoreError<F::Error>> {
        let range = self.map.flash_range();
        let pages = pages::<F>(range.end.saturating_sub(range.start));
        let fresh = self.map.flash().erased;
        Ok(Wear { erased: self.recorded_wear().await?.saturating_add(fresh), pages })
    }

    async fn recorded_wear(&mut self) -> Result<u32, Error<F::Error>> {
        let erased = self.fetch(WEAR).await?.and_then(|count| (*count).try_into().ok());
        Ok(erased.map_or(0, u32::from_le_bytes))
    }

    /// Adds the erases since the last call to those in flash. So their record is written once a page, and costs hardly any wear.
    async fn record_wear(&mut self) -> Result<(), Error<F::Error>> {
        let fresh = self.map.flash().erased;
        if fresh == 0 {
            return Ok(());
        }
        let erased = self.recorded_wear().await?.saturating_add(fresh);
        self.put(WEAR, &erased.to_le_bytes()).await?;
        let counted = self.map.flash();
        // The record itself may have needed another page.
        counted.erased = counted.erased.saturating_sub(fresh);
        Ok(())
    }

    /// Stores a keyring; an empty one is none.
    async fn store_keyring(&mut self, place: Place, bundle: &[u8]) -> Result<(), StoreError<F::Error>> {
        if bundle.len() > BUNDLE {
            return Err(StoreError::TooLong(bundle.len()));
        }
        Ok(self.store(record(place), bundle).await?)
    }

    async fn change(&mut self, ledger: Ledger) -> Result<(), StoreError<F::Error>> {
        self.store(LEDGER, &ledger.encode()).await?;
        self.ledger = ledger;
        Ok(())
    }

    // Every record is bytes to the map: a second type of value would double the code. Other records pass through the buffer,
    // too, when a page is erased. So it is wiped each time, also when the future is dropped.

    async fn fetch(&mut self, record: u8) -> Result<Option<Record<'_>>, Error<F::Error>> {
        let mut lent = Record { buffer: Wiped(self.buffer), at: 0..0 };
        let start = lent.buffer.0.as_ptr().addr();
        let item: Option<&[u8]> = self.map.fetch_item(lent.buffer.0, &record).await?;
        let Some(item) = item else { return Ok(None) };
        let from = item.as_ptr().addr().saturating_sub(start);
        lent.at = from..from + item.len();
        Ok(Some(lent))
    }

    async fn store(&mut self, record: u8, bytes: &[u8]) -> Result<(), Error<F::Error>> {
        self.put(record, bytes).await?;
        // What was to be stored is stored. The count tries again with the next record.
        let _ = self.record_wear().await;
        Ok(())
    }

    async fn put(&mut self, record: u8, bytes: &[u8]) -> Result<(), Error<F::Error>> {
        let buffer = Wiped(self.buffer);
        self.map.store_item(buffer.0, &record, &bytes).await
    }
}

/// How worn the flash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wear {
    /// Pages that were erased in the life of the board.
    pub(crate) erased: u32,
    /// Pages that there are.
    pub(crate) pages: u32,
}

/// A store without its buffer.
pub(crate) struct Detached<F: NorFlash> {
    map: Map<F>,
    ledger: Ledger,
}

impl<F: NorFlash> Detached<F> {
    /// The store with another buffer.
    pub(crate) fn attach(self, buffer: &mut [u8; ITEM]) -> Store<'_, F> {
        Store { map: self.map, buffer, ledger: self.ledger }
    }

    /// The flash.
    pub(crate) fn flash(self) -> F {
        self.map.destroy().0.flash
    }
}

/// A record of the flash in the store's buffer, which is wiped at the end of this loan.
pub(crate) struct Record<'b> {
    buffer: Wiped<'b, ITEM>,
    at: Range<usize>,
}

impl Deref for Record<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.0.get(self.at.clone()).unwrap_or_default()
    }
}

/// Copies a private key. `false` when there is none.
fn take_key<E>(record: Option<Record<'_>>, secret: &mut [u8; 32]) -> Result<bool, StoreError<E>> {
    let Some(record) = record else { return Ok(false) };
    *secret = *<&[u8; 32]>::try_from(&*record).map_err(|_| StoreError::Key)?;
    Ok(true)
}

const fn record(place: Place) -> u8 {
    match place {
        Place::A => KEYRING_A,
        Place::B => KEYRING_B,
    }
}

const fn identity_record(place: Place) -> u8 {
    match place {
        Place::A => IDENTITY_A,
        Place::B => IDENTITY_B,
    }
}

/// The store, and the buffer that receives a new keyring.
pub(crate) struct KeyringMemory<'d, F: NorFlash> {
    pub(crate) store: Store<'d, F>,
    pub(crate) sealed: &'d mut [u8; SEALED],
}

mod install;

pub(crate) use install::BlobRecords;

#[cfg(test)]
mod tests;
