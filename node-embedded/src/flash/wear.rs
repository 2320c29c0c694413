//! Flash that counts its erases, which wear it out.

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// Counts the pages that are erased.
pub(super) struct Counted<F> {
    pub(super) flash: F,
    /// Pages that were erased and are not yet in a record.
    pub(super) erased: u32,
}

impl<F> Counted<F> {
    pub(super) const fn new(flash: F) -> Self {
        Self { flash, erased: 0 }
    }
}

impl<F: NorFlash> ErrorType for Counted<F> {
    type Error = F::Error;
}

impl<F: NorFlash> ReadNorFlash for Counted<F> {
    const READ_SIZE: usize = F::READ_SIZE;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        self.flash.read(offset, bytes).await
    }

    fn capacity(&self) -> usize {
        self.flash.capacity()
    }
}

impl<F: NorFlash> NorFlash for Counted<F> {
    const WRITE_SIZE: usize = F::WRITE_SIZE;
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        // An erase that fails wears the page, too.
        self.erased = self.erased.saturating_add(pages::<F>(to.saturating_sub(from)));
        self.flash.erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        self.flash.write(offset, bytes).await
    }
}

/// Whole pages in so many bytes.
pub(super) fn pages<F: NorFlash>(bytes: u32) -> u32 {
    u32::try_from(F::ERASE_SIZE).ok().and_then(|page| bytes.checked_div(page)).unwrap_or_default()
}
