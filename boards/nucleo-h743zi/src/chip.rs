//! What is particular to the STM32H743: its clocks, its watchdog, its resets.

use core::panic::PanicInfo;

use board_support::fault;
use board_support::reset::Cause;
use cortex_m::peripheral::SCB;
use embassy_stm32::peripherals::IWDG1;
use embassy_stm32::rcc::{
    AHBPrescaler, APBPrescaler, HSIPrescaler, Pll, PllDiv, PllMul, PllPreDiv, PllSource, Sysclk, VoltageScale,
};
use embassy_stm32::wdg::IndependentWatchdog;
use embassy_stm32::{Config, Peri, Peripherals, pac};

/// How long the watchdog waits, in microseconds. An erase of a sector holds the node up for at most 4 s. The watchdog's own clock
/// is some percent off.
const WATCHDOG_TIMEOUT: u32 = 20_000_000;
/// How long the log has to reach a debugger, in cycles of 400 MHz: 0.1 s.
const LAST_WORDS: u32 = 40_000_000;

/// Starts the clocks: 400 MHz for the processor, from the internal oscillator. A second call panics.
pub fn init() -> Peripherals {
    if let Some(mut core) = cortex_m::Peripherals::take() {
        // The data cache stays off: the Ethernet controller writes to memory behind its back.
        core.SCB.enable_icache();
    }
    let mut config = Config::default();
    let rcc = &mut config.rcc;
    rcc.hsi = Some(HSIPrescaler::DIV1);
    // For the random number generator.
    rcc.hsi48 = Some(Default::default());
    // 64 MHz / 4 * 50 / 2.
    rcc.pll1 = Some(Pll {
        source: PllSource::HSI,
        prediv: PllPreDiv::DIV4,
        mul: PllMul::MUL50,
        fracn: None,
        divp: Some(PllDiv::DIV2),
        divq: None,
        divr: None,
    });
    rcc.sys = Sysclk::PLL1_P;
    rcc.ahb_pre = AHBPrescaler::DIV2;
    rcc.apb1_pre = APBPrescaler::DIV2;
    rcc.apb2_pre = APBPrescaler::DIV2;
    rcc.apb3_pre = APBPrescaler::DIV2;
    rcc.apb4_pre = APBPrescaler::DIV2;
    rcc.voltage_scale = VoltageScale::Scale1;
    embassy_stm32::init(config)
}

/// The independent watchdog.
pub struct Watchdog(IndependentWatchdog<'static, IWDG1>);

impl Watchdog {
    /// Starts the watchdog. Nothing but a reset stops it.
    pub fn start(watchdog: Peri<'static, IWDG1>) -> Self {
        let mut watchdog = IndependentWatchdog::new(watchdog, WATCHDOG_TIMEOUT);
        watchdog.unleash();
        Self(watchdog)
    }

    /// Feeds it.
    pub fn feed(&mut self) {
        self.0.pet();
    }
}

/// The cause of the last reset, which is then forgotten.
pub fn cause() -> Cause {
    let flags = pac::RCC.rsr().read();
    pac::RCC.rsr().modify(|rsr| rsr.set_rmvf(true));
    // The chip pulls its own reset pin, too; and as the power comes on, it is too low at first.
    if flags.iwdg1rstf() {
        Cause::Watchdog
    } else if flags.sftrstf() {
        Cause::Software
    } else if flags.porrstf() {
        Cause::PowerOn
    } else if flags.borrstf() {
        Cause::BrownOut
    } else if flags.pinrstf() {
        Cause::Pin
    } else {
        Cause::Other(flags.0)
    }
}

/// Resets the chip.
pub fn reset() -> ! {
    cortex_m::asm::delay(LAST_WORDS);
    SCB::sys_reset()
}

/// Resets the board. The message of the panic is not used: its text and what formats it would take 30 KB of flash.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    cortex_m::interrupt::disable();
    fault::log_callers();
    reset()
}
