//! Makes an overflow of the stack a fault, by the processor's memory protection.

use core::arch::global_asm;

use board_support::stack;
use riscv::register::{pmpaddr0, pmpcfg0};

// SAFETY: memory.x defines the symbol. It marks an address, where the guard begins.
unsafe extern "C" {
    static _guard_start: u32;
}

/// A region whose size is a power of two, locked, so that it holds in machine mode, too (privileged architecture, section 3.7).
const LOCKED_NAPOT: usize = 1 << 7 | 3 << 3;

/// Forbids every access to the guard below the stack.
pub fn protect() {
    let guard = &raw const _guard_start as usize;
    let size = stack::end() - guard;
    // SAFETY: nothing uses the guard's memory.
    unsafe {
        pmpaddr0::write(guard >> 2 | (size / 8 - 1));
        pmpcfg0::write(LOCKED_NAPOT);
    }
}

// riscv-rt saves registers on the stack when a trap begins, which fails after an overflow, again and again. So with less than 1 KiB of
// it left, the trap gets the stack anew: the firmware does not go on, and only says what happened.
global_asm!(
    ".section .trap.start, \"ax\"",
    ".global _pre_default_start_trap",
    "_pre_default_start_trap:",
    "csrw mscratch, t0",
    "la t0, _stack_end",
    "addi t0, t0, 1024",
    "bltu sp, t0, 1f",
    "csrr t0, mscratch",
    "j _pre_default_start_trap_ret",
    "1:",
    "la sp, _stack_start",
    "j {overflow}",
    overflow = sym board_support::fault::stack_overflow,
);
