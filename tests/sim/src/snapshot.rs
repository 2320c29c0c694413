//! The figures in snapshot.txt. A change of the protocol shows in them.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::play::Play;
use crate::standard;
use crate::table::{Row, table};

/// The seed of the snapshot.
pub const SEED: u64 = 1;
/// Larger clusters take too long for a test.
const MAX_NODES: usize = 100;
/// More simulated seconds, times nodes, take too long for a test.
const MAX_NODE_SECONDS: f64 = 60_000.0;

/// The file of the snapshot.
#[must_use]
pub fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshot.txt")
}

/// The figures as they are now.
///
/// # Errors
/// A scenario's file is wrong.
pub fn text() -> Result<String> {
    let mut text =
        String::from("Kept by `cargo xtask sim --bless`; the legend is printed by `cargo xtask sim`.\n");
    for (name, scenario) in standard::find("all")? {
        let fits = |nodes: usize| nodes <= MAX_NODES && nodes as f64 * scenario.lasts <= MAX_NODE_SECONDS;
        let sizes = scenario.nodes.iter().copied().filter(|&nodes| fits(nodes));
        let rows = sizes.map(|nodes| {
            let replay = format!("cargo xtask sim {name} --nodes {nodes}");
            let figures = Play::new(&scenario, nodes, SEED, replay).play(&mut |_| {}).figures;
            Row { nodes: nodes.to_string(), figures }
        });
        text += "\n";
        text += &table(name, &scenario.about, &rows.collect::<Vec<_>>());
    }
    Ok(text)
}
