//! Starts the node from the board's settings.

use embedded_storage_async::nor_flash::NorFlash;
use node_core::provision;
use node_core::time::UnixTime;
use node_embedded::{Application, JudgeHub, Leaf, LeafResources, Parts, Runner, StartError};
use rand_core::CryptoRngCore;
use static_cell::ConstStaticCell;

/// The memory of the node. A second call panics.
pub fn resources() -> &'static mut LeafResources<'static> {
    static RESOURCES: ConstStaticCell<LeafResources<'static>> = ConstStaticCell::new(LeafResources::new());
    let resources = RESOURCES.take();
    // Once, as the line before it.
    #[cfg(all(feature = "hub", feature = "runtime"))]
    crate::heap::init();
    resources
}

/// Starts the node of a board that was provisioned, as leaf or hub. `hub_rules` are those for hubs whose certificates a CA signed. The
/// board spawns the runner as a task. No time of a build counts, so that each build of a source is the same: the blob has one.
///
/// # Errors
///
/// [`StartError`] says what to change.
pub async fn start<G: CryptoRngCore, F: NorFlash, A: Application>(
    resources: &'static mut LeafResources<'static>,
    settings: &'static provision::Settings<'static>,
    hub_rules: Option<&'static (dyn JudgeHub + Sync)>,
    parts: Parts<'static, G, F, A>,
) -> Result<(Leaf<'static>, Runner<'static, G, F, A>), StartError<F::Error>> {
    let settings = node_embedded::Settings {
        version: env!("CARGO_PKG_VERSION"),
        hub_rules,
        ..node_embedded::Settings::of(settings, UnixTime(0))
    };
    node_embedded::start(resources, settings, parts).await.map_err(|refused| refused.error)
}
