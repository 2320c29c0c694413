//! Checks which module names which against `layers.toml`: no module of node-core names one above it, and no imports of
//! the listed rooms form a circle.
//!
//! The check reads the syntax of every file that a crate compiles for itself; code behind `#[cfg(test)]` may name
//! anything. A name counts for the file that defines it, also when a `mod.rs` in between re-exports it.

mod circles;
mod names;
mod order;
mod resolve;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use self::order::Order;
use self::resolve::Uses;
use self::tree::{Sources, Tree};
use crate::run::root;

/// The rules, from the root of the project.
const RULES: &str = "tests/xtask/layers.toml";

/// Checks every crate that `layers.toml` lists.
///
/// # Errors
///
/// A file does not parse, or breaks a rule; the message names every fault.
pub fn check() -> Result<()> {
    let rules = fs::read_to_string(root().join(RULES)).context(RULES)?;
    let Rules { crates } = toml::from_str(&rules).context(RULES)?;
    let mut faults = Vec::new();
    for rules in crates {
        let source = &rules.source;
        let sources = read(&root().join(source)).with_context(|| source.clone())?;
        let found = rules.faults(&sources).with_context(|| source.clone())?;
        println!("{source}: {} files, {} faults", sources.len(), found.len());
        faults.extend(found.into_iter().map(|fault| format!("{source}: {fault}")));
    }
    if !faults.is_empty() {
        bail!("{RULES}:\n  {}", faults.join("\n  "));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    #[serde(rename = "crate")]
    crates: Vec<CrateRules>,
}

/// The rules of one crate.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CrateRules {
    /// The folder of its `lib.rs`.
    source: String,
    /// The folders whose files are in no circle.
    rooms: Vec<String>,
    #[serde(default)]
    order: Vec<Order>,
}

impl CrateRules {
    fn faults(&self, sources: &Sources) -> Result<Vec<String>> {
        let tree = Tree::read(sources)?;
        let uses = Uses::of(&tree);
        let mut faults: Vec<String> = Vec::new();
        for room in &self.rooms {
            if !tree.files().any(|file| is_in(file, room)) {
                faults.push(format!("there is no room {room}"));
            }
        }
        faults.extend(self.order.iter().flat_map(|order| order.faults(&tree, &uses)));
        faults.extend(circles::of_files(&uses, &self.rooms));
        faults.extend(circles::of_rooms(&uses, &self.rooms));
        Ok(faults)
    }
}

/// Whether a file belongs to a room: it lies in its folder, or it is `room.rs` beside it. "" is the whole crate.
fn is_in(file: &str, room: &str) -> bool {
    let rest = file.strip_prefix(room);
    room.is_empty() || rest.is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

/// Every Rust file of a folder and the folders in it.
fn read(source: &Path) -> Result<Sources> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![source.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(source)?.to_string_lossy().replace('\\', "/");
                sources.insert(name, fs::read_to_string(&path)?);
            }
        }
    }
    Ok(sources)
}
