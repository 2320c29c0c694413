//! The 16550 UART, polled.
//!
//! Source: QEMU, `hw/char/serial.c`; the registers are bytes.

use board_support::serial::Uart;

const UART: usize = 0x1000_0000;
/// Receiver buffer, and transmitter holding register.
const DATA: usize = UART;
/// Line status register.
const STATUS: usize = UART + 5;

const RECEIVED: u8 = 1;
const SEND_EMPTY: u8 = 1 << 5;

/// The UART, as QEMU resets it.
pub fn start() -> Uart {
    Uart { receive, send }
}

fn receive() -> Option<u8> {
    (read(STATUS) & RECEIVED != 0).then(|| read(DATA))
}

fn send(byte: u8) -> Option<()> {
    if read(STATUS) & SEND_EMPTY == 0 {
        return None;
    }
    // SAFETY: the machine maps this register here, and writing it touches no memory.
    unsafe { core::ptr::with_exposed_provenance_mut::<u8>(DATA).write_volatile(byte) };
    Some(())
}

fn read(register: usize) -> u8 {
    // SAFETY: the machine maps both registers here, for reads of a byte.
    unsafe { core::ptr::with_exposed_provenance::<u8>(register).read_volatile() }
}
