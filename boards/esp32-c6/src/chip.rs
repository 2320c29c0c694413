//! What is particular to the ESP32-C6: its watchdog, its resets.

use core::panic::PanicInfo;

use board_support::fault;
use board_support::reset::Cause;
use esp_hal::delay::Delay;
use esp_hal::peripherals::TIMG1;
use esp_hal::rtc_cntl::SocResetReason;
use esp_hal::system;
use esp_hal::time::Duration;
use esp_hal::timer::timg::{MwdtStage, TimerGroup, Wdt};

/// How long the watchdog waits. An erase of flash holds the node up for at most 0.4 s, and so does a signature.
const WATCHDOG_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the log has to reach the host, in milliseconds.
const LAST_WORDS: u32 = 100;

/// The watchdog of the second timer group.
pub struct Watchdog(Wdt<TIMG1<'static>>);

impl Watchdog {
    /// Starts the watchdog.
    pub fn start(group: TIMG1<'static>) -> Self {
        let mut watchdog = TimerGroup::new(group).wdt;
        watchdog.set_timeout(MwdtStage::Stage0, WATCHDOG_TIMEOUT);
        watchdog.enable();
        Self(watchdog)
    }

    /// Feeds it.
    pub fn feed(&mut self) {
        self.0.feed();
    }
}

/// The cause of the last reset. To this chip, its reset pin is the power.
pub fn cause() -> Cause {
    use SocResetReason::*;

    match system::reset_reason() {
        Some(ChipPowerOn) => Cause::PowerOn,
        Some(SysBrownOut) => Cause::BrownOut,
        Some(
            CoreMwdt0 | CoreMwdt1 | CoreRtcWdt | Cpu0Mwdt0 | Cpu0Mwdt1 | Cpu0RtcWdt | SysRtcWdt | SysSuperWdt,
        ) => Cause::Watchdog,
        Some(CoreSw | Cpu0Sw) => Cause::Software,
        Some(CoreUsbUart | CoreUsbJtag | Cpu0JtagCpu) => Cause::Pin,
        Some(other) => Cause::Other(other as u32),
        None => Cause::Other(0),
    }
}

/// Resets the chip.
pub fn reset() -> ! {
    Delay::new().delay_millis(LAST_WORDS);
    system::software_reset()
}

/// Resets the board. The message of the panic is not used.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    fault::log_callers();
    reset()
}
