//! The network: a virtio device. Source: Virtual I/O Device specification 1.2, section 5.1.

mod dma;

use core::ptr::NonNull;
use core::task::Context;

use embassy_net_driver::{Capabilities, Driver, HardwareAddress, LinkState};
use embassy_sync::waitqueue::AtomicWaker;
use static_cell::ConstStaticCell;
use thiserror::Error;
use virtio_drivers::device::net::VirtIONetRaw;
use virtio_drivers::transport::mmio::MmioTransport;
use virtio_drivers::transport::{DeviceType, Transport};

use crate::network::dma::Pool;
use crate::plic;

/// The first of the places for devices, the distance to the next one, and how many there are.
const PLACES: usize = 0x1000_1000;
const PLACE: usize = 0x1000;
const PLACE_COUNT: usize = 8;

/// Frames that may wait in each direction.
const QUEUE: usize = 4;

/// Longest Ethernet frame without its check sequence, in bytes.
const MTU: usize = 1514;
/// The header that virtio puts before each frame, in bytes.
const HEADER: usize = 12;

type Buffer = [u8; HEADER + MTU];

static BUFFERS: ConstStaticCell<[Buffer; QUEUE]> = ConstStaticCell::new([[0; HEADER + MTU]; QUEUE]);
static OUTGOING: ConstStaticCell<[u8; MTU]> = ConstStaticCell::new([0; MTU]);

static FRAME_WAITING: AtomicWaker = AtomicWaker::new();

/// Wakes the driver: the device has something to say.
pub fn wake() {
    FRAME_WAITING.wake();
}

/// The device.
pub struct VirtioNet {
    device: Device,
    interrupt: usize,
    /// The buffers for frames that arrive, each with its token while the device has it.
    buffers: [(&'static mut Buffer, Option<u16>); QUEUE],
    outgoing: &'static mut [u8; MTU],
}

type Device = VirtIONetRaw<Pool, MmioTransport<'static>, QUEUE>;

impl VirtioNet {
    /// Finds the device and starts it.
    ///
    /// # Errors
    ///
    /// [`Error`].
    pub fn take() -> Result<Self, Error> {
        let buffers = BUFFERS.try_take().ok_or(Error::Taken)?.each_mut().map(|buffer| (buffer, None));
        let outgoing = OUTGOING.try_take().ok_or(Error::Taken)?;
        let (place, transport) = find().ok_or(Error::Absent)?;
        let device = Device::new(transport).map_err(Error::Device)?;
        // The places' interrupts begin at 1.
        let mut network = Self { device, interrupt: place + 1, buffers, outgoing };
        network.lend();
        plic::enable(network.interrupt);
        Ok(network)
    }

    /// Lends the device the buffers that it does not have.
    fn lend(&mut self) {
        for (buffer, token) in self.buffers.iter_mut().filter(|(_, token)| token.is_none()) {
            // SAFETY: the buffer is static, and nothing touches it until the device gives it back.
            *token = unsafe { self.device.receive_begin(&mut **buffer) }.ok();
        }
    }

    /// Takes a buffer with a frame back, and returns the buffer's place and where the frame lies in it.
    fn take_frame(&mut self) -> Option<(usize, core::ops::Range<usize>)> {
        let token = self.device.poll_receive()?;
        let place = self.buffers.iter().position(|(_, lent)| *lent == Some(token))?;
        let (buffer, lent) = self.buffers.get_mut(place)?;
        *lent = None;
        // SAFETY: this is the buffer that was lent for the token.
        let (header, length) = unsafe { self.device.receive_complete(token, &mut **buffer) }.ok()?;
        Some((place, header..header + length))
    }
}

fn find() -> Option<(usize, MmioTransport<'static>)> {
    (0..PLACE_COUNT).find_map(|place| {
        let header = NonNull::new(core::ptr::with_exposed_provenance_mut(PLACES + place * PLACE))?;
        // SAFETY: the machine has a virtio device, or an empty place for one, at each of these addresses.
        let transport = unsafe { MmioTransport::new(header, PLACE) }.ok()?;
        (transport.device_type() == DeviceType::Network).then_some((place, transport))
    })
}

impl Driver for VirtioNet {
    type RxToken<'a> = RxToken<'a>;
    type TxToken<'a> = TxToken<'a>;

    fn receive(&mut self, cx: &mut Context<'_>) -> Option<(RxToken<'_>, TxToken<'_>)> {
        FRAME_WAITING.register(cx.waker());
        self.lend();
        if self.device.poll_receive().is_none() {
            // A frame that arrives after this line raises the interrupt.
            self.device.ack_interrupt();
            plic::enable(self.interrupt);
        }
        let (place, frame) = self.take_frame()?;
        let Self { device, buffers, outgoing, .. } = self;
        let (buffer, _) = buffers.get_mut(place)?;
        Some((RxToken(buffer.get_mut(frame)?), TxToken { device, outgoing }))
    }

    fn transmit(&mut self, _: &mut Context<'_>) -> Option<TxToken<'_>> {
        Some(TxToken { device: &mut self.device, outgoing: self.outgoing })
    }

    fn link_state(&mut self, _: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.max_transmission_unit = MTU;
        capabilities
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(self.device.mac_address())
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
pub struct TxToken<'a> {
    device: &'a mut Device,
    outgoing: &'a mut [u8; MTU],
}

impl embassy_net_driver::TxToken for TxToken<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, fill: F) -> R {
        let (frame, _) = self.outgoing.split_at_mut(length.min(MTU));
        let result = fill(frame);
        // QEMU takes the frame at once. One that the device refuses is lost, as on any network.
        let _ = self.device.send(frame);
        result
    }
}

/// Why there is no network.
#[derive(Clone, Copy, Debug, Error)]
pub enum Error {
    /// The machine has no such device.
    #[error("no virtio network device: start QEMU with -device virtio-net-device")]
    Absent,
    /// It does not start.
    #[error("the virtio network device does not start: {0}")]
    Device(virtio_drivers::Error),
    /// It has been taken before.
    #[error("the virtio network device is in use")]
    Taken,
}
