//! Flash that survives a restart: a file of the host that behaves like NOR flash.
//!
//! QEMU models no flash controller for this machine. The file is called [`FILE`] and lies in the folder in which QEMU
//! was started. Without the file, the flash is new and erased.

use core::ffi::CStr;
use core::ops::Range;

use embedded_storage_async::nor_flash::{
    ErrorType, NorFlash, NorFlashError, NorFlashErrorKind, ReadNorFlash,
};
use semihosting::fs::{self, File};
use semihosting::io::{self, Read, Seek, SeekFrom, Write};
use thiserror::Error;

/// The file that holds the flash.
const FILE: &CStr = c"flash.bin";
/// A new flash gets its final name when it is complete.
const UNFINISHED: &CStr = c"flash.new";

const PAGE: usize = 4096;
const WORD: usize = 4;
const ERASED: u8 = 0xff;

/// The range of the node's records: 8 pages.
pub const NODE: Range<u32> = 0..8 * PAGE as u32;
const SIZE: usize = NODE.end as usize;

/// The flash, open.
pub struct HostFlash {
    file: File,
}

impl HostFlash {
    /// Opens the flash, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Host`] when the host does not allow it to be read and written, [`Error::Size`] when the file is no flash.
    /// The file is unchanged.
    pub fn open() -> Result<Self, Error> {
        let mut options = File::options();
        options.read(true).write(true);
        let file = match options.open(FILE) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create()?;
                options.open(FILE)?
            }
            opened => opened?,
        };
        match file.metadata()?.len() {
            length if length == SIZE as u64 => Ok(Self { file }),
            length => Err(Error::Size(length)),
        }
    }

    fn seek(&mut self, offset: u32) -> Result<(), Error> {
        self.file.seek(SeekFrom::Start(offset.into()))?;
        Ok(())
    }

    /// Whether the `length` bytes from `offset` on are erased.
    fn is_erased(&mut self, offset: u32, length: usize) -> Result<bool, Error> {
        let mut chunk = [0; 64];
        let mut left = length;
        self.seek(offset)?;
        while left > 0 {
            let (part, _) = chunk.split_at_mut(left.min(64));
            self.file.read_exact(part)?;
            if part.iter().any(|byte| *byte != ERASED) {
                return Ok(false);
            }
            left -= part.len();
        }
        Ok(true)
    }
}

/// Checks the bounds of an operation that works in units of `unit` bytes.
fn check(offset: u32, length: usize, unit: usize) -> Result<(), NorFlashErrorKind> {
    let offset = offset as usize;
    if length > SIZE || offset > SIZE - length {
        Err(NorFlashErrorKind::OutOfBounds)
    } else if !offset.is_multiple_of(unit) || !length.is_multiple_of(unit) {
        Err(NorFlashErrorKind::NotAligned)
    } else {
        Ok(())
    }
}

fn create() -> Result<(), Error> {
    let mut file = File::create(UNFINISHED)?;
    for _ in 0..SIZE / PAGE {
        erase_page(&mut file)?;
    }
    drop(file);
    Ok(fs::rename(UNFINISHED, FILE)?)
}

fn erase_page(file: &mut File) -> Result<(), io::Error> {
    for _ in 0..PAGE / 256 {
        file.write_all(&[ERASED; 256])?;
    }
    Ok(())
}

impl ErrorType for HostFlash {
    type Error = Error;
}

impl ReadNorFlash for HostFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        check(offset, bytes.len(), 1)?;
        self.seek(offset)?;
        Ok(self.file.read_exact(bytes)?)
    }

    fn capacity(&self) -> usize {
        SIZE
    }
}

impl NorFlash for HostFlash {
    const WRITE_SIZE: usize = WORD;
    const ERASE_SIZE: usize = PAGE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        let length = to.checked_sub(from).ok_or(NorFlashErrorKind::OutOfBounds)?;
        check(from, length as usize, PAGE)?;
        self.seek(from)?;
        for _ in (from..to).step_by(PAGE) {
            erase_page(&mut self.file)?;
        }
        Ok(())
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        check(offset, bytes.len(), WORD)?;
        if !self.is_erased(offset, bytes.len())? {
            return Err(Error::NotErased(offset));
        }
        self.seek(offset)?;
        Ok(self.file.write_all(bytes)?)
    }
}

/// Why the flash cannot be used.
#[derive(Debug, Error)]
pub enum Error {
    /// The host refused, or its file ended early. A write may be partly done.
    #[error("flash.bin: {}", .0.kind())]
    Host(io::Error),
    /// A word at or after this offset was written before and not erased since. Nothing was changed.
    #[error("flash.bin: write at {0:#x} without erasing")]
    NotErased(u32),
    /// Bounds or alignment. Nothing was changed.
    #[error("flash.bin: {0}")]
    Range(NorFlashErrorKind),
    /// The file is not a flash: this is its length in bytes.
    #[error("flash.bin: {0} bytes long, a flash has {SIZE}")]
    Size(u64),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Host(error)
    }
}

impl From<NorFlashErrorKind> for Error {
    fn from(kind: NorFlashErrorKind) -> Self {
        Self::Range(kind)
    }
}

impl NorFlashError for Error {
    fn kind(&self) -> NorFlashErrorKind {
        match self {
            Self::Range(kind) => *kind,
            _ => NorFlashErrorKind::Other,
        }
    }
}
