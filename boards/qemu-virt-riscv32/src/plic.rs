//! The platform-level interrupt controller. Source: RISC-V PLIC specification 1.0.

use board_qemu::register::Register;
use riscv::interrupt::Interrupt;

use crate::network;

const fn register(offset: usize) -> Register {
    // SAFETY: the machine maps the controller here; it touches no memory.
    unsafe { Register::at(0x0c00_0000 + offset) }
}

/// Interrupts of the devices, one bit each, that reach this processor.
const ENABLED: Register = register(0x2000);
const THRESHOLD: Register = register(0x20_0000);
const CLAIM: Register = register(0x20_0004);

/// Lets the devices' interrupts through.
pub fn start() {
    ENABLED.write(0);
    THRESHOLD.write(0);
    // SAFETY: no critical section relies on this interrupt being off: each turns off all of them.
    unsafe { riscv::register::mie::set_mext() };
}

/// Lets the interrupt of a device through, below 32, until it has come once.
pub fn enable(device: usize) {
    register(4 * device).write(1);
    ENABLED.write(1 << device);
}

#[riscv_rt::core_interrupt(Interrupt::MachineExternal)]
fn external() {
    let device = CLAIM.read();
    // The line stays high until the driver has asked the device: it is off until then.
    ENABLED.write(0);
    CLAIM.write(device);
    network::wake();
}
