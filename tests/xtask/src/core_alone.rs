//! Proves that node-core needs no operating system: it is built alone, for a target that has none.
//!
//! A check for the host cannot tell: another package of the workspace may switch on a dependency's `std`.

use anyhow::Result;

use crate::firmware::QEMU;
use crate::run::{root, run};
use crate::toolchain::Toolchain;

/// The features with which it is built: none, and all that boards use.
const FEATURES: [&str; 2] = ["", "defmt,software"];

/// Builds node-core alone for a Cortex-M.
///
/// # Errors
///
/// A compiler is missing, or it does not build.
pub fn build() -> Result<()> {
    let toolchain = Toolchain::find(QEMU.target)?;
    for features in FEATURES {
        println!("node-core for {}, features: {features:?}", QEMU.target);
        // Only core: where it has to be built, there is no alloc to lean on either.
        run(toolchain
            .cargo("build", QEMU.target, "core")
            .args(["--package", "node-core", "--lib", "--no-default-features", "--features", features])
            .arg("--target-dir")
            .arg(root().join("target/core-alone"))
            .current_dir(root()))?;
    }
    Ok(())
}
