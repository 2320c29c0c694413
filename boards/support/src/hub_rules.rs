//! The rules for hubs whose certificates a CA signed. The feature `ca` decides whether the firmware carries the code for them.

use node_embedded::JudgeHub;
use thiserror::Error;

/// Memory for the revocation list.
#[cfg(feature = "ca")]
const LIST: usize = 2048;

/// The rules with this CA and its list; `None` without a CA. A second call with a CA panics.
///
/// # Errors
///
/// The list cannot be used.
#[cfg(feature = "ca")]
pub fn make(
    authority: Option<&'static [u8]>,
    crl: Option<&'static [u8]>,
) -> Result<Option<&'static (dyn JudgeHub + Sync)>, NoHubRules> {
    use node_embedded::{CrlCheck, HubRules, RevocationLists};
    use static_cell::{ConstStaticCell, StaticCell};

    static AUTHORITIES: StaticCell<[&'static [u8]; 1]> = StaticCell::new();
    static MEMORY: ConstStaticCell<[u8; LIST]> = ConstStaticCell::new([0; LIST]);
    static LISTS: StaticCell<RevocationLists<'static>> = StaticCell::new();
    static RULES: StaticCell<HubRules<'static>> = StaticCell::new();

    let Some(authority) = authority else { return Ok(None) };
    let lists = &*LISTS.init(RevocationLists::new(MEMORY.take()));
    lists.replace(crl.as_slice()).map_err(NoHubRules::List)?;
    let crl_check = if crl.is_some() { CrlCheck::Peer } else { CrlCheck::Off };
    let rules = HubRules { crl_check, crls: Some(lists), ..HubRules::new(AUTHORITIES.init([authority])) };
    Ok(Some(RULES.init(rules)))
}

/// No rules.
///
/// # Errors
///
/// There is a CA.
#[cfg(not(feature = "ca"))]
pub fn make(
    authority: Option<&'static [u8]>,
    _crl: Option<&'static [u8]>,
) -> Result<Option<&'static (dyn JudgeHub + Sync)>, NoHubRules> {
    if authority.is_some() { Err(NoHubRules::NoFeature) } else { Ok(None) }
}

/// Why there are no rules.
#[derive(Debug, Error)]
pub enum NoHubRules {
    /// The list cannot be used.
    #[cfg(feature = "ca")]
    #[error(transparent)]
    List(node_embedded::BadLists),
    /// The settings name a CA, and the firmware was built without the code for it.
    #[cfg(not(feature = "ca"))]
    #[error("the settings name a CA, and this firmware takes none: build it with the feature ca")]
    NoFeature,
}
