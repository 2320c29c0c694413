//! Firmware for QEMU's mps2-an500, a Cortex-M7: a Maelstrom node.
#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    board_mps2::run()
}
