//! Driver for the LAN9118 Ethernet controller.
//!
//! Source: SMSC LAN9118 data sheet, chapters 3 (FIFOs, transmit and receive formats) and 5 (registers).

use core::task::Context;

use board_qemu::register::Register;
use cortex_m_rt::interrupt;
use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;
use thiserror::Error;

use crate::interrupts::{self, Interrupt, Interrupt as interrupt};
use crate::machine;

/// The controller's registers; 32-bit accesses only.
const fn register(offset: usize) -> Register {
    assert!(offset < 0x100 && offset.is_multiple_of(4));
    // SAFETY: the machine maps the controller's 256 bytes of registers here; it does no DMA.
    unsafe { Register::at(machine::ETHERNET + offset) }
}

const RX_DATA: Register = register(0x00);
const TX_DATA: Register = register(0x20);
const RX_STATUS: Register = register(0x40);
const TX_STATUS: Register = register(0x48);
const IRQ_CFG: Register = register(0x54);
const INT_STS: Register = register(0x58);
const INT_EN: Register = register(0x5c);
const BYTE_TEST: Register = register(0x64);
const FIFO_INT: Register = register(0x68);
const RX_CFG: Register = register(0x6c);
const TX_CFG: Register = register(0x70);
const HW_CFG: Register = register(0x74);
const RX_FIFO_INF: Register = register(0x7c);
const TX_FIFO_INF: Register = register(0x80);
const MAC_COMMAND: Register = register(0xa4);
const MAC_DATA: Register = register(0xa8);

/// Frames are waiting in the receive FIFO.
const RX_FRAMES: u32 = 1 << 3;

const MAC_CR: u32 = 1;
const MAC_ADDRH: u32 = 2;
const MAC_ADDRL: u32 = 3;

/// Longest Ethernet frame without its check sequence, in bytes.
const MTU: usize = 1514;
/// The check sequence behind each received frame, in bytes.
const FCS: usize = 4;
/// Two command words before each frame, and its last word filled up, in bytes.
const TX_OVERHEAD: usize = 8 + 3;

/// Polls of a register after which the driver declares the controller broken.
const MAX_POLLS: u32 = 100_000;

static FRAME_WAITING: AtomicWaker = AtomicWaker::new();

/// Room for one frame in each direction. The controller's FIFOs hold further ones. The buffers are static, because
/// moving a driver that holds them takes 3 KB of stack each time.
static FRAMES: ConstStaticCell<[[u8; MTU]; 2]> = ConstStaticCell::new([[0; MTU]; 2]);

/// The controller.
pub struct Lan9118 {
    address: [u8; 6],
    rx: &'static mut [u8; MTU],
    tx: &'static mut [u8; MTU],
}

impl Lan9118 {
    /// Resets the controller and starts it, with the MAC address that it has.
    ///
    /// # Errors
    ///
    /// [`Error`]. After `Taken` the controller continues to work for its owner.
    pub fn take() -> Result<Self, Error> {
        let [rx, tx] = FRAMES.try_take().ok_or(Error::Taken)?;
        if BYTE_TEST.read() != 0x8765_4321 {
            return Err(Error::Absent);
        }
        HW_CFG.write(1); // soft reset
        settled(|| HW_CFG.read() & 1 == 0)?;
        HW_CFG.write(1 << 20 | 5 << 16); // store and forward (must be one), 5 KB for the transmit FIFO
        INT_EN.write(0);
        INT_STS.write(u32::MAX);
        IRQ_CFG.write(1 << 8 | 1 << 4 | 1); // enabled, active high, push-pull
        FIFO_INT.write(0); // interrupt as soon as one frame waits
        RX_CFG.write(0);
        TX_CFG.write(1 << 1); // transmitter on
        let [a0, a1, a2, a3] = mac_read(MAC_ADDRL)?.to_le_bytes();
        let [a4, a5, ..] = mac_read(MAC_ADDRH)?.to_le_bytes();
        let full_duplex = 1 << 20;
        let transmit_and_receive = 1 << 3 | 1 << 2;
        mac_write(MAC_CR, mac_read(MAC_CR)? | full_duplex | transmit_and_receive)?;
        INT_EN.write(RX_FRAMES);
        interrupts::enable(Interrupt::ETHERNET);
        Ok(Self { address: [a0, a1, a2, a3, a4, a5], rx, tx })
    }
}

#[interrupt]
fn ETHERNET() {
    // The line stays high while frames wait. The interrupt is off until the driver has emptied the FIFO.
    INT_EN.write(0);
    FRAME_WAITING.wake();
}

