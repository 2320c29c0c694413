//! Stops the board: logs the reason, and ends QEMU with a failure.

use core::fmt::Display;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use defmt::{Display2Format, error};
use semihosting::process;

/// Stops the board because it cannot or must not run.
pub fn stop(why: &dyn Display) -> ! {
    error!("stopped: {}", Display2Format(&why));
    process::exit(1)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    static PANICKED: AtomicBool = AtomicBool::new(false);
    // A panic inside the logger must not end in the logger again.
    if !PANICKED.swap(true, Ordering::Relaxed) {
        error!("{}", Display2Format(info));
    }
    process::exit(1)
}
