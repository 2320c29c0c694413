//! Flash behind a DMA that takes whole aligned words only.

use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

use super::wiped::Wiped;

/// Bytes of a word.
const WORD: usize = 4;
/// Bytes that pass through memory of its own at once: two of the longest words of sequential-storage.
const CHUNK: usize = 64;

/// Flash that is read and written from buffers at multiples of 4 bytes only, in lengths that are multiples of 4, as the QSPI of an
/// nRF52840 or nRF5340 is. What lies elsewhere passes through 64 aligned bytes, which are wiped afterwards. The node's long records
/// lie right, and go straight.
///
/// Give it to [`Parts::flash`](crate::Parts::flash) from the first start on: with a flash whose words are shorter it changes the layout
/// of the records.
pub struct AlignedFlash<F>(F);

impl<F: NorFlash> AlignedFlash<F> {
    /// Reads and writes this flash.
    pub const fn new(flash: F) -> Self {
        Self(flash)
    }

    /// The flash.
    pub fn into_inner(self) -> F {
        self.0
    }
}

/// A buffer at a multiple of 4 bytes.
#[repr(align(4))]
pub(crate) struct Aligned<const N: usize>(pub(crate) [u8; N]);

impl<const N: usize> Aligned<N> {
    pub(crate) const NEW: Self = Self([0; N]);
}

fn is_aligned(bytes: &[u8]) -> bool {
    bytes.as_ptr().addr().is_multiple_of(WORD)
}

const fn at_least_a_word(size: usize) -> usize {
    if size < WORD { WORD } else { size }
}

impl<F: NorFlash> ErrorType for AlignedFlash<F> {
    type Error = F::Error;
}

impl<F: NorFlash> ReadNorFlash for AlignedFlash<F> {
    const READ_SIZE: usize = at_least_a_word(F::READ_SIZE);

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), F::Error> {
        if is_aligned(bytes) {
            return self.0.read(offset, bytes).await;
        }
        let mut bounce = Aligned::<CHUNK>::NEW;
        let bounce = Wiped(&mut bounce.0);
        for (part, at) in bytes.chunks_mut(CHUNK).zip((offset..).step_by(CHUNK)) {
            let lent = bounce.0.get_mut(..part.len()).unwrap_or_default();
            self.0.read(at, lent).await?;
            part.copy_from_slice(lent);
        }
        Ok(())
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl<F: NorFlash> NorFlash for AlignedFlash<F> {
    const WRITE_SIZE: usize = at_least_a_word(F::WRITE_SIZE);
    const ERASE_SIZE: usize = F::ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), F::Error> {
        self.0.erase(from, to).await
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), F::Error> {
        if is_aligned(bytes) {
            return self.0.write(offset, bytes).await;
        }
        let mut bounce = Aligned::<CHUNK>::NEW;
        let bounce = Wiped(&mut bounce.0);
        for (part, at) in bytes.chunks(CHUNK).zip((offset..).step_by(CHUNK)) {
            let lent = bounce.0.get_mut(..part.len()).unwrap_or_default();
            lent.copy_from_slice(part);
            self.0.write(at, lent).await?;
        }
        Ok(())
    }
}
