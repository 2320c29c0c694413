//! Firmware for QEMU's mps2-an386, a Cortex-M4F: a Maelstrom node.
#![no_std]
#![no_main]

#[cortex_m_rt::entry]
fn main() -> ! {
    board_mps2::run()
}
