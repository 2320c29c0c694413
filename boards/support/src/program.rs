//! The program of a board, whatever its application: it takes its settings, brings the network up, and starts the node.
//!
//! The board spawns the tasks, because all that holds a part of the node belongs in one crate.

use core::cell::OnceCell;
use core::fmt::{self, Display};
use core::ops::Range;

use defmt::{Display2Format, error, info};
use embassy_executor::{SpawnError, SpawnToken, Spawner};
use embassy_net_driver::Driver;
use embassy_time::{Duration, Timer};
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::provision::Settings;
use node_embedded::{Application, Board, Leaf, LeafResources, Parts, Runner, StartError};
use rand_chacha::ChaCha20Rng;
use rand_core::RngCore as _;
use static_cell::StaticCell;
use thiserror::Error;

use crate::entropy::NoEntropy;
use crate::node::Product;
use crate::provision::{Provisioned, Source, Unprovisioned, provision};
use crate::{network, node};

/// How long a board that cannot run waits before it is reset. What failed may work then, and somebody can read the log.
const GIVE_UP: Duration = Duration::from_secs(60);

/// A board that is to be provisioned.
pub struct Setup<F, L> {
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
    /// What the product brings beside that: `Product::default()` is none.
    pub product: Product,
}

/// A board that has its settings, and the memory of its node.
pub struct Ready<F> {
    /// The settings.
    pub settings: &'static Settings<'static>,
    resources: &'static mut LeafResources<'static>,
    rng: ChaCha20Rng,
    flash: F,
    records: Range<u32>,
    product: Product,
}

/// The parts of a board.
pub struct Machine<D, F, A> {
    /// What [`prepare`] returned.
    pub ready: Ready<F>,
    /// The network's device.
    pub device: D,
    /// What the board does for its cluster.
    pub application: A,
    /// Filled when the node has been started.
    pub leaf: LeafCell,
}

/// The tasks that drive the parts, from the board's own crate.
pub struct Tasks<D: Driver + 'static, F: NorFlash + 'static, A: Application + 'static, S, T> {
    /// Drives the network.
    pub network: Task<embassy_net::Runner<'static, D>, S>,
    /// Drives the node.
    pub node: Task<Runner<'static, ChaCha20Rng, F, A>, T>,
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
pub async fn prepare<F: NorFlash, L: Read + Write>(
    setup: Setup<F, L>,
) -> Result<Ready<F>, Failure<F::Error>> {
    let Setup { kind, rng, flash, records, source, product } = setup;
    let resources = node::resources();
    let Product { key, identity, tls, .. } = product;
    let board = Board { kind, key, identity, tls, rng, flash, flash_range: records.clone() };
    let Provisioned { settings, rng, flash } = provision(resources, board, source).await?;
    info!("{} of cluster {}", settings.name, settings.cluster);
    Ok(Ready { settings, resources, rng, flash, records, product })
}

/// Starts the board, whose tasks run from then on. Returns the firmware's handle to its node. A second call panics.
///
/// # Errors
///
/// [`Failure`] says why it cannot run.
pub async fn start<D: Driver + 'static, F: NorFlash + 'static, A: Application + 'static, S, T>(
    spawner: Spawner,
    machine: Machine<D, F, A>,
    tasks: Tasks<D, F, A, S, T>,
) -> Result<Leaf<'static>, Failure<F::Error>> {
    let Machine { ready, device, application, leaf } = machine;
    let Ready { settings, resources, mut rng, flash, records, product } = ready;
    let (network, runner) = network::create(device, network::provisioned(&settings.ip), rng.next_u64());
    spawner.spawn((tasks.network)(runner)?);
    let parts = Parts { network, rng, flash, flash_range: records, application };
    let (handle, runner) = node::start(resources, settings, &product, parts).await.map_err(Failure::Node)?;
    // The cell is empty: only this line fills it.
    let _ = leaf.set(handle);
    spawner.spawn((tasks.node)(runner)?);
    Ok(handle)
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
