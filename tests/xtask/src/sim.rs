//! `cargo xtask sim`: plays scenarios with simulated clusters.

use anyhow::{Context as _, Result, ensure};

use crate::run::{cargo, run};

/// Arguments that are passed on to node-sim.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Arguments {
    /// A scenario or `all`, and options: `cargo xtask sim --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Tables of thousands of nodes are many gigabytes of small objects. The processor finds them faster in large pages.
const LARGE_PAGES: &str =
    "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.top_pad=67108864";

/// Builds the player for release, for thousands of nodes take their time, and runs it.
///
/// # Errors
///
/// It does not build, or does not run to its end.
pub fn sim(arguments: &Arguments) -> Result<()> {
    run(cargo("build").args(["--release", "--package", "node-sim"]))?;
    let mut player = cargo("run");
    player.args(["--quiet", "--release", "--package", "node-sim", "--"]).args(&arguments.rest);
    let status = player.env("GLIBC_TUNABLES", LARGE_PAGES).status().context("cargo does not start")?;
    if let Some(code @ 1..) = status.code() {
        // The player has printed the error.
        std::process::exit(code);
    }
    ensure!(status.success(), "the player failed: {status}");
    Ok(())
}
