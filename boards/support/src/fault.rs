//! Says what went wrong when the processor stops: a fault, an overflow of the stack, a panic.
//!
//! Each of them ends in the board's panic handler, which decides what follows: a reset, or the end of the emulation.

#[cfg(target_arch = "arm")]
mod cortex_m;
#[cfg(target_arch = "riscv32")]
mod riscv;

use defmt::error;

use crate::stack;

#[cfg(target_arch = "arm")]
use cortex_m::{is_code, stack_pointer};
#[cfg(target_arch = "riscv32")]
use riscv::{is_code, stack_pointer};

/// Addresses of code that are logged.
const LOGGED: usize = 8;

/// Logs the addresses of code that the stack holds: most of them are the callers of a panic. `addr2line -fe FIRMWARE ADDRESS` tells
/// their lines. For a panic handler: it needs neither the message nor what formats it, which take 30 KB of flash.
pub fn log_callers() {
    error!("panic; addr2line tells where from:");
    log_code(stack_pointer());
}

/// The stack has overflowed. It begins anew, because nothing goes on after this: the deepest calls are still at its end.
pub extern "C" fn stack_overflow() -> ! {
    stop_at_overflow(stack::end())
}

/// Logs an overflow of the stack, whose deepest calls are from this address on.
fn stop_at_overflow(deepest: usize) -> ! {
    error!("fault: stack overflow; addr2line tells where:");
    log_code(deepest);
    stop()
}

fn log_code(from: usize) {
    for address in stack::words(from).filter(|word| is_code(*word)).take(LOGGED) {
        error!("  {=u32:#x}", address);
    }
}

#[expect(clippy::panic, reason = "the panic handler knows how this board stops")]
fn stop() -> ! {
    panic!()
}
