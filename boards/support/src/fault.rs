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

/// Words of the stack that are searched, and addresses of code that are logged.
const SEARCHED: usize = 256;
const LOGGED: usize = 8;

/// Logs the addresses of code that the stack holds: most of them are the callers of a panic. `addr2line -fe FIRMWARE ADDRESS` tells
/// their lines. For a panic handler: it needs neither the message nor what formats it, which take 30 KB of flash.
pub fn log_callers() {
    error!("panic; addr2line tells where from:");
    for address in stack::words(stack_pointer(), SEARCHED).filter(|word| is_code(*word)).take(LOGGED) {
        error!("  {=u32:#x}", address);
    }
}

/// The stack has overflowed. It begins anew, because nothing goes on after this.
pub extern "C" fn stack_overflow() -> ! {
    error!("fault: stack overflow");
    stop()
}

#[expect(clippy::panic, reason = "the panic handler knows how this board stops")]
fn stop() -> ! {
    panic!()
}
