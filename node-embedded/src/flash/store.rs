//! The records that survive a loss of power: the keyring, the node's identity key, the number of its starts.
//!
//! Each record is one item in a map of sequential-storage. Power may fail at any moment: the next start finds the old
//! record or the new one. The keys are not encrypted, and replaced records stay readable until their page is erased, so a
//! board whose flash can be read out gives its keys away, the former ones too.

use core::fmt;
use core::ops::Range;

use embedded_storage_async::nor_flash::NorFlash;
use node_core::id::NodeId;
use sequential_storage::Error;
use sequential_storage::cache::{Cache, Uncached};
use sequential_storage::map::{MapConfig, MapStorage};
use zeroize::Zeroize;

use crate::sizes::{BUNDLE, ITEM};

/// Keys of the records. No number is ever used again for another record: boards in the field keep their flash.
const KEYRING: u8 = 1;
/// The id that a board had before ids followed from keys. Nothing writes it.
const NODE_ID: u8 = 2;
const STARTS: u8 = 3;
const IDENTITY: u8 = 4;

/// The least flash, in bytes: the old keyring, the new one, and a page to move records to.
const MIN_LENGTH: usize = 16 * 1024;
const _: () = assert!(4 * ITEM <= MIN_LENGTH);

/// The node's records in flash.
pub(crate) struct Store<'d, F: NorFlash> {
    map: MapStorage<u8, F, Cache<Uncached, Uncached, Uncached, u8>>,
    buffer: &'d mut [u8; ITEM],
}

impl<'d, F: NorFlash> Store<'d, F> {
    /// Uses `range` of `flash`: whole pages, at least two of them and 16 KiB in all. Items are read and built in
    /// `buffer`.
    ///
    /// # Errors
    /// [`StoreError::Range`].
    pub(crate) fn new(
        flash: F,
        range: Range<u32>,
        buffer: &'d mut [u8; ITEM],
    ) -> Result<Self, StoreError<F::Error>> {
        if range.len() < MIN_LENGTH {
            return Err(StoreError::Range);
        }
        let config = MapConfig::try_new(range).map_err(|_| StoreError::Range)?;
        Ok(Self { map: MapStorage::new(flash, config, Cache::new_uncached()), buffer })
    }

    /// The encoded keyring, `None` on a board that has none yet.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn keyring(&mut self) -> Result<Option<&[u8]>, StoreError<F::Error>> {
        Ok(self.fetch(KEYRING).await?)
    }

    /// Replaces the keyring in one step.
    ///
    /// # Errors
    /// The bundle does not fit, or the flash cannot be written. The old keyring is kept.
    pub(crate) async fn set_keyring(&mut self, bundle: &[u8]) -> Result<(), StoreError<F::Error>> {
        if bundle.len() >= self.buffer.len() {
            return Err(StoreError::TooLong(bundle.len()));
        }
        Ok(self.store(KEYRING, bundle).await?)
    }

    /// Reads the node's identity key into `secret`. `false` before the first [`set_identity`](Self::set_identity).
    ///
    /// # Errors
    /// The flash cannot be read, or the record has another length than a key.
    pub(crate) async fn identity(&mut self, secret: &mut [u8; 32]) -> Result<bool, StoreError<F::Error>> {
        let read = match self.fetch(IDENTITY).await? {
            Some(record) => {
                record.try_into().map(|key: &[u8; 32]| secret.copy_from_slice(key)).map(|()| true)
            }
            None => Ok(false),
        };
        self.buffer.zeroize();
        read.map_err(|_| StoreError::Identity)
    }

    /// Stores the node's identity key. It is the secret itself, and it stays as long as the flash.
    ///
    /// # Errors
    /// The flash cannot be written.
    pub(crate) async fn set_identity(&mut self, secret: &[u8; 32]) -> Result<(), StoreError<F::Error>> {
        Ok(self.store(IDENTITY, secret).await?)
    }

    /// The id that a board without an identity key had.
    ///
    /// # Errors
    /// The flash cannot be read.
    pub(crate) async fn retired_id(&mut self) -> Result<Option<NodeId>, StoreError<F::Error>> {
        let id = self.fetch(NODE_ID).await?.and_then(|id| id.try_into().ok()).map(NodeId);
        self.buffer.zeroize();
        Ok(id)
    }

    /// Counts one start and returns the count, this start included.
    ///
    /// # Errors
    /// The flash cannot be used. The old count is kept.
    pub(crate) async fn count_start(&mut self) -> Result<u32, StoreError<F::Error>> {
        let before = self.fetch(STARTS).await?.and_then(|count| count.try_into().ok());
        let starts = before.map_or(0, u32::from_le_bytes).saturating_add(1);
        self.store(STARTS, &starts.to_le_bytes()).await?;
        Ok(starts)
    }

    // Every record is bytes to the map: a second type of value would double the code.

    async fn fetch(&mut self, record: u8) -> Result<Option<&[u8]>, Error<F::Error>> {
        self.map.fetch_item(self.buffer, &record).await
    }

    /// Other records pass through the buffer, too, when a page is erased. So it is wiped each time.
    async fn store(&mut self, record: u8, bytes: &[u8]) -> Result<(), Error<F::Error>> {
        let stored = self.map.store_item(self.buffer, &record, &bytes).await;
        self.buffer.zeroize();
        stored
    }
}

/// The store, and the buffer that receives a new keyring.
pub(crate) struct KeyringMemory<'d, F: NorFlash> {
    pub(crate) store: Store<'d, F>,
    pub(crate) bundle: &'d mut [u8; BUNDLE],
}

/// Why the flash does not keep the node's records. The old records are unchanged.
#[derive(Debug)]
pub enum StoreError<E> {
    /// The flash failed, or the map in it is full or damaged.
    Flash(Error<E>),
    /// The record of the identity key holds no P-256 private key.
    Identity,
    /// The range is shorter than 16 KiB, or is not two or more whole pages.
    Range,
    /// The keyring has this many bytes: more than a page of flash or the buffer holds.
    TooLong(usize),
}

impl<E> From<Error<E>> for StoreError<E> {
    fn from(error: Error<E>) -> Self {
        Self::Flash(error)
    }
}

impl<E: fmt::Debug> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(Error::ItemTooBig) => {
                f.write_str("the keyring does not fit a page of this board's flash: remove old slots")
            }
            Self::Flash(Error::FullStorage) => f.write_str("the node's flash is full: give it more pages"),
            Self::Flash(Error::Corrupted { .. }) => f.write_str(
                "the node's records in flash are damaged: erase them and provision the board again",
            ),
            Self::Flash(error) => write!(f, "the flash failed: {error:?}"),
            Self::Identity => f.write_str(
                "the identity key in the node's flash is no P-256 key: erase the node's records and provision the board again",
            ),
            Self::Range => {
                f.write_str("the node needs whole pages of flash, two or more and 16 KiB: correct its range")
            }
            Self::TooLong(bytes) => {
                write!(f, "the keyring has {bytes} bytes, this board keeps {}: remove old slots", ITEM - 32)
            }
        }
    }
}

impl<E: fmt::Debug> core::error::Error for StoreError<E> {}

#[cfg(test)]
mod tests;
