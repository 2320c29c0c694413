//! `cargo xtask bench`: builds everything for release, and runs the package that measures it.

use anyhow::Result;

use crate::firmware::{self, QEMU, QEMU_HUB, QEMU_SMALL, QEMU_VECTORS, QEMU_WITH_CA};
use crate::run::{cargo, run};
use crate::{setup, yardstick};

/// Arguments that are passed on to node-bench.
#[derive(clap::Args)]
pub struct Arguments {
    /// Measure only `board`, `linux`, `members`, `swim`, `proxy` or `idle`; `--json`, `--seconds N`, `--keep-sizes`; see `-- --help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Measures and prints the figures; no figure fails.
///
/// # Errors
///
/// Something does not build or start.
pub fn bench(arguments: &Arguments) -> Result<()> {
    let mut bench = cargo("run");
    bench.args(["--release", "--package", "node-bench", "--"]).args(&arguments.rest);
    let what = arguments.rest.first().map(String::as_str);
    let alone = |part| what == Some(part);
    if alone("proxy") || alone("idle") {
        setup::proxies()?;
        return run(&mut bench);
    }
    // The simulation needs no other program.
    if !alone("swim") {
        setup::setup()?;
    }
    if !["swim", "board", "linux"].into_iter().any(alone) {
        match yardstick::serf() {
            Ok(serf) => {
                bench.env("SERF", serf);
            }
            Err(error) => eprintln!("there is no serf to compare with: {error:#}"),
        }
    }
    if !["swim", "linux", "members"].into_iter().any(alone) {
        firmware::build(&QEMU)?;
        firmware::build(&QEMU_WITH_CA)?;
        firmware::build(&QEMU_HUB)?;
        firmware::build(&QEMU_SMALL)?;
        firmware::build(&QEMU_VECTORS)?;
    }
    run(&mut bench)
}
