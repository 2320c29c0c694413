//! Firmware for an ESP32-C6 with Wi-Fi: a Maelstrom node.
#![no_std]
#![no_main]

mod chip;
mod descriptor;
mod wifi;

use core::convert::Infallible;
use core::ops::Range;

use board_support::component::Component;
use board_support::entropy::{self, RAW};
use board_support::node::Product;
use board_support::program::{self, LeafCell, Machine, Setup, Tasks};
use board_support::provision::{Partition, Source};
use board_support::{heap, reset, watchdog};
use embassy_embedded_hal::adapter::BlockingAsync;
use embassy_executor::Spawner;
use esp_hal::clock::CpuClock;
use esp_hal::rng::{Trng, TrngSource};
use esp_hal::timer::timg::TimerGroup;
use esp_hal::usb::usb_serial_jtag::UsbSerialJtag;
use esp_println as _;
use esp_radio::wifi::{Interface, WifiController};
use esp_storage::{FlashStorage, FlashStorageError};
use node_embedded::Runner;
use rand_chacha::ChaCha20Rng;

use crate::chip::Watchdog;

/// The partition `blob` of partitions.csv.
const PARTITION: Range<u32> = 0x21_0000..0x21_4000;
/// The partition `records`.
const RECORDS: Range<u32> = 0x22_0000..0x23_0000;

/// Bytes of the heap that are the radio's.
const RADIO_HEAP: usize = 72 * 1024;

type BoardFlash = BlockingAsync<FlashStorage<'static>>;
type Failure = program::Failure<FlashStorageError>;

#[esp_rtos::main]
async fn main(spawner: Spawner) {
    let Err(failure) = run(spawner).await;
    program::give_up(&failure).await;
    chip::reset()
}

async fn run(spawner: Spawner) -> Result<Infallible, Failure> {
    const NO_RADIO: Failure = Failure::Device("the radio does not start");

    let chip = esp_hal::init(esp_hal::Config::default().with_cpu_clock(CpuClock::max()));
    // The radio and the TLS server of a hub share it.
    esp_alloc::heap_allocator!(size: RADIO_HEAP + heap::SIZE);
    esp_rtos::start(TimerGroup::new(chip.TIMG0).timer0, chip.FROM_CPU_INTR0);

    reset::log(chip::cause());
    let leaf = program::leaf();
    spawner.spawn(guard(Watchdog::start(chip.TIMG1), leaf)?);

    let mut raw = [0; RAW];
    let source = TrngSource::new(chip.RNG, chip.ADC1);
    Trng::try_new()
        .map_err(|_| Failure::Device("the chip's random number generator does not work"))?
        .read(&mut raw);
    drop(source);
    let rng = entropy::generator(&raw)?;

    let line = UsbSerialJtag::new(chip.USB_DEVICE).into_async();
    let setup = Setup {
        kind: env!("CARGO_PKG_NAME"),
        rng,
        flash: BlockingAsync::new(FlashStorage::new(chip.FLASH)),
        records: RECORDS,
        source: Source { partition: Partition::Flash(PARTITION), line, lacks: wifi::lacks },
        product: Product::default(),
    };
    let ready = program::prepare(setup).await?;

    let controller = wifi::start(chip.WIFI, ready.settings).map_err(|_| NO_RADIO)?;
    let device = Interface::try_station().ok_or(NO_RADIO)?;
    spawner.spawn(stay_joined(controller)?);
    let application = Component::new(ready.settings.name, leaf);
    let machine = Machine { ready, device, application, leaf };
    program::start(spawner, machine, Tasks { network: drive_network, node: drive_node }).await?;
    // A product does its own work from here on, with the handle that this returns.
    core::future::pending().await
}

#[embassy_executor::task]
async fn stay_joined(controller: WifiController<'static>) -> ! {
    wifi::stay_joined(controller).await
}

#[embassy_executor::task]
async fn drive_network(mut runner: embassy_net::Runner<'static, Interface>) -> ! {
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
