//! Where each machine has its devices.
//!
//! Source: QEMU, `hw/arm/mps2.c` and `mps2-tz.c`; Arm application notes 386, 500 and 505.

/// Cortex-M4F.
#[cfg(feature = "an386")]
mod values {
    pub const KIND: &str = "qemu-mps2-an386";
    pub const UART: usize = 0x4000_4000;
    pub const CLOCK_HZ: u64 = 25_000_000;
    pub const TIMER0: u16 = 8;
    pub const TIMER1: u16 = 9;
    pub const ETHERNET_INTERRUPT: u16 = 13;
    pub const ETHERNET: usize = 0x4020_0000;
    pub const INTERRUPTS: usize = 32;
    pub const SETTINGS: usize = 0x2100_0000;
}

/// Cortex-M7.
#[cfg(feature = "an500")]
mod values {
    pub const KIND: &str = "qemu-mps2-an500";
    pub const UART: usize = 0x4000_4000;
    pub const CLOCK_HZ: u64 = 25_000_000;
    pub const TIMER0: u16 = 8;
    pub const TIMER1: u16 = 9;
    pub const ETHERNET_INTERRUPT: u16 = 13;
    pub const ETHERNET: usize = 0xa000_0000;
    pub const INTERRUPTS: usize = 32;
    pub const SETTINGS: usize = 0x6000_0000;
}

/// Cortex-M33.
#[cfg(feature = "an505")]
mod values {
    pub const KIND: &str = "qemu-mps2-an505";
    pub const UART: usize = 0x4020_0000;
    pub const CLOCK_HZ: u64 = 20_000_000;
    pub const TIMER0: u16 = 3;
    pub const TIMER1: u16 = 4;
    pub const ETHERNET_INTERRUPT: u16 = 48;
    pub const ETHERNET: usize = 0x4200_0000;
    pub const INTERRUPTS: usize = 96;
    pub const SETTINGS: usize = 0x8000_0000;
}

pub use values::*;
