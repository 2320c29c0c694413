//! What is particular to the RP2350: its watchdog, its resets, its number.

use core::panic::PanicInfo;

use board_support::reset::Cause;
use board_support::{fault, network};
use embassy_rp::peripherals::WATCHDOG;
use embassy_rp::watchdog::ResetReason;
use embassy_rp::{Peri, otp, pac};
use embassy_time::Duration;

/// How long the watchdog waits. An erase of flash holds the node up for at most 0.4 s, a signature for less.
const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the log has to reach a debugger, in cycles of 150 MHz: some 0.1 s.
const LAST_WORDS: u32 = 15_000_000;

/// The watchdog.
pub struct Watchdog(embassy_rp::watchdog::Watchdog);

impl Watchdog {
    /// Starts the watchdog. It stands still while a debugger holds the processor.
    pub fn start(watchdog: Peri<'static, WATCHDOG>) -> Self {
        let mut watchdog = embassy_rp::watchdog::Watchdog::new(watchdog);
        watchdog.pause_on_debug(true);
        watchdog.start(WATCHDOG_TIMEOUT);
        Self(watchdog)
    }

    /// Feeds it.
    pub fn feed(&mut self) {
        self.0.feed(WATCHDOG_TIMEOUT);
    }

    /// The cause of the last reset.
    pub fn cause(&self) -> Cause {
        let others = pac::POWMAN.chip_reset().read();
        match self.0.reset_reason() {
            Some(ResetReason::TimedOut) => Cause::Watchdog,
            Some(ResetReason::Forced) => Cause::Software,
            None if others.had_bor() => Cause::BrownOut,
            None if others.had_por() => Cause::PowerOn,
            None if others.had_run_low() || others.had_dp_reset_req() => Cause::Pin,
            None => Cause::Other(others.0),
        }
    }
}

/// A hardware address of this chip's own.
pub fn hardware_address() -> [u8; 6] {
    // The number is programmed in each chip at the factory. It could not be read only on a chip that is broken.
    network::hardware_address(&otp::get_chipid().unwrap_or_default().to_be_bytes())
}

/// Resets the chip, but for its clocks.
pub fn reset() -> ! {
    cortex_m::asm::delay(LAST_WORDS);
    // SAFETY: nothing runs beside or after this, so that nobody else uses the watchdog.
    let watchdog = unsafe { WATCHDOG::steal() };
    embassy_rp::watchdog::Watchdog::new(watchdog).trigger_reset();
    loop {
        cortex_m::asm::nop();
    }
}

/// Resets the board. The message of the panic is not used: its text and what formats it would take 30 KB of flash.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    fault::log_callers();
    reset()
}
