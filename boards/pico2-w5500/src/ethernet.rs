//! The W5500 on its wires.

use embassy_net_wiznet::chip::W5500;
use embassy_net_wiznet::{Runner, State};
use embassy_rp::Peri;
use embassy_rp::gpio::{Input, Level, Output, Pull};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, PIN_16, PIN_17, PIN_18, PIN_19, PIN_20, PIN_21, SPI0};
use embassy_rp::spi::{Async, Config, Spi};
use embassy_time::Delay;
use embedded_hal_bus::spi::ExclusiveDevice;
use static_cell::StaticCell;

use crate::Irqs;

/// The clock of the wires, in Hz: the most that the W5500's data sheet guarantees.
const CLOCK: u32 = 33_300_000;
/// Packets that wait, in each direction.
const PACKETS: usize = 2;

/// The network's device.
pub type Device = embassy_net_wiznet::Device<'static>;
/// What drives it.
pub type Ethernet = Runner<'static, W5500, Bus, Input<'static>, Output<'static>>;
type Bus = ExclusiveDevice<Spi<'static, SPI0, Async>, Output<'static>, Delay>;

/// The wires of the W5500, as a W5500-EVB-Pico2 has them.
pub struct Wires {
    pub spi: Peri<'static, SPI0>,
    pub clock: Peri<'static, PIN_18>,
    pub to_chip: Peri<'static, PIN_19>,
    pub from_chip: Peri<'static, PIN_16>,
    pub select: Peri<'static, PIN_17>,
    pub interrupt: Peri<'static, PIN_21>,
    pub reset: Peri<'static, PIN_20>,
    pub dma: (Peri<'static, DMA_CH0>, Peri<'static, DMA_CH1>),
}

/// Starts the W5500 with this hardware address. A second call panics.
///
/// # Errors
///
/// It does not answer as a W5500 does.
pub async fn start(wires: Wires, address: [u8; 6]) -> Result<(Device, Ethernet), &'static str> {
    static STATE: StaticCell<State<PACKETS, PACKETS>> = StaticCell::new();

    const SILENT: &str = "the W5500 does not answer: look at its wires and its supply";
    let Wires { spi, clock, to_chip, from_chip, select, interrupt, reset, dma } = wires;
    let mut config = Config::default();
    config.frequency = CLOCK;
    let spi = Spi::new(spi, clock, to_chip, from_chip, dma.0, dma.1, Irqs, config);
    let bus = ExclusiveDevice::new(spi, Output::new(select, Level::High), Delay).map_err(|_| SILENT)?;
    let interrupt = Input::new(interrupt, Pull::Up);
    let reset = Output::new(reset, Level::High);
    let state = STATE.init_with(State::new);
    embassy_net_wiznet::new(address, state, bus, interrupt, reset).await.map_err(|_| SILENT)
}
