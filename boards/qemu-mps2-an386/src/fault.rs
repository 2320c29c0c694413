//! Handles faults of the processor: logs which fault it is, and ends QEMU with a failure.

use core::arch::naked_asm;

use cortex_m_rt::{ExceptionFrame, exception};
use defmt::error;
use semihosting::process;

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
        overflow = sym stack_overflow,
    )
}

extern "C" fn hard_fault(frame: &ExceptionFrame) -> ! {
    error!("hard fault at {=u32:#010x}, called from {=u32:#010x}", frame.pc(), frame.lr());
    process::exit(1)
}

extern "C" fn stack_overflow() -> ! {
    error!("hard fault: stack overflow");
    process::exit(1)
}

/// Handles interrupts and faults that the firmware has not enabled.
// SAFETY: it never returns to the code that was interrupted.
#[exception]
unsafe fn DefaultHandler(number: i16) -> ! {
    error!("unexpected exception {}", number);
    process::exit(1)
}
