//! Firmware for a Raspberry Pi Pico 2 with W5500 Ethernet: a Maelstrom node.
#![no_std]
#![no_main]

mod chip;
mod ethernet;

use core::convert::Infallible;
use core::ops::Range;

use board_support::component::Component;
use board_support::entropy::{self, NoEntropy, RAW};
use board_support::node::Product;
use board_support::program::{self, LeafCell, Machine, Setup, Tasks};
use board_support::provision::{Partition, Source};
use board_support::{executor, reset, watchdog};
use defmt_rtt as _;
use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_executor::Spawner;
use embassy_rp::flash::{Blocking, Flash};
use embassy_rp::peripherals::{DMA_CH0, DMA_CH1, FLASH, TRNG, UART0};
use embassy_rp::trng::{self, Trng};
use embassy_rp::uart::{self, BufferedUart};
use embassy_rp::{Peripherals, bind_interrupts, dma};
use embassy_time::{Duration, with_timeout};
use node_embedded::Runner;
use rand_chacha::ChaCha20Rng;
use static_cell::ConstStaticCell;

use crate::chip::Watchdog;
use crate::ethernet::{Device, Ethernet, Wires};

/// The flash that this board uses: all that a W5500-EVB-Pico2 has.
const FLASH_SIZE: usize = 2 << 20;
/// Where a blob may lie.
const PARTITION: Range<u32> = 0x1e_0000..0x1e_4000;
/// Where the node keeps its records.
const RECORDS: Range<u32> = 0x1f_0000..0x20_0000;
/// Longest wait for random numbers, which take some milliseconds.
const ENTROPY_TIMEOUT: Duration = Duration::from_secs(5);

type BoardFlash = BlockingAsync<Flash<'static, FLASH, Blocking, FLASH_SIZE>>;
type Failure = program::Failure<embassy_rp::flash::Error>;

bind_interrupts!(struct Irqs {
    DMA_IRQ_0 => dma::InterruptHandler<DMA_CH0>, dma::InterruptHandler<DMA_CH1>;
    TRNG_IRQ => trng::InterruptHandler<TRNG>;
    UART0_IRQ => uart::BufferedInterruptHandler<UART0>;
});

#[cortex_m_rt::entry]
fn main() -> ! {
    let chip = embassy_rp::init(Default::default());
    executor::run(|spawner| match board(spawner, chip) {
        Ok(task) => spawner.spawn(task),
        Err(_) => chip::reset(),
    })
}

#[embassy_executor::task]
async fn board(spawner: Spawner, chip: Peripherals) {
    let Err(failure) = run(spawner, chip).await;
    program::give_up(&failure).await;
    chip::reset()
}

async fn run(spawner: Spawner, chip: Peripherals) -> Result<Infallible, Failure> {
    static SENT: ConstStaticCell<[u8; 64]> = ConstStaticCell::new([0; 64]);
    static RECEIVED: ConstStaticCell<[u8; 512]> = ConstStaticCell::new([0; 512]);

    let leaf = program::leaf();
    let watchdog = Watchdog::start(chip.WATCHDOG);
    reset::log(watchdog.cause());
    spawner.spawn(guard(watchdog, leaf)?);

    let mut raw = [0; RAW];
    let mut trng = Trng::new(chip.TRNG, Irqs, Default::default());
    with_timeout(ENTROPY_TIMEOUT, trng.fill_bytes(&mut raw)).await.map_err(|_| NoEntropy)?;
    let rng = entropy::generator(&raw)?;

    let wires = Wires {
        spi: chip.SPI0,
        clock: chip.PIN_18,
        to_chip: chip.PIN_19,
        from_chip: chip.PIN_16,
        select: chip.PIN_17,
        interrupt: chip.PIN_21,
        reset: chip.PIN_20,
        dma: (chip.DMA_CH0, chip.DMA_CH1),
    };
    let (device, ethernet) =
        ethernet::start(wires, chip::hardware_address()).await.map_err(Failure::Device)?;
    spawner.spawn(drive_ethernet(ethernet)?);

    let (sent, received) = (SENT.take(), RECEIVED.take());
    let line =
        BufferedUart::new(chip.UART0, chip.PIN_0, chip.PIN_1, Irqs, sent, received, Default::default());
    let setup = Setup {
        kind: env!("CARGO_PKG_NAME"),
        rng,
        flash: BlockingAsync::new(Flash::new_blocking(chip.FLASH)),
        records: RECORDS,
        source: Source { partition: Partition::Flash(PARTITION), line, lacks: |_| None },
        product: Product::default(),
    };
    let ready = program::prepare(setup).await?;
    let application = Component::new(ready.settings.name, leaf);
    let machine = Machine { ready, device, application, leaf };
    program::start(spawner, machine, Tasks { network: drive_network, node: drive_node }).await?;
    // A product does its own work from here on, with the handle that this returns.
    core::future::pending().await
}

#[embassy_executor::task]
async fn drive_ethernet(ethernet: Ethernet) -> ! {
    ethernet.run().await
}

#[embassy_executor::task]
async fn drive_network(mut runner: embassy_net::Runner<'static, Device>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn drive_node(mut runner: Runner<'static, ChaCha20Rng, BoardFlash, Component>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn guard(mut watchdog: Watchdog, leaf: LeafCell) -> ! {
    watchdog::guard(leaf, || watchdog.feed()).await
}
