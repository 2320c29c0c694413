//! The figures that are kept, so that a change of the protocol shows in them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::play::Play;
use crate::standard;
use crate::table::table;

/// The seed of the history that is kept.
pub const SEED: u64 = 1;
/// More nodes, or more seconds of them, take too long to be part of the tests.
const MOST_NODES: usize = 100;
const MOST_SECONDS: f64 = 60_000.0;

/// Where they are kept.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshot.txt")
}

/// The figures as they are now.
///
/// # Errors
/// A scenario's file says what cannot be.
pub fn text() -> Result<String> {
    let mut text =
        String::from("Kept by `cargo xtask sim --bless`; the legend is printed by `cargo xtask sim`.\n");
    for (name, scenario) in standard::find("all")? {
        let fits = |nodes: usize| nodes <= MOST_NODES && nodes as f64 * scenario.lasts <= MOST_SECONDS;
        let sizes = scenario.nodes.iter().copied().filter(|&nodes| fits(nodes));
        let rows = sizes.map(|nodes| {
            let replay = format!("cargo xtask sim {name} --nodes {nodes}");
            (nodes.to_string(), Play::new(&scenario, nodes, (SEED, replay)).play(&mut |_| {}).figures)
        });
        text += "\n";
        text += &table(name, &scenario.about, &rows.collect::<Vec<_>>());
    }
    Ok(text)
}
