//! Firmware for QEMU's RISC-V machine virt: a Maelstrom node.
//!
//! Source of the addresses: QEMU, `hw/riscv/virt.c`.
#![no_std]
#![no_main]

mod guard;
mod network;
mod plic;
mod time_driver;
mod uart;

use board_qemu::{Machine, stop};
use board_support::{executor, stack};
use embassy_executor::Spawner;

use crate::network::VirtioNet;

/// Where the host puts the settings.
const SETTINGS: usize = 0x8400_0000;

/// Runs the board for ever.
#[riscv_rt::entry]
fn main() -> ! {
    stack::paint();
    guard::protect();
    time_driver::start();
    plic::start();
    // SAFETY: no critical section relies on masked interrupts before this line.
    unsafe { riscv::interrupt::enable() };
    executor::run(|spawner| match boot(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => stop(&"the board's task runs already"),
    })
}

#[embassy_executor::task]
async fn boot(spawner: Spawner) {
    let device = match VirtioNet::take() {
        Ok(device) => device,
        Err(error) => stop(&error),
    };
    let region = core::ptr::with_exposed_provenance(SETTINGS);
    // SAFETY: the machine has 128 MB of memory from 0x8000_0000 on, and the linker script uses the first two. The host filled this
    // place before the processor started, and nothing writes to it afterwards.
    let region = unsafe { &*region };
    let machine = Machine { kind: env!("CARGO_PKG_NAME"), region, uart: uart::start(), device, drive };
    board_qemu::run(spawner, machine).await;
}

#[embassy_executor::task]
async fn drive(mut runner: embassy_net::Runner<'static, VirtioNet>) -> ! {
    runner.run().await
}
