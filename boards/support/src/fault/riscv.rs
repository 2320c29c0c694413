//! Faults of a RISC-V processor.

use core::arch::asm;

use defmt::error;
use riscv::register::mcause;

// SAFETY: riscv-rt's linker script defines both. They mark addresses, the bounds of the code.
unsafe extern "C" {
    static __stext: u32;
    static __etext: u32;
}

pub(super) fn stack_pointer() -> usize {
    let pointer;
    // SAFETY: it reads a register, and touches nothing.
    unsafe { asm!("mv {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags)) };
    pointer
}

/// Whether this may be a return address: one in the code.
pub(super) fn is_code(word: u32) -> bool {
    let code = &raw const __stext as usize..&raw const __etext as usize;
    word & 1 == 0 && code.contains(&(word as usize))
}

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
    super::stop()
}

/// Handles interrupts that the firmware has not enabled.
// SAFETY: as above.
#[unsafe(export_name = "DefaultHandler")]
extern "C" fn interrupt() -> ! {
    error!("unexpected interrupt {=usize}", mcause::read().code());
    super::stop()
}
