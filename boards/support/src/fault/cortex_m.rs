//! Faults of a Cortex-M.

use core::arch::naked_asm;

use cortex_m::peripheral::SCB;
use cortex_m::register::msp;
use cortex_m_rt::{ExceptionFrame, exception};
use defmt::error;

// SAFETY: cortex-m-rt's linker script defines both. They mark addresses, the bounds of the code.
unsafe extern "C" {
    static __stext: u32;
    static __etext: u32;
}

pub(super) fn stack_pointer() -> usize {
    msp::read() as usize
}

/// Whether this may be a return address: one in the code, with the bit that says Thumb.
pub(super) fn is_code(word: u32) -> bool {
    let code = &raw const __stext as usize..&raw const __etext as usize;
    word & 1 == 1 && code.contains(&(word as usize))
}

/// Entry of the hard fault handler, under the name that cortex-m-rt's vector table has for it.
///
/// The handler of cortex-m-rt continues on the same stack, which fails after an overflow. This one resets the stack when
/// less than 1 KiB of it is left.
// SAFETY: nothing else defines this symbol. The function has no frame of its own, keeps to registers that an exception
// saves, and passes the stack pointer as the first argument of a function that does not return.
#[unsafe(export_name = "HardFault")]
#[unsafe(naked)]
unsafe extern "C" fn enter_hard_fault() -> ! {
    naked_asm!(
        "mrs r0, msp",
        "ldr r1, =_stack_end",
        "add r1, r1, #1024",
        "cmp r0, r1",
        "it hs",
        "bhs {fault}",
        "ldr r1, =_stack_start",
        "mov sp, r1",
        "b {overflow}",
        fault = sym hard_fault,
        overflow = sym super::stack_overflow,
    )
}

extern "C" fn hard_fault(frame: &ExceptionFrame) -> ! {
    /// A Cortex-M33 does not let the stack pointer pass MSPLIM: of the stack is left what the last frame was too long for.
    const STACK_LIMIT: u32 = 1 << 20;
    // SAFETY: reading this register has no effect.
    if unsafe { (*SCB::PTR).cfsr.read() } & STACK_LIMIT != 0 {
        super::stop_at_overflow(core::ptr::from_ref(frame).addr());
    }
    error!("hard fault at {=u32:#010x}, called from {=u32:#010x}", frame.pc(), frame.lr());
    super::stop()
}

/// Handles interrupts and faults that the firmware has not enabled.
// SAFETY: it never returns to the code that was interrupted.
#[exception]
unsafe fn DefaultHandler(number: i16) -> ! {
    error!("unexpected exception {}", number);
    super::stop()
}
