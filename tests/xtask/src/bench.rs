//! `cargo xtask bench`: builds everything for release, and runs the package that measures it.

use anyhow::Result;

use crate::firmware::{self, QEMU};
use crate::run::{cargo, run};
use crate::setup;

/// What is handed on.
#[derive(clap::Args)]
pub struct Arguments {
    /// For `node-bench`: `--json`, `--seconds N`, `--board-only`, `--linux-only`, `--keep-sizes`; or `swim`, and options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measures; nothing is judged.
///
/// # Errors
///
/// Something does not build or start.
pub fn bench(arguments: &Arguments) -> Result<()> {
    // What is simulated needs no board.
    if arguments.rest.first().is_none_or(|first| first != "swim") {
        setup::setup()?;
        firmware::build(&QEMU)?;
    }
    run(cargo("run").args(["--release", "--quiet", "--package", "node-bench", "--"]).args(&arguments.rest))
}
