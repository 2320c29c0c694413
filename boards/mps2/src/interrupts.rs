//! The interrupts of this machine and the table that leads to their handlers.
//!
//! Source: QEMU, `hw/arm/mps2.c` and `mps2-tz.c`; Arm application notes 386, 500 and 505.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;

use crate::machine;

/// Interrupts that the firmware uses; the names are those of the handlers.
#[expect(clippy::upper_case_acronyms, reason = "cortex-m-rt's attribute takes the handler's name from here")]
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Interrupt {
    /// CMSDK timer 0.
    TIMER0 = machine::TIMER0,
    /// CMSDK timer 1.
    TIMER1 = machine::TIMER1,
    /// LAN9118.
    ETHERNET = machine::ETHERNET_INTERRUPT,
}

// SAFETY: the numbers are fixed, and each has its entry in `__INTERRUPTS`.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// Enables an interrupt.
pub fn enable(interrupt: Interrupt) {
    // SAFETY: no critical section of this firmware relies on a masked interrupt, they all mask every one.
    unsafe { NVIC::unmask(interrupt) }
}

type Handler = unsafe extern "C" fn();

// SAFETY: cortex-m-rt and the `interrupt` attribute define these symbols with this signature; device.x names the
// default handler for those that have none.
unsafe extern "C" {
    fn TIMER0();
    fn TIMER1();
    fn ETHERNET();
    fn DefaultHandler();
}

/// Placed behind the exceptions by cortex-m-rt's linker script.
#[expect(clippy::indexing_slicing, reason = "the compiler runs this, and refuses an index that does not fit")]
// SAFETY: the section holds nothing but the handlers that this machine's vector table has room for.
#[unsafe(link_section = ".vector_table.interrupts")]
// SAFETY: cortex-m-rt looks for the table under this name, which nobody else defines.
#[unsafe(no_mangle)]
static __INTERRUPTS: [Handler; machine::INTERRUPTS] = {
    let mut table = [DefaultHandler as Handler; machine::INTERRUPTS];
    table[Interrupt::TIMER0 as usize] = TIMER0;
    table[Interrupt::TIMER1 as usize] = TIMER1;
    table[Interrupt::ETHERNET as usize] = ETHERNET;
    table
};
