//! Stops the board: logs the reason, and ends QEMU with a failure.

use core::fmt::Display;
use core::panic::PanicInfo;

use board_support::fault;
use defmt::{Display2Format, error};
use semihosting::process;

/// Stops the board because it cannot or must not run.
pub fn stop(why: &dyn Display) -> ! {
    error!("stopped: {}", Display2Format(&why));
    process::exit(1)
}

/// Ends QEMU with a failure. The message of the panic is not used: its text and what formats it would take 30 KB of flash.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fault::log_callers();
    process::exit(1)
}
