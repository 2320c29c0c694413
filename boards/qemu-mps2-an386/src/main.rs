//! Firmware for QEMU's mps2-an386: a Maelstrom node.
#![no_std]
#![no_main]

mod component;
mod entropy;
mod executor;
mod fault;
mod flash;
mod hub_rules;
mod interrupts;
mod lan9118;
mod network;
mod node;
mod register;
mod request;
mod settings;
mod stack;
mod stop;
mod time_driver;

use core::convert::Infallible;

use cortex_m_rt::entry;
use defmt::info;
use defmt_semihosting as _;
use embassy_executor::Spawner;
use rand_core::RngCore;
use thiserror::Error;

use crate::flash::HostFlash;
use crate::lan9118::Lan9118;
use crate::node::Hardware;
use crate::stop::stop;

#[entry]
fn main() -> ! {
    time_driver::start();
    executor::run(|spawner| match boot(spawner) {
        Ok(task) => spawner.spawn(task),
        Err(_) => stop(&"the board's task runs already"),
    })
}

#[embassy_executor::task]
async fn boot(spawner: Spawner) {
    let Err(failure) = run(spawner).await;
    stop(&failure)
}

/// Starts the parts of the board one by one, then makes the requests of the settings.
async fn run(spawner: Spawner) -> Result<Infallible, Failure> {
    let settings = settings::read().map_err(Failure::Settings)?;
    info!("{} of cluster {}", settings.name, settings.cluster);
    let mut rng = entropy::generator().map_err(Failure::Entropy)?;
    let flash = HostFlash::open().map_err(Failure::Flash)?;
    let device = Lan9118::take().map_err(Failure::Device)?;
    let network =
        network::start(spawner, device, settings.ip, rng.next_u64()).await.map_err(Failure::Network)?;
    if let Some(config) = network.config_v4() {
        info!("address {}", config.address);
    }
    let request = settings.request;
    let leaf =
        node::start(spawner, settings, Hardware { network, rng, flash }).await.map_err(Failure::Node)?;
    info!("the processor was busy for {} us before it dialled", executor::busy_micros());
    leaf.linked().await;
    info!("the processor was busy for {} us when it was linked", executor::busy_micros());
    match request {
        Some(request) => request::repeat(leaf, request).await,
        None => core::future::pending().await,
    }
}

/// Why the board does not run.
#[derive(Debug, Error)]
enum Failure {
    #[error(transparent)]
    Device(lan9118::Error),
    #[error(transparent)]
    Entropy(entropy::Unavailable),
    #[error(transparent)]
    Flash(flash::Error),
    #[error(transparent)]
    Network(network::Error),
    #[error(transparent)]
    Node(node::Error),
    #[error(transparent)]
    Settings(board_settings::Error),
}
