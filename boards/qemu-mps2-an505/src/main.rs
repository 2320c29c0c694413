//! Firmware for QEMU's mps2-an505, a Cortex-M33: a Maelstrom node.
#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    board_mps2::run()
}
