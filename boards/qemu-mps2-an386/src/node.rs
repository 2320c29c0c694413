//! Starts the node from the host's settings, the records in flash and the board's component.

use core::cell::OnceCell;
use core::fmt::Write as _;

use board_settings::{MAX_HUB_ADDRESSES, Settings};
use embassy_executor::Spawner;
use embassy_net::Stack;
use heapless::{String, Vec};
use node_core::time::UnixTime;
use node_embedded::{Leaf, LeafResources, Parts, Runner, StartError};
use rand_chacha::ChaCha20Rng;
use static_cell::{ConstStaticCell, StaticCell};
use thiserror::Error;

use crate::component::Component;
use crate::flash::{self, HostFlash};
use crate::hub_rules::{self, NoHubRules};

/// Longest `ADDRESS:PORT`.
const HUB: usize = "255.255.255.255:65535".len();

/// The board's parts for a node.
pub struct Hardware {
    /// The network.
    pub network: Stack<'static>,
    /// Random numbers for keys.
    pub rng: ChaCha20Rng,
    /// The flash that holds the node's records.
    pub flash: HostFlash,
}

/// Starts the node. A second call panics.
///
/// # Errors
///
/// [`Error`] says what to change.
pub async fn start(
    spawner: Spawner,
    settings: Settings<'static>,
    hardware: Hardware,
) -> Result<Leaf<'static>, Error> {
    static RESOURCES: ConstStaticCell<LeafResources<'static>> = ConstStaticCell::new(LeafResources::new());
    static SELF: StaticCell<OnceCell<Leaf<'static>>> = StaticCell::new();

    let node_settings = translate(settings)?;
    let itself = &*SELF.init(OnceCell::new());
    let parts = Parts {
        network: hardware.network,
        rng: hardware.rng,
        flash: hardware.flash,
        flash_range: flash::NODE,
        application: Component::new(node_settings.name, itself),
    };
    let started = node_embedded::start(RESOURCES.take(), node_settings, parts).await;
    let (leaf, runner) = started.map_err(|refused| Error::Start(refused.error))?;
    // The cell is empty: only this line fills it.
    let _ = itself.set(leaf);
    spawner.spawn(drive(runner).map_err(|_| Error::NoTask)?);
    Ok(leaf)
}

/// The settings as the node takes them. Not inlined, so that [`start`] does not keep those of the host.
#[inline(never)]
fn translate(settings: Settings<'static>) -> Result<node_embedded::Settings<'static>, Error> {
    static USES: StaticCell<Vec<&'static str, { board_settings::MAX_USED_COMPONENTS }>> = StaticCell::new();

    Ok(node_embedded::Settings {
        uses: USES.init(settings.uses),
        not_before: UnixTime(settings.unix_floor),
        version: env!("CARGO_PKG_VERSION"),
        keyring: settings.keyring,
        hub_rules: hub_rules::make(settings.authority, settings.crl).map_err(Error::HubRules)?,
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

#[embassy_executor::task]
async fn drive(mut runner: Runner<'static, ChaCha20Rng, HostFlash, Component>) -> ! {
    runner.run().await
}

/// Why there is no node.
#[derive(Debug, Error)]
pub enum Error {
    /// The CAs of the settings cannot be used.
    #[error(transparent)]
    HubRules(NoHubRules),
    /// The node's task runs already.
    #[error("the node has been started before")]
    NoTask,
    /// The node did not start.
    #[error(transparent)]
    Start(StartError<flash::Error>),
}
