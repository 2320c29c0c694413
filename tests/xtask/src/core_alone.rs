//! Proves that node-core needs no operating system: builds it alone, for a target without one.
//!
//! A build for the host proves nothing: another package of the workspace may switch on a dependency's `std`.

use std::fs;
use std::path::Path;

use anyhow::{Result, ensure};

use crate::run::{root, run};
use crate::toolchain::{RISCV32IMC, THUMBV6M, THUMBV7EM, Toolchain};

/// Processors with compare-and-swap, and without.
const TARGETS: [&str; 3] = [THUMBV7EM, THUMBV6M, RISCV32IMC];

/// What cargo does with which features, and the parts of the standard library that they may use, where these have to be built. The
/// features for boards need core only; `tracing` needs more. With those of a board all code is compiled to the end.
const BUILDS: [(&str, &str, &str); 3] = [
    ("check", "", "core"),
    ("build", "defmt,hub,software", "core"),
    ("check", "tracing,software", "core,alloc"),
];

/// Builds node-core alone for microcontrollers.
///
/// # Errors
///
/// A compiler is missing, or it does not build, or it asks for more than core.
pub fn build() -> Result<()> {
    ensure_core_only(&root().join("node-core/src"))?;
    for target in TARGETS {
        let toolchain = Toolchain::find(target)?;
        // tracing needs compare-and-swap.
        let builds = BUILDS
            .into_iter()
            .filter(|(_, features, _)| target == THUMBV7EM || !features.contains("tracing"));
        for (command, features, parts) in builds {
            println!("node-core for {target}, features: {features:?}");
            run(toolchain
                .cargo(command, target, parts)
                .args(["--package", "node-core", "--lib", "--no-default-features", "--features", features])
                // Nobody runs it.
                .args(["--config", "profile.dev.package.node-core.opt-level=0"])
                .arg("--target-dir")
                .arg(root().join("target/core-alone"))
                .current_dir(root()))?;
        }
    }
    Ok(())
}

/// An installed target has alloc, so a build proves nothing about it. Every `extern crate` must be under a feature.
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
