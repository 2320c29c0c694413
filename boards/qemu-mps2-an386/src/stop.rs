//! The ways in which the board stops: each says why, and ends QEMU with a failure.

use core::fmt::Display;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use cortex_m_rt::{ExceptionFrame, exception};
use defmt::{Display2Format, error};
use semihosting::process;

/// Stops because the board cannot or must not run.
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

/// Faults that nothing else handles, a stack overflow among them.
// SAFETY: it never returns to the code that faulted.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    error!("hard fault at {=u32:#010x}, called from {=u32:#010x}", frame.pc(), frame.lr());
    process::exit(1)
}

/// Interrupts that nobody asked for.
// SAFETY: it never returns to the code that was interrupted.
#[exception]
unsafe fn DefaultHandler(number: i16) -> ! {
    error!("unexpected interrupt {}", number);
    process::exit(1)
}
