//! Faults of a RISC-V processor.

#[cfg(feature = "runtime")]
mod handlers;

use core::arch::asm;

// SAFETY: the linker script of the board defines both. They mark addresses, the bounds of the code.
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
