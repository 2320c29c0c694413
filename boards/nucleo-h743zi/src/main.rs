//! Firmware for ST's NUCLEO-H743ZI2: a Maelstrom node.
#![no_std]
#![no_main]

mod chip;
mod flash;

use core::convert::Infallible;
use core::ops::Range;

use board_support::component::Component;
use board_support::entropy::{self, RAW};
use board_support::network::hardware_address;
use board_support::node::Product;
use board_support::program::{self, LeafCell, Machine, Setup, Tasks};
use board_support::provision::{Partition, Source};
use board_support::{executor, reset, watchdog};
use defmt_rtt as _;
use embassy_executor::Spawner;
use embassy_stm32::eth::{self, Ethernet, GenericPhy, PacketQueue, Sma};
use embassy_stm32::peripherals::{ETH, ETH_SMA, RNG, USART3};
use embassy_stm32::rng::{self, Rng};
use embassy_stm32::usart::{self, BufferedUart};
use embassy_stm32::{Peripherals, bind_interrupts, uid};
use node_embedded::Runner;
use rand_chacha::ChaCha20Rng;
use static_cell::{ConstStaticCell, StaticCell};

use crate::chip::Watchdog;
use crate::flash::BankFlash;

/// Where a blob may lie: the sixth sector of the second bank.
const PARTITION: Range<u32> = 0x1a_0000..0x1a_4000;
/// Where the node keeps its records: the last two sectors, of 128 KiB each.
const RECORDS: Range<u32> = 0x1c_0000..0x20_0000;
/// Packets that wait, in each direction.
const PACKETS: usize = 4;

type Device = Ethernet<'static, ETH, GenericPhy<Sma<'static, ETH_SMA>>>;
type Failure = program::Failure<embassy_stm32::flash::Error>;

bind_interrupts!(struct Irqs {
    ETH => eth::InterruptHandler;
    RNG => rng::InterruptHandler<RNG>;
    USART3 => usart::BufferedInterruptHandler<USART3>;
});

#[cortex_m_rt::entry]
fn main() -> ! {
    let chip = chip::init();
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
    static QUEUE: StaticCell<PacketQueue<PACKETS, PACKETS>> = StaticCell::new();

    reset::log(chip::cause());
    let leaf = program::leaf();
    spawner.spawn(guard(Watchdog::start(chip.IWDG1), leaf)?);

    let mut raw = [0; RAW];
    let filled = Rng::new(chip.RNG, Irqs).async_fill_bytes(&mut raw).await;
    filled.map_err(|_| Failure::Device("the chip's random number generator does not work"))?;
    let rng = entropy::generator(&raw)?;

    let queue = QUEUE.init_with(PacketQueue::new);
    let address = hardware_address(&uid::uid());
    #[rustfmt::skip]
    let device = Ethernet::new(
        queue, chip.ETH, Irqs,
        chip.PA1, chip.PA7, chip.PC4, chip.PC5, chip.PG13, chip.PB13, chip.PG11,
        address,
        chip.ETH_SMA, chip.PA2, chip.PC1,
    );

    let (sent, received) = (SENT.take(), RECEIVED.take());
    let line = BufferedUart::new(chip.USART3, chip.PD9, chip.PD8, sent, received, Irqs, Default::default());
    let line = line.map_err(|_| Failure::Device("the serial line cannot have this speed"))?;
    let setup = Setup {
        kind: env!("CARGO_PKG_NAME"),
        rng,
        flash: BankFlash::new(chip.FLASH),
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
async fn drive_network(mut runner: embassy_net::Runner<'static, Device>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn drive_node(mut runner: Runner<'static, ChaCha20Rng, BankFlash, Component>) -> ! {
    runner.run().await
}

#[embassy_executor::task]
async fn guard(mut watchdog: Watchdog, leaf: LeafCell) -> ! {
    watchdog::guard(leaf, || watchdog.feed()).await
}
