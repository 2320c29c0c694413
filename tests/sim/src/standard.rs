//! The standard set of scenarios.

use anyhow::{Context as _, Result, bail};

use crate::scenario::Scenario;

macro_rules! scenarios {
    ($($name:literal),*) => {
        [$(($name, include_str!(concat!("../scenarios/", $name, ".toml")))),*]
    };
}

/// Names and texts, in the order in which they are played.
pub const STANDARD: [(&str, &str); 16] = scenarios![
    "idle",
    "change",
    "crash",
    "leave",
    "pausing",
    "slow",
    "lossy",
    "hour",
    "partition",
    "one-way",
    "restart-half",
    "vanish-half",
    "join",
    "newcomers",
    "invented-silent",
    "invented-refused"
];

/// The scenario of a name, or `all`.
///
/// # Errors
/// There is none of this name, or its file is wrong.
pub fn find(name: &str) -> Result<Vec<(&'static str, Scenario)>> {
    let found: Vec<_> = STANDARD.into_iter().filter(|(known, _)| name == "all" || name == *known).collect();
    if found.is_empty() {
        let names = STANDARD.map(|(name, _)| name).join(", ");
        bail!("there is no scenario {name}: it is all, {names}");
    }
    found.into_iter().map(|(name, text)| Ok((name, Scenario::parse(text).context(name)?))).collect()
}
