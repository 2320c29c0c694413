//! Handlers of exceptions, under the names that riscv-rt's trap vector has for them.

use core::arch::asm;

use defmt::error;
use riscv::register::mcause;

/// Handles the exceptions that the firmware does not.
// SAFETY: riscv-rt calls the symbol with this signature, and nothing else defines it.
#[unsafe(export_name = "ExceptionHandler")]
extern "C" fn exception() -> ! {
    let cause = mcause::read().bits();
    let (at, value): (usize, usize);
    // SAFETY: these read registers of the last trap, and touch nothing.
    unsafe {
        asm!("csrr {}, mepc", "csrr {}, mtval", out(reg) at, out(reg) value, options(nomem, nostack));
    }
    error!("exception {=usize} at {=usize:#010x}, value {=usize:#010x}", cause, at, value);
    super::super::stop()
}

/// Handles interrupts that the firmware has not enabled.
// SAFETY: as above.
#[unsafe(export_name = "DefaultHandler")]
extern "C" fn interrupt() -> ! {
    error!("unexpected interrupt {=usize}", mcause::read().code());
    super::super::stop()
}
