//! Starts the node from the board's settings.

use core::fmt::{self, Write as _};

use board_settings::{MAX_HUB_ADDRESSES, Settings};
use embedded_storage_async::nor_flash::NorFlash;
use heapless::{String, Vec};
use node_core::provision;
use node_core::time::UnixTime;
use node_embedded::{Application, Leaf, LeafResources, Parts, Runner, StartError};
use rand_core::CryptoRngCore;
use static_cell::{ConstStaticCell, StaticCell};
use thiserror::Error;

use crate::hub_rules::{self, NoHubRules};

/// Longest `ADDRESS:PORT`.
const HUB: usize = "255.255.255.255:65535".len();

/// Starts the node. The board spawns the runner as a task. A second call panics.
///
/// # Errors
///
/// [`Error`] says what to change.
pub async fn start<G: CryptoRngCore, F: NorFlash, A: Application>(
    settings: Settings<'static>,
    parts: Parts<'static, G, F, A>,
) -> Result<(Leaf<'static>, Runner<'static, G, F, A>), Error<F::Error>> {
    let settings = translate(settings).map_err(Error::HubRules)?;
    let started = node_embedded::start(resources(), settings, parts).await;
    started.map_err(|refused| Error::Start(refused.error))
}

/// The memory of the node. A second call panics, and so does one after [`start`].
pub fn resources() -> &'static mut LeafResources<'static> {
    static RESOURCES: ConstStaticCell<LeafResources<'static>> = ConstStaticCell::new(LeafResources::new());
    RESOURCES.take()
}

/// Starts the node of a board that was provisioned. No time of a build counts, so that each build of a source is the same: the
/// blob has one.
///
/// # Errors
///
/// [`StartError`] says what to change.
pub async fn start_provisioned<G: CryptoRngCore, F: NorFlash, A: Application>(
    resources: &'static mut LeafResources<'static>,
    settings: &'static provision::Settings<'static>,
    parts: Parts<'static, G, F, A>,
) -> Result<(Leaf<'static>, Runner<'static, G, F, A>), StartError<F::Error>> {
    let settings = node_embedded::Settings {
        version: env!("CARGO_PKG_VERSION"),
        ..node_embedded::Settings::of(settings, UnixTime(0))
    };
    node_embedded::start(resources, settings, parts).await.map_err(|refused| refused.error)
}

/// The settings as the node takes them. Not inlined, so that [`start`] does not keep those of the board.
#[inline(never)]
fn translate(settings: Settings<'static>) -> Result<node_embedded::Settings<'static>, NoHubRules> {
    static USES: StaticCell<Vec<&'static str, { board_settings::MAX_USED_COMPONENTS }>> = StaticCell::new();

    Ok(node_embedded::Settings {
        uses: USES.init(settings.uses),
        not_before: UnixTime(settings.unix_floor),
        version: env!("CARGO_PKG_VERSION"),
        keyring: settings.keyring,
        hub_rules: hub_rules::make(settings.authority, settings.crl)?,
        ..node_embedded::Settings::new(settings.name, settings.cluster, hubs(&settings.hubs))
    })
}

/// The hubs as text. The node takes text, because other boards know hubs by name.
fn hubs(addresses: &[core::net::SocketAddrV4]) -> &'static [&'static str] {
    static TEXTS: StaticCell<Vec<String<HUB>, MAX_HUB_ADDRESSES>> = StaticCell::new();
    static HUBS: StaticCell<Vec<&'static str, MAX_HUB_ADDRESSES>> = StaticCell::new();
    let texts = addresses.iter().map(|address| {
        let mut text = String::new();
        // Every address fits.
        let _ = write!(text, "{address}");
        text
    });
    let texts: &'static _ = TEXTS.init(texts.collect());
    HUBS.init(texts.iter().map(String::as_str).collect())
}

/// Why there is no node.
#[derive(Debug, Error)]
pub enum Error<E: fmt::Debug> {
    /// The CAs of the settings cannot be used.
    #[error(transparent)]
    HubRules(NoHubRules),
    /// The node did not start.
    #[error(transparent)]
    Start(StartError<E>),
}
