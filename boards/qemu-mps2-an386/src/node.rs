//! Starts the node: what the host said, what flash holds and what the board offers become a leaf.

use core::cell::OnceCell;
use core::fmt::{self, Write as _};

use board_settings::{MAX_HUBS, Settings};
use embassy_executor::Spawner;
use embassy_net::Stack;
use heapless::{String, Vec};
use node_core::id::NodeId;
use node_core::time::UnixTime;
use node_embedded::{Leaf, LeafResources, Parts, Runner, StartError};
use rand_chacha::ChaCha20Rng;
use static_cell::{ConstStaticCell, StaticCell};

use crate::component::Component;
use crate::flash::{self, HostFlash};

/// Longest `ADDRESS:PORT`.
const HUB: usize = "255.255.255.255:65535".len();

/// What the board brings.
type Brought = (Stack<'static>, ChaCha20Rng, HostFlash);

/// Starts the node. A second call panics.
///
/// # Errors
///
/// [`Error`] says what to change.
pub async fn start(
    spawner: Spawner,
    settings: Settings<'static>,
    (network, rng, flash): Brought,
) -> Result<Leaf<'static>, Error> {
    static RESOURCES: ConstStaticCell<LeafResources<'static>> = ConstStaticCell::new(LeafResources::new());
    static USES: StaticCell<Vec<&'static str, { board_settings::MAX_USES }>> = StaticCell::new();
    static SELF: StaticCell<OnceCell<Leaf<'static>>> = StaticCell::new();

    let uses = USES.init(settings.uses);
    let told = node_embedded::Settings {
        id: settings.node_id.map(NodeId),
        uses,
        not_before: UnixTime(settings.unix_floor),
        version: env!("CARGO_PKG_VERSION"),
        keyring: settings.keyring,
        ..node_embedded::Settings::new(settings.name, settings.cluster, hubs(&settings.hubs))
    };
    let itself = &*SELF.init(OnceCell::new());
    let parts = Parts {
        network,
        rng,
        flash,
        flash_range: flash::NODE,
        application: Component::new(settings.name, itself),
    };
    let (leaf, runner) = node_embedded::start(RESOURCES.take(), told, parts).await.map_err(Error::Start)?;
    // It was empty: this is the only place that fills it.
    let _ = itself.set(leaf);
    spawner.spawn(drive(runner).map_err(|_| Error::NoTask)?);
    Ok(leaf)
}

/// The hubs as the node wants them: as text, for other boards know hubs by name.
fn hubs(addresses: &[core::net::SocketAddrV4]) -> &'static [&'static str] {
    static TEXTS: StaticCell<Vec<String<HUB>, MAX_HUBS>> = StaticCell::new();
    static HUBS: StaticCell<Vec<&'static str, MAX_HUBS>> = StaticCell::new();
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
#[derive(Debug)]
pub enum Error {
    /// The node's task runs already.
    NoTask,
    /// The node says why.
    Start(StartError<flash::Error>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoTask => f.write_str("the node has been started before"),
            Self::Start(error) => error.fmt(f),
        }
    }
}
