//! What emulated boards get from the host by semihosting: entropy, flash, an exit; and the program that all of them run.
//!
//! | module | idea |
//! |---|---|
//! | `register`, `alarms` | for the drivers of a machine |
//! | `entropy` | random bytes of the host |
//! | `flash` | a file of the host that behaves like NOR flash |
//! | `request` | the request of the settings, which the board repeats |
//! | `stop` | ends the emulation |
#![no_std]

pub mod alarms;
mod entropy;
mod flash;
pub mod register;
mod request;
mod stop;

use core::cell::OnceCell;
use core::convert::Infallible;

use board_settings::{MAX_BLOB, Settings};
use board_support::component::Component;
use board_support::network::{self, NoAddress};
use board_support::{executor, node};
use defmt::info;
use defmt_semihosting as _;
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::Stack;
use embassy_net_driver::Driver;
use node_embedded::{Leaf, Parts, Runner};
use rand_chacha::ChaCha20Rng;
use static_cell::StaticCell;
use thiserror::Error;

use crate::flash::HostFlash;
pub use crate::stop::stop;

/// The parts of an emulated machine.
pub struct Machine<D: Driver + 'static, S> {
    /// The settings: memory that the host filled before the processor started, by QEMU's
    /// `-device loader,file=…,addr=…,force-raw=on`, and that nothing writes to.
    pub settings: &'static [u8; MAX_BLOB],
    /// The network's device.
    pub device: D,
    /// A task that drives the network.
    pub drive: fn(embassy_net::Runner<'static, D>) -> Result<SpawnToken<S>, SpawnError>,
}

/// Starts the parts of the board one by one, and the board's task. The board stops when one of them fails.
pub async fn run<D: Driver + 'static, S>(spawner: Spawner, machine: Machine<D, S>) {
    if let Err(failure) = start(spawner, machine).await {
        stop(&failure);
    }
}

async fn start<D: Driver + 'static, S>(spawner: Spawner, machine: Machine<D, S>) -> Result<(), Failure> {
    let settings = Settings::decode(machine.settings).map_err(Failure::Settings)?;
    info!("{} of cluster {}", settings.name, settings.cluster);
    let (rng, seed) = entropy::generator().map_err(Failure::Entropy)?;
    let (network, runner) = network::create(machine.device, network::config(settings.ip), seed);
    spawner.spawn((machine.drive)(runner).map_err(|_| Failure::NoTask)?);
    network::wait_for_address(network).await.map_err(Failure::Network)?;
    if let Some(config) = network.config_v4() {
        info!("address {}", config.address);
    }
    spawner.spawn(board(spawner, settings, network, rng).map_err(|_| Failure::NoTask)?);
    Ok(())
}

/// Runs the board. It is a task of this crate, as [`drive_node`] is. A plain `async fn` is compiled by the crate that awaits it,
/// and the node's code would be in the firmware twice.
#[embassy_executor::task]
async fn board(spawner: Spawner, settings: Settings<'static>, network: Stack<'static>, rng: ChaCha20Rng) {
    let Err(failure) = run_node(spawner, settings, network, rng).await;
    stop(&failure)
}

/// Starts the node, then makes the requests of the settings.
async fn run_node(
    spawner: Spawner,
    settings: Settings<'static>,
    network: Stack<'static>,
    rng: ChaCha20Rng,
) -> Result<Infallible, Failure> {
    static SELF: StaticCell<OnceCell<Leaf<'static>>> = StaticCell::new();

    let request = settings.request;
    let flash = HostFlash::open().map_err(Failure::Flash)?;
    let itself = &*SELF.init(OnceCell::new());
    let application = Component::new(settings.name, itself, request::counts);
    let parts = Parts { network, rng, flash, flash_range: flash::NODE, application };
    let (leaf, runner) = node::start(settings, parts).await.map_err(Failure::Node)?;
    // The cell is empty: only this line fills it.
    let _ = itself.set(leaf);
    spawner.spawn(drive_node(runner).map_err(|_| Failure::NoTask)?);
    info!("the processor was busy for {} us before it dialled", executor::busy_micros());
    leaf.linked().await;
    info!("the processor was busy for {} us when it was linked", executor::busy_micros());
    match request {
        Some(request) => request::repeat(leaf, request).await,
        None => core::future::pending().await,
    }
}

#[embassy_executor::task]
async fn drive_node(mut runner: Runner<'static, ChaCha20Rng, HostFlash, Component>) -> ! {
    runner.run().await
}

/// Why the board does not run.
#[derive(Debug, Error)]
pub enum Failure {
    /// There is no randomness.
    #[error(transparent)]
    Entropy(entropy::Unavailable),
    /// The flash cannot be used.
    #[error(transparent)]
    Flash(flash::Error),
    /// There is no network.
    #[error(transparent)]
    Network(NoAddress),
    /// The node did not start.
    #[error(transparent)]
    Node(node::Error<flash::Error>),
    /// A task runs already.
    #[error("the board has been started before")]
    NoTask,
    /// The settings cannot be used.
    #[error(transparent)]
    Settings(board_settings::Error),
}
