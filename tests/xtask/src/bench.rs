//! `cargo xtask bench`: builds everything for release, and runs the package that measures it.

use anyhow::Result;

use crate::firmware::{self, QEMU};
use crate::run::{cargo, run};
use crate::{setup, yardstick};

/// What is handed on.
#[derive(clap::Args)]
pub struct Arguments {
    /// For `node-bench`: `--json`, `--seconds N`, `--board-only`, `--linux-only`, `--keep-sizes`; or `members`, or `swim`, and options
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measures; nothing is judged.
///
/// # Errors
///
/// Something does not build or start.
pub fn bench(arguments: &Arguments) -> Result<()> {
    let mut bench = cargo("run");
    bench.args(["--release", "--package", "node-bench", "--"]).args(&arguments.rest);
    let what = arguments.rest.first().map(String::as_str);
    // What is simulated needs no other program.
    if what != Some("swim") {
        setup::setup()?;
        match yardstick::serf() {
            Ok(serf) => {
                bench.env("SERF", serf);
            }
            Err(error) => eprintln!("there is no serf to compare with: {error:#}"),
        }
    }
    if !matches!(what, Some("members" | "swim")) {
        firmware::build(&QEMU)?;
    }
    run(&mut bench)
}