impl Driver for Lan9118 {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        FRAME_WAITING.register(cx.waker());
        if !tx_has_room() {
            cx.waker().wake_by_ref();
            return None;
        }
        loop {
            if !frame_waits() {
                // A frame that arrives after this line raises the interrupt, which the next two lines enable.
                INT_STS.write(RX_FRAMES);
                INT_EN.write(RX_FRAMES);
                if !frame_waits() {
                    return None;
                }
            }
            if let Some(length) = read_frame(self.rx) {
                let (frame, _) = self.rx.split_at_mut(length);
                return Some((RxToken(frame), TxToken(self.tx)));
            }
        }
    }

    fn transmit(&mut self, cx: &mut Context<'_>) -> Option<TxToken<'_>> {
        if !tx_has_room() {
            // The FIFO drains within microseconds: asking again is cheaper than an interrupt.
            cx.waker().wake_by_ref();
            return None;
        }
        Some(TxToken(self.tx))
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MTU;
        // A limit would cap the TCP window: with one frame, a transfer of 6 KB takes 50 ms instead of 2.
        capabilities.max_burst_size = None;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.address)
    }
}

/// A received frame.
pub struct RxToken<'a>(&'a mut [u8]);

impl embassy_net_driver::RxToken for RxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        read(self.0)
    }
}

/// Room for a frame to send.
pub struct TxToken<'a>(&'a mut [u8; MTU]);

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let (frame, _) = self.0.split_at_mut(length.min(MTU));
        let result = fill(frame);
        send_frame(frame);
        result
    }
}

fn frame_waits() -> bool {
    RX_FIFO_INF.read() >> 16 & 0xff != 0
}

fn tx_has_room() -> bool {
    (TX_FIFO_INF.read() & 0xffff) as usize >= MTU + TX_OVERHEAD
}

/// Takes one frame out of the FIFO and returns its length; `None` when it is damaged or does not fit.
fn read_frame(out: &mut [u8; MTU]) -> Option<usize> {
    let status = RX_STATUS.read();
    let bytes = (status >> 16 & 0x3fff) as usize;
    let damaged = status & 1 << 15 != 0;
    let length = bytes.checked_sub(FCS).filter(|length| *length <= MTU && !damaged);
    let mut words = out.chunks_mut(4);
    for _ in 0..bytes.div_ceil(4) {
        let data = RX_DATA.read().to_le_bytes();
        // The last words may hold the check sequence only, and a bad frame may be longer than `out`.
        if let Some(word) = words.next() {
            word.iter_mut().zip(data).for_each(|(byte, data)| *byte = data);
        }
    }
    length
}

fn send_frame(frame: &[u8]) {
    let length = frame.len() as u32; // at most MTU
    TX_DATA.write(1 << 13 | 1 << 12 | length); // first and last segment
    TX_DATA.write(length);
    for bytes in frame.chunks(4) {
        let mut word = [0; 4];
        word.iter_mut().zip(bytes).for_each(|(word, byte)| *word = *byte);
        TX_DATA.write(u32::from_le_bytes(word));
    }
    // The status of each frame is discarded: a full status FIFO would stop the transmitter.
    for _ in 0..TX_FIFO_INF.read() >> 16 & 0xff {
        TX_STATUS.read();
    }
}

const MAC_BUSY: u32 = 1 << 31;
const MAC_READ: u32 = 1 << 30;

fn mac_read(index: u32) -> Result<u32, Error> {
    MAC_COMMAND.write(MAC_BUSY | MAC_READ | index);
    settled(|| MAC_COMMAND.read() & MAC_BUSY == 0)?;
    Ok(MAC_DATA.read())
}

fn mac_write(index: u32, value: u32) -> Result<(), Error> {
    MAC_DATA.write(value);
    MAC_COMMAND.write(MAC_BUSY | index);
    settled(|| MAC_COMMAND.read() & MAC_BUSY == 0)
}

fn settled(mut ready: impl FnMut() -> bool) -> Result<(), Error> {
    (0..MAX_POLLS).any(|_| ready()).then_some(()).ok_or(Error::Stuck)
}

/// Why the controller cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// No LAN9118 answers at its address.
    #[error("no LAN9118 Ethernet controller at its address")]
    Absent,
    /// It does not finish an operation.
    #[error("the LAN9118 Ethernet controller does not answer")]
    Stuck,
    /// It has been taken before.
    #[error("the LAN9118 Ethernet controller is in use")]
    Taken,
}
