//! Provides the settings of a board: from the node's records, from a blob in a partition of the flash, or over a serial line.

use core::fmt;
use core::ops::Range;

use defmt::{Display2Format, error, warn};
use embassy_time::{Duration, Timer};
use embedded_io_async::{Read, Write};
use embedded_storage_async::nor_flash::NorFlash;
use node_core::provision::{BlobError, MAX_SETTINGS, Settings};
use node_embedded::{Board, LeafResources, ProvisionError, Provisioner, StartError};
use rand_core::CryptoRngCore;
use static_cell::{ConstStaticCell, StaticCell};
use thiserror::Error;

/// Pause after an error of the serial line.
const PAUSE: Duration = Duration::from_millis(100);

/// A board that has its settings.
pub struct Provisioned<G, F> {
    /// Its settings.
    pub settings: &'static Settings<'static>,
    /// The generator that was lent.
    pub rng: G,
    /// The flash that was lent.
    pub flash: F,
}

/// Where somebody may have put a blob.
#[derive(Clone, Debug)]
pub enum Partition<'p> {
    /// In the flash of the node's records.
    Flash(Range<u32>),
    /// In memory, as flash that is mapped into it.
    Memory(&'p [u8]),
}

/// Where settings come from, and what the board needs of them.
pub struct Source<'p, L> {
    /// Where somebody may have put a blob.
    pub partition: Partition<'p>,
    /// The serial line over which a new board gets its blob.
    pub line: L,
    /// Says what the settings lack for this board. With settings that lack something it waits as without any.
    pub lacks: fn(&Settings<'_>) -> Option<&'static str>,
}

/// Provides the board's settings. A newer blob in the partition replaces them first. A board without settings, or with some that it
/// cannot use, waits for a blob on the serial line, for as long as it takes. A second call panics.
///
/// # Errors
///
/// [`Unprovisioned`] says what is wrong.
pub async fn provision<G: CryptoRngCore, F: NorFlash>(
    resources: &mut LeafResources<'static>,
    board: Board<'static, G, F>,
    source: Source<'_, impl Read + Write>,
) -> Result<Provisioned<G, F>, Unprovisioned<F::Error>> {
    static BUFFER: ConstStaticCell<[u8; MAX_SETTINGS]> = ConstStaticCell::new([0; MAX_SETTINGS]);
    static SETTINGS: StaticCell<Settings<'static>> = StaticCell::new();

    let Source { partition, mut line, lacks } = source;
    let has_tls_device = board.tls.is_some();
    let mut provisioner = Provisioner::open(resources, board).await?;
    let taken = match partition {
        Partition::Flash(range) => provisioner.take_new_at(range).await,
        Partition::Memory(bytes) => provisioner.take_new(bytes).await,
    };
    if let Err(error) = taken {
        warn!("the blob in flash is refused: {}", Display2Format(&error));
    }
    if !provisioner.is_provisioned() {
        take_from(&mut line, &mut provisioner).await;
    }
    let buffer = BUFFER.take();
    let lack = |settings: &Settings<'_>| no_hub(settings, has_tls_device).or_else(|| lacks(settings));
    while let Some(reason) = unusable(&mut provisioner, buffer, lack).await? {
        error!("{}; the board waits for a blob", Display2Format(&reason));
        take_from(&mut line, &mut provisioner).await;
    }
    let settings = provisioner.settings(buffer).await?.ok_or(StartError::NoKeyring)?;
    let settings = SETTINGS.init(settings);
    let (rng, flash) = provisioner.close();
    Ok(Provisioned { settings, rng, flash })
}

/// Why the board needs other settings than it has. `None`: it can use them.
async fn unusable<G: CryptoRngCore, F: NorFlash>(
    provisioner: &mut Provisioner<'_, G, F>,
    buffer: &mut [u8; MAX_SETTINGS],
    lack: impl Fn(&Settings<'_>) -> Option<&'static str>,
) -> Result<Option<Unusable>, ProvisionError<F::Error>> {
    match provisioner.settings(buffer).await {
        Ok(Some(settings)) => Ok(lack(&settings).map(Unusable::Lack)),
        Ok(None) => Ok(Some(Unusable::Missing)),
        Err(ProvisionError::Blob(error)) => Ok(Some(Unusable::Damaged(error))),
        // Another blob does not help.
        Err(error) => Err(error),
    }
}

/// What the board lacks that its settings make a hub.
fn no_hub(settings: &Settings<'_>, has_tls_device: bool) -> Option<&'static str> {
    if settings.listen.is_empty() {
        None
    } else if cfg!(not(feature = "hub")) {
        Some("this firmware cannot be a hub: build it with the feature hub")
    } else {
        has_tls_device.then_some("this board cannot be a hub: its TLS key is in a device")
    }
}

/// Takes a blob from a serial line.
async fn take_from<G: CryptoRngCore, F: NorFlash>(
    line: &mut (impl Read + Write),
    provisioner: &mut Provisioner<'_, G, F>,
) {
    loop {
        match provisioner.serve(line).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(_) => error!("the serial line failed"),
        }
        Timer::after(PAUSE).await;
    }
}

/// Why the board waits for other settings.
#[derive(Debug, Error)]
enum Unusable {
    /// The bytes are no settings, or settings of another version.
    #[error(transparent)]
    Damaged(BlobError),
    /// This board needs more.
    #[error("{0}")]
    Lack(&'static str),
    /// The record is gone.
    #[error("the settings are missing")]
    Missing,
}

/// Why there are no settings.
#[derive(Debug, Error)]
pub enum Unprovisioned<E: fmt::Debug> {
    /// The settings could not be read.
    #[error(transparent)]
    Settings(#[from] ProvisionError<E>),
    /// The board cannot start.
    #[error(transparent)]
    Start(#[from] StartError<E>),
}
