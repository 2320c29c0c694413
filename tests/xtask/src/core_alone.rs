//! Proves that node-core needs no operating system: it is built alone, for a target that has none.
//!
//! A check for the host cannot tell: another package of the workspace may switch on a dependency's `std`.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::firmware::QEMU;
use crate::run::{root, run};
use crate::toolchain::Toolchain;

/// The features with which it is built, and the parts of the standard library that there are: where these have to be
/// built, core alone for what boards use; `tracing` itself needs more.
const BUILDS: [(&str, &str); 3] =
    [("", "core"), ("defmt,hub,software", "core"), ("tracing,software", "core,alloc")];

/// Builds node-core alone for a Cortex-M.
///
/// # Errors
///
/// A compiler is missing, or it does not build, or it asks for more than core.
pub fn build() -> Result<()> {
    ensure_core_only(&root().join("node-core/src"))?;
    let toolchain = Toolchain::find(QEMU.target)?;
    for (features, parts) in BUILDS {
        println!("node-core for {}, features: {features:?}", QEMU.target);
        run(toolchain
            .cargo("build", QEMU.target, parts)
            .args(["--package", "node-core", "--lib", "--no-default-features", "--features", features])
            .arg("--target-dir")
            .arg(root().join("target/core-alone"))
            .current_dir(root()))?;
    }
    Ok(())
}

/// An installed target has alloc, so that a build proves nothing about it: whoever names it must do so under a feature.
fn ensure_core_only(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            ensure_core_only(&path)?;
            continue;
        }
        let mut before = "";
        let text = fs::read_to_string(&path)?;
        for line in text.lines().map(str::trim) {
            let is_bare = line.starts_with("extern crate") && !before.starts_with("#[cfg(");
            ensure!(!is_bare, "{}: `{line}`: node-core has neither std nor alloc", path.display());
            before = line;
        }
    }
    Ok(())
}
