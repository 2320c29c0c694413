//! Firmware for QEMU's mps2-an386.
#![no_std]
#![no_main]

mod boots;
mod entropy;
mod executor;
mod fault;
mod flash;
mod interrupts;
mod lan9118;
mod network;
mod register;
mod settings;
mod stack;
mod stop;
mod time_driver;

use core::convert::Infallible;
use core::fmt;
use core::net::SocketAddrV4;

use cortex_m_rt::entry;
use defmt::{info, warn};
use defmt_semihosting as _;
use embassy_executor::Spawner;
use embassy_net::Stack;
use embassy_net::tcp::TcpSocket;
use embassy_time::{Duration, Timer};
use rand_core::RngCore;

use crate::flash::HostFlash;
use crate::lan9118::Lan9118;
use crate::stop::stop;

#[entry]
fn main() -> ! {
    time_driver::start();
    executor::run(|spawner| match node(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => stop(&"the node's task runs already"),
    })
}

#[embassy_executor::task]
async fn node(spawner: Spawner) {
    let Err(failure) = run(spawner).await;
    stop(&failure)
}

async fn run(spawner: Spawner) -> Result<Infallible, Failure> {
    let settings = settings::read().map_err(Failure::Settings)?;
    let mut rng = entropy::generator().map_err(Failure::Entropy)?;
    let mut flash = HostFlash::open().map_err(Failure::Flash)?;
    info!("{} of cluster {}", settings.name, settings.cluster);
    match boots::count(&mut flash).await {
        Ok(count) => info!("boot {}", count),
        // A count is not worth a stop: the node works without.
        Err(error) => warn!("boots are not counted: {}", defmt::Debug2Format(&error)),
    }
    let device = Lan9118::take().map_err(Failure::Device)?;
    let network =
        network::start(spawner, device, settings.ip, rng.next_u64()).await.map_err(Failure::Network)?;
    if let Some(config) = network.config_v4() {
        info!("address {}", config.address);
    }
    loop {
        if let Some(hub) = settings.hubs.first() {
            greet(network, *hub).await;
        }
        let busy = Duration::from_micros(executor::busy() / 25);
        info!("stack {} of {} bytes, busy {} ms", stack::used(), stack::size(), busy.as_millis());
        Timer::after_secs(1).await;
    }
}

/// Opens a connection and waits for the peer to end it.
async fn greet(network: Stack<'static>, hub: SocketAddrV4) {
    let (mut rx, mut tx) = ([0; 512], [0; 512]);
    let mut socket = TcpSocket::new(network, &mut rx, &mut tx);
    socket.set_timeout(Some(Duration::from_secs(10)));
    match socket.connect(hub).await {
        Ok(()) => info!("connected to {}", hub),
        Err(error) => return warn!("no connection to {}: {}", hub, error),
    }
    while socket.read(&mut [0; 64]).await.is_ok_and(|length| length > 0) {}
}

/// Why the board does not run.
#[derive(Debug)]
enum Failure {
    Device(lan9118::Error),
    Entropy(entropy::Unavailable),
    Flash(flash::Error),
    Network(network::Error),
    Settings(board_settings::Error),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(error) => error.fmt(f),
            Self::Entropy(error) => error.fmt(f),
            Self::Flash(error) => error.fmt(f),
            Self::Network(error) => error.fmt(f),
            Self::Settings(error) => error.fmt(f),
        }
    }
}
