//! Why the flash does not keep the node's records.

use core::fmt;

use embedded_storage_async::nor_flash::{NorFlashError, NorFlashErrorKind};
use sequential_storage::Error;

use crate::sizes::BUNDLE;

/// Why the flash does not keep the node's records. The old records are unchanged.
#[derive(Debug)]
pub enum StoreError<E> {
    /// The flash failed, or the map in it is full or damaged.
    Flash(Error<E>),
    /// The record of the identity key, or of the TLS key that the board made, holds no P-256 private key.
    Key,
    /// The record that says which keyring is confirmed cannot be read.
    Ledger,
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

impl<E: NorFlashError> fmt::Display for StoreError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flash(Error::ItemTooBig) => {
                f.write_str("the keyring does not fit a page of this board's flash: remove old slots")
            }
            Self::Flash(Error::FullStorage) => f.write_str("the node's flash is full: give it more pages"),
            Self::Ledger | Self::Flash(Error::Corrupted { .. }) => f.write_str(
                "the node's records in flash are damaged: erase them and provision the board again",
            ),
            Self::Flash(Error::Storage { value, .. }) => match value.kind() {
                NorFlashErrorKind::NotAligned => f.write_str("the flash failed: its driver wants other words or pages"),
                NorFlashErrorKind::OutOfBounds => f.write_str("the flash failed: the node's range is not within it"),
                _ => f.write_str("the flash failed: it cannot be read, erased or written"),
            },
            Self::Flash(_) => f.write_str("the flash failed: its records do not fit the node's buffer"),
            Self::Key => f.write_str(
                "a key in the node's flash is no P-256 key: erase the node's records and provision the board again",
            ),
            Self::Range => {
                f.write_str("the node needs whole pages of flash, two or more and 16 KiB: correct its range")
            }
            Self::TooLong(bytes) => {
                write!(f, "the keyring has {bytes} bytes, this board keeps {BUNDLE}: remove old slots")
            }
        }
    }
}

impl<E: NorFlashError> core::error::Error for StoreError<E> {}
