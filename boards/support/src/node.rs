//! Starts the node from the board's settings.

use embedded_storage_async::nor_flash::NorFlash;
use node_core::crypto::PublicKey;
use node_core::provision;
use node_core::time::UnixTime;
use node_embedded::{
    Application, IdentitySigner, JudgeHub, Leaf, LeafResources, Parts, Runner, StartError, TlsSigner,
};
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

/// What a product brings to its node, beside its parts and the settings of its blob. The default has no key and no rules.
#[derive(Clone, Copy)]
pub struct Product {
    /// The provisioning key, as in [`Board::key`](node_embedded::Board::key).
    pub key: Option<PublicKey>,
    /// The device that holds the identity key.
    pub identity: Option<IdentitySigner<'static>>,
    /// The device that holds the TLS key.
    pub tls: Option<TlsSigner<'static>>,
    /// The rules for hubs whose certificates a CA signed.
    pub hub_rules: Option<&'static (dyn JudgeHub + Sync)>,
    /// The version of the firmware, for people.
    pub version: &'static str,
}

impl Default for Product {
    fn default() -> Self {
        Self { key: None, identity: None, tls: None, hub_rules: None, version: env!("CARGO_PKG_VERSION") }
    }
}

/// Starts the node of a board that was provisioned, as leaf or hub. The board spawns the runner as a task. No time of a build counts, so
/// that each build of a source is the same: the blob has one.
///
/// # Errors
///
/// [`StartError`] says what to change.
pub async fn start<G: CryptoRngCore, F: NorFlash, A: Application>(
    resources: &'static mut LeafResources<'static>,
    settings: &'static provision::Settings<'static>,
    product: &Product,
    parts: Parts<'static, G, F, A>,
) -> Result<(Leaf<'static>, Runner<'static, G, F, A>), StartError<F::Error>> {
    let Product { identity, tls, hub_rules, version, .. } = *product;
    let settings = node_embedded::Settings {
        identity,
        tls,
        hub_rules,
        version,
        ..node_embedded::Settings::of(settings, UnixTime(0))
    };
    node_embedded::start(resources, settings, parts).await.map_err(|refused| refused.error)
}
