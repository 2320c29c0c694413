//! `cargo xtask sim`: plays scenarios with simulated clusters.

use anyhow::Result;

use crate::run::{cargo, run};

/// What is handed on.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub struct Arguments {
    /// A scenario or `all`, and options: `cargo xtask sim --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds the player for release, for thousands of nodes take their time, and runs it.
///
/// # Errors
///
/// It does not build, or a scenario cannot be played.
pub fn sim(arguments: &Arguments) -> Result<()> {
    run(cargo("run").args(["--release", "--package", "node-sim", "--"]).args(&arguments.rest))
}
