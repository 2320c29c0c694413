//! The second bank of the flash. Words that a power cut left half written are read without a fault.
//!
//! Each word of 32 bytes has an error correction code. Where the power failed during a write, the code does not fit, and the processor
//! faults when it reads the word, at this start and at each one after it. Here it gets bytes that mean nothing instead. The node's
//! records have checksums, so it finds that out, and uses the record before.

use core::arch::asm;

use cortex_m::peripheral::SCB;
use embassy_stm32::Peri;
use embassy_stm32::flash::{Blocking, Error, Flash, MAX_ERASE_SIZE, WRITE_SIZE};
use embassy_stm32::{pac, peripherals};
use embedded_storage_async::nor_flash::{ErrorType, NorFlash, ReadNorFlash};

/// The bit of the processor's configuration register by which code that masks faults ignores those of reading data.
const BFHFNMIGN: u32 = 1 << 8;

/// The flash of the chip.
pub struct BankFlash(Flash<'static, Blocking>);

impl BankFlash {
    /// Takes the flash.
    pub fn new(flash: Peri<'static, peripherals::FLASH>) -> Self {
        Self(Flash::new_blocking(flash))
    }
}

impl ErrorType for BankFlash {
    type Error = Error;
}

impl ReadNorFlash for BankFlash {
    const READ_SIZE: usize = 1;

    async fn read(&mut self, offset: u32, bytes: &mut [u8]) -> Result<(), Error> {
        let read = ignoring_faults(|| self.0.blocking_read(offset, bytes));
        for bank in [0, 1] {
            pac::FLASH.bank(bank).ccr().write(|clear| {
                clear.set_clr_sneccerr(true);
                clear.set_clr_dbeccerr(true);
            });
        }
        read
    }

    fn capacity(&self) -> usize {
        embassy_stm32::flash::FLASH_SIZE
    }
}

impl NorFlash for BankFlash {
    const WRITE_SIZE: usize = WRITE_SIZE;
    const ERASE_SIZE: usize = MAX_ERASE_SIZE;

    async fn erase(&mut self, from: u32, to: u32) -> Result<(), Error> {
        self.0.blocking_erase(from, to)
    }

    async fn write(&mut self, offset: u32, bytes: &[u8]) -> Result<(), Error> {
        self.0.blocking_write(offset, bytes)
    }
}

/// Runs `read`, in which the processor ignores faults of reading data. Nothing else runs meanwhile, not even an interrupt.
fn ignoring_faults<T>(read: impl FnOnce() -> T) -> T {
    // SAFETY: the register has no other effect, and nobody else changes it: there is one thread, and interrupts are masked from
    // the next line on, before the bit is of use.
    let configuration = unsafe { &(*SCB::PTR).ccr };
    // SAFETY: masking faults has an effect on what happens at a fault only.
    unsafe { asm!("cpsid f", options(nostack)) };
    // SAFETY: as above.
    unsafe { configuration.modify(|ccr| ccr | BFHFNMIGN) };
    cortex_m::asm::dsb();
    let result = read();
    cortex_m::asm::dsb();
    // SAFETY: as above.
    unsafe { configuration.modify(|ccr| ccr & !BFHFNMIGN) };
    // SAFETY: faults were not masked before: this is no handler of a fault.
    unsafe { asm!("cpsie f", options(nostack)) };
    result
}
