//! Arm's MPS2 boards, as QEMU emulates them: three processors with the same devices at different addresses.
//!
//! | module | idea |
//! |---|---|
//! | `machine` | where each machine has its devices |
//! | `interrupts` | the interrupts and their table |
//! | `time_driver` | the clock, on two timers |
//! | `lan9118` | the Ethernet controller |
//! | `uart` | the serial line |
#![no_std]

mod interrupts;
mod lan9118;
mod machine;
mod time_driver;
mod uart;

use board_qemu::{Machine, stop};
use embassy_executor::Spawner;

use crate::lan9118::Lan9118;

/// Runs the board for ever. A second call panics.
pub fn run() -> ! {
    time_driver::start();
    board_support::executor::run(|spawner| match boot(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => stop(&"the board's task runs already"),
    })
}

#[embassy_executor::task]
async fn boot(spawner: Spawner) {
    let device = match Lan9118::take() {
        Ok(device) => device,
        Err(error) => stop(&error),
    };
    let region = core::ptr::with_exposed_provenance(machine::SETTINGS);
    // SAFETY: the machine has 16 MB of PSRAM from this address on, which neither the linker script nor anything else uses. The host
    // filled it before the processor started, and nothing writes to it afterwards.
    let region = unsafe { &*region };
    let machine = Machine { kind: machine::KIND, region, uart: uart::start(), device, drive };
    board_qemu::run(spawner, machine).await;
}

#[embassy_executor::task]
async fn drive(mut runner: embassy_net::Runner<'static, Lan9118>) -> ! {
    runner.run().await
}
