//! The envelope: magic, version, length, then the settings as postcard with a CRC-32 behind them.
//!
//! ```text
//! 0  "MAEL"              4 bytes
//! 4  version             u16, little endian
//! 6  length of the body  u16, little endian
//! 8  body                postcard, then its CRC-32 (ISO HDLC), little endian
//! ```

use crc::{CRC_32_ISO_HDLC, Crc};
use thiserror::Error;

use crate::{Ip, Settings};

const MAGIC: [u8; 4] = *b"MAEL";
const VERSION: u16 = 3;
const HEADER: usize = 8;
const CRC: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);

/// Longest blob, envelope included, in bytes.
pub const MAX_BLOB: usize = 8192;

impl<'a> Settings<'a> {
    /// Writes the blob into `out` and returns the part of `out` that it fills. [`MAX_BLOB`] bytes are enough, unless the
    /// strings or the keyring are longer than any board accepts.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] when `out` is too short; its contents are then undefined.
    pub fn encode<'o>(&self, out: &'o mut [u8]) -> Result<&'o [u8], Error> {
        let space = out.len().min(MAX_BLOB);
        let (header, body) = out
            .get_mut(..space)
            .and_then(|out| out.split_first_chunk_mut::<HEADER>())
            .ok_or(Error::TooLong)?;
        let length = postcard::to_slice_crc32(self, body, CRC.digest()).map_err(|_| Error::TooLong)?.len();
        let length_field = u16::try_from(length).map_err(|_| Error::TooLong)?;
        let [m0, m1, m2, m3] = MAGIC;
        let [v0, v1] = VERSION.to_le_bytes();
        let [l0, l1] = length_field.to_le_bytes();
        *header = [m0, m1, m2, m3, v0, v1, l0, l1];
        out.get(..HEADER + length).ok_or(Error::TooLong)
    }

    /// Reads a blob at the start of `bytes`, and ignores the bytes after it.
    ///
    /// # Errors
    ///
    /// Every other variant of [`Error`] names one defect of the blob.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, Error> {
        let (&[m0, m1, m2, m3, v0, v1, l0, l1], rest) =
            bytes.split_first_chunk::<HEADER>().ok_or(Error::Missing)?;
        if [m0, m1, m2, m3] != MAGIC {
            return Err(Error::Missing);
        }
        let version = u16::from_le_bytes([v0, v1]);
        if version != VERSION {
            return Err(Error::Version(version));
        }
        let length = usize::from(u16::from_le_bytes([l0, l1]));
        let body = rest.get(..length).ok_or(Error::Damaged)?;
        let settings: Self = postcard::from_bytes_crc32(body, CRC.digest()).map_err(|_| Error::Damaged)?;
        match settings.ip {
            Ip::Static { prefix, .. } if prefix > 32 => Err(Error::Prefix(prefix)),
            _ => Ok(settings),
        }
    }
}

/// Why there are no settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// There is no blob.
    #[error("no settings were handed in")]
    Missing,
    /// The blob has a layout that this build does not know.
    #[error("settings of version {0}, this build reads {VERSION}")]
    Version(u16),
    /// Length, checksum or contents do not fit together.
    #[error("the settings are damaged")]
    Damaged,
    /// A network prefix longer than 32 bits.
    #[error("a network prefix of {0} bits, 32 at most")]
    Prefix(u8),
    /// The settings do not fit into the space for them.
    #[error("the settings are too long")]
    TooLong,
}

#[cfg(test)]
mod tests;
