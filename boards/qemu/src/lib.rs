//! What emulated boards get from the host by semihosting: entropy, flash, an exit; and the program that all of them run.
//!
//! | module | idea |
//! |---|---|
//! | `register`, `alarms` | for the drivers of a machine |
//! | `carrier` | carries sealed keyrings to other boards, with the feature `hub` |
//! | `entropy` | random bytes of the host |
//! | `flash` | a file of the host that behaves like NOR flash |
//! | `overflow` | overflows the stack, for a test |
//! | `request` | the request of the settings, which the board repeats |
//! | `stop` | ends the emulation |
#![no_std]

pub mod alarms;
#[cfg(feature = "hub")]
mod carrier;
mod entropy;
mod flash;
mod overflow;
pub mod register;
mod request;
mod stop;

use core::cell::OnceCell;
use core::convert::Infallible;

use board_settings::{Extras, REGION};
use board_support::component::Component;
use board_support::executor;
use board_support::hub_rules::{self, NoHubRules};
use board_support::network::{self, NoAddress};
use board_support::node::{self, Product};
use board_support::provision::{Partition, Provisioned, Source, provision};
use board_support::serial::Uart;
use defmt::info;
use defmt_semihosting as _;
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net::Stack;
use embassy_net_driver::Driver;
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::signal::Signal;
use node_embedded::{Board, Leaf, LeafResources, Parts, Runner, StartError};
use rand_chacha::ChaCha20Rng;
use static_cell::StaticCell;
use thiserror::Error;

use crate::flash::HostFlash;
pub use crate::stop::stop;

/// The parts of an emulated machine.
pub struct Machine<D: Driver + 'static, S> {
    /// The kind of board, as blobs name it.
    pub kind: &'static str,
    /// The partition with the blob, and what only tests need: memory that the host filled before the processor started, by QEMU's
    /// `-device loader,file=…,addr=…,force-raw=on`, and that nothing writes to.
    pub region: &'static [u8; REGION],
    /// The serial line on which the board waits for a blob when it has none.
    pub uart: Uart,
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
    let Machine { kind, region, uart, device, drive } = machine;
    let extras = Extras::decode(region).map_err(Failure::Extras)?;
    if extras.overflow {
        overflow::descend(0);
    }
    let (rng, seed) = entropy::generator().map_err(Failure::Entropy)?;
    // Lent, because it would take 320 bytes in each task that it passes through.
    let rng = RNG.init(rng);
    spawner.spawn(prepare(kind, region, uart, rng).map_err(|_| Failure::NoTask)?);
    let ready = READY.wait().await;
    let settings = ready.provisioned.settings;
    info!("{} of cluster {}", settings.name, settings.cluster);
    let (network, runner) = network::create(device, network::provisioned(&settings.ip), seed);
    spawner.spawn(drive(runner).map_err(|_| Failure::NoTask)?);
    network::wait_for_address(network).await.map_err(Failure::Network)?;
    if let Some(config) = network.config_v4() {
        info!("address {}", config.address);
    }
    spawner.spawn(board(spawner, ready, extras, network).map_err(|_| Failure::NoTask)?);
    Ok(())
}

type Rng = &'static mut ChaCha20Rng;

static RNG: StaticCell<ChaCha20Rng> = StaticCell::new();

/// The board when it has its settings, and the memory of its node.
struct Ready {
    provisioned: Provisioned<Rng, HostFlash>,
    resources: &'static mut LeafResources<'static>,
}

static READY: Signal<CriticalSectionRawMutex, Ready> = Signal::new();

/// Gets the settings. It is a task of this crate, as the two below are. A plain `async fn` is compiled by the crate that awaits it,
/// and the node's code would be in the firmware twice.
#[embassy_executor::task]
async fn prepare(kind: &'static str, region: &'static [u8; REGION], line: Uart, rng: Rng) {
    let flash = match HostFlash::open() {
        Ok(flash) => flash,
        Err(error) => stop(&error),
    };
    let resources = node::resources();
    let board = Board { rng, flash, flash_range: flash::NODE, kind, key: None, identity: None, tls: None };
    let partition = Partition::Memory(board_settings::partition(region));
    match provision(resources, board, Source { partition, line, lacks: network::lacks }).await {
        Ok(provisioned) => READY.signal(Ready { provisioned, resources }),
        Err(error) => stop(&error),
    }
}

/// Runs the board.
#[embassy_executor::task]
async fn board(spawner: Spawner, ready: Ready, extras: Extras<'static>, network: Stack<'static>) {
    let Err(failure) = run_node(spawner, ready, extras, network).await;
    stop(&failure)
}

/// Starts the node, then makes the requests of the test.
async fn run_node(
    spawner: Spawner,
    ready: Ready,
    extras: Extras<'static>,
    network: Stack<'static>,
) -> Result<Infallible, Failure> {
    static SELF: StaticCell<OnceCell<Leaf<'static>>> = StaticCell::new();

    let Extras { authority, crl, request, .. } = extras;
    let Ready { provisioned: Provisioned { settings, rng, flash }, resources } = ready;
    let itself = &*SELF.init(OnceCell::new());
    let application = Component::new(settings.name, itself).with_requests(request::counts);
    let hub_rules = hub_rules::make(authority, crl).map_err(Failure::HubRules)?;
    let product = Product { hub_rules, ..Product::default() };
    let parts = Parts { network, rng, flash, flash_range: flash::NODE, application };
    let started = node::start(resources, settings, &product, parts).await;
    let (leaf, runner) = started.map_err(Failure::Node)?;
    // The cell is empty: only this line fills it.
    let _ = itself.set(leaf);
    spawner.spawn(drive_node(runner).map_err(|_| Failure::NoTask)?);
    #[cfg(feature = "hub")]
    spawner.spawn(carry_keyrings(leaf).map_err(|_| Failure::NoTask)?);
    info!("the processor was busy for {} us before it dialled", executor::busy_micros());
    leaf.linked().await;
    info!("the processor was busy for {} us when it was linked", executor::busy_micros());
    match request {
        Some(request) => request::repeat(leaf, request).await,
        None => core::future::pending().await,
    }
}

#[embassy_executor::task]
async fn drive_node(mut runner: Runner<'static, Rng, HostFlash, Component>) -> ! {
    runner.run().await
}

#[cfg(feature = "hub")]
#[embassy_executor::task]
async fn carry_keyrings(leaf: Leaf<'static>) -> ! {
    static BUFFER: static_cell::ConstStaticCell<[u8; node_core::keys::MAX_SEALED]> =
        static_cell::ConstStaticCell::new([0; node_core::keys::MAX_SEALED]);
    carrier::carry(leaf, BUFFER.take()).await
}

/// Why the board does not run.
#[derive(Debug, Error)]
pub enum Failure {
    /// There is no randomness.
    #[error(transparent)]
    Entropy(entropy::Unavailable),
    /// What the test gave the board cannot be read.
    #[error(transparent)]
    Extras(board_settings::Error),
    /// The CA of the test cannot be used.
    #[error(transparent)]
    HubRules(NoHubRules),
    /// There is no network.
    #[error(transparent)]
    Network(NoAddress),
    /// The node did not start.
    #[error(transparent)]
    Node(StartError<flash::Error>),
    /// A task runs already.
    #[error("the board has been started before")]
    NoTask,
}
