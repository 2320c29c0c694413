//! The first CMSDK UART, polled.
//!
//! Source: Arm Cortex-M System Design Kit, technical reference manual, chapter 4.3; QEMU, `hw/char/cmsdk-apb-uart.c`.

use board_qemu::register::Register;
use board_support::serial::Uart;

use crate::machine;

/// The UART's registers.
const fn register(offset: usize) -> Register {
    assert!(offset <= 0x10 && offset.is_multiple_of(4));
    // SAFETY: the machine maps the five registers of the UART here; it does no DMA.
    unsafe { Register::at(machine::UART + offset) }
}

const DATA: Register = register(0x00);
const STATE: Register = register(0x04);
const CONTROL: Register = register(0x08);
const DIVISOR: Register = register(0x10);

const SEND_FULL: u32 = 1;
const RECEIVE_FULL: u32 = 1 << 1;

/// Starts the UART with 115,200 bits a second.
pub fn start() -> Uart {
    DIVISOR.write((machine::CLOCK_HZ / 115_200) as u32);
    // The sender and the receiver, no interrupts.
    CONTROL.write(1 | 1 << 1);
    Uart { receive, send }
}

fn receive() -> Option<u8> {
    (STATE.read() & RECEIVE_FULL != 0).then(|| DATA.read() as u8)
}

fn send(byte: u8) -> Option<()> {
    (STATE.read() & SEND_FULL == 0).then(|| DATA.write(byte.into()))
}
