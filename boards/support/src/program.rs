//! The program of a board that stands alone: it takes its settings, starts the node, and offers the component of this crate.
//!
//! The board spawns the tasks, because all that holds a part of the node belongs in one crate.

use core::cell::OnceCell;
use core::convert::Infallible;
use core::fmt::{self, Display};
use core::ops::Range;

use defmt::{Display2Format, error, info};
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net_driver::Driver;
use embassy_time::{Duration, Timer};
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::provision::Settings;
use node_embedded::{Board, Leaf, LeafResources, Parts, Runner, StartError};
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore as _;
use static_cell::StaticCell;
use thiserror::Error;

use crate::component::{Component, Counts};
use crate::entropy::NoEntropy;
use crate::provision::{Provisioned, Source, Unprovisioned, provision};
use crate::{network, node};

/// How long a board that cannot run waits before it is reset. What failed may work then, and somebody can read the log.
const GIVE_UP: Duration = Duration::from_secs(60);

/// A board that is to be provisioned.
pub struct Site<F, L> {
    /// The kind of board, as blobs name it: at most 63 bytes.
    pub kind: &'static str,
    /// Random numbers that are good enough for keys.
    pub rng: ChaCha20Rng,
    /// The flash.
    pub flash: F,
    /// Where the flash holds the node's records: whole pages.
    pub records: Range<u32>,
    /// Where its settings come from.
    pub source: Source<'static, L>,
}

/// A board that has its settings, and the memory of its node.
pub struct Ready<F> {
    /// The settings.
    pub settings: &'static Settings<'static>,
    resources: &'static mut LeafResources<'static>,
    rng: ChaCha20Rng,
    flash: F,
    records: Range<u32>,
}

/// The parts of a board.
pub struct Machine<D, F> {
    /// What [`prepare`] returned.
    pub ready: Ready<F>,
    /// The network's device.
    pub device: D,
    /// Filled when the node has been started.
    pub leaf: LeafCell,
}

/// The tasks that drive the parts, from the board's own crate.
pub struct Tasks<D: Driver + 'static, F: NorFlash + 'static, S, T> {
    /// Drives the network.
    pub network: Task<embassy_net::Runner<'static, D>, S>,
    /// Drives the node.
    pub node: Task<Runner<'static, ChaCha20Rng, F, Component>, T>,
}

/// What `#[embassy_executor::task]` makes of a function that drives `R`.
pub type Task<R, S> = fn(R) -> Result<SpawnToken<S>, SpawnError>;

/// Filled when the node has been started: the watchdog and the component wait for it.
pub type LeafCell = &'static OnceCell<Leaf<'static>>;

/// The cell. A second call panics.
pub fn leaf() -> LeafCell {
    static LEAF: StaticCell<OnceCell<Leaf<'static>>> = StaticCell::new();
    LEAF.init(OnceCell::new())
}

/// Provides the board's settings, for which it may wait for as long as it takes. A second call panics.
///
/// # Errors
///
/// [`Failure`] says why there are none.
pub async fn prepare<F: NorFlash, L: Read + Write>(site: Site<F, L>) -> Result<Ready<F>, Failure<F::Error>> {
    let Site { kind, rng, flash, records, source } = site;
    let resources = node::resources();
    let flash_range = records.clone();
    let board = Board { kind, key: None, identity: None, tls: None, rng, flash, flash_range };
    let Provisioned { settings, rng, flash } = provision(resources, board, source).await?;
    info!("{} of cluster {}", settings.name, settings.cluster);
    Ok(Ready { settings, resources, rng, flash, records })
}

/// Runs the board for ever. A second call panics.
///
/// # Errors
///
/// [`Failure`] says why it cannot run.
pub async fn run<D: Driver + 'static, F: NorFlash + 'static, S, T>(
    spawner: Spawner,
    machine: Machine<D, F>,
    tasks: Tasks<D, F, S, T>,
) -> Result<Infallible, Failure<F::Error>> {
    let Machine { ready, device, leaf } = machine;
    let Ready { settings, resources, mut rng, flash, records } = ready;
    let (network, runner) = network::create(device, network::provisioned(&settings.ip), rng.next_u64());
    spawner.spawn((tasks.network)(runner)?);
    let none = || Counts { answered: 0, failed: 0 };
    let application = Component::new(settings.name, leaf, none);
    let parts = Parts { network, rng, flash, flash_range: records, application };
    let (handle, runner) = node::start(resources, settings, None, parts).await.map_err(Failure::Node)?;
    // The cell is empty: only this line fills it.
    let _ = leaf.set(handle);
    spawner.spawn((tasks.node)(runner)?);
    core::future::pending().await
}

/// Logs why the board cannot run, and waits for a minute. Then reset it.
pub async fn give_up(why: &dyn Display) {
    error!("{}; a reset follows in a minute", Display2Format(&why));
    Timer::after(GIVE_UP).await;
}

/// Why a board does not run.
#[derive(Debug, Error)]
pub enum Failure<E: fmt::Debug> {
    /// A device of the board does not work; this says what to look at.
    #[error("{0}")]
    Device(&'static str),
    /// There is no randomness.
    #[error(transparent)]
    Entropy(#[from] NoEntropy),
    /// The node did not start.
    #[error(transparent)]
    Node(StartError<E>),
    /// A task runs already.
    #[error("the board has been started before")]
    NoTask(#[from] SpawnError),
    /// There are no settings.
    #[error(transparent)]
    Provision(#[from] Unprovisioned<E>),
}
