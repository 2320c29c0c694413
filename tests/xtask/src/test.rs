//! Runs every check; the fastest come first.

mod programs;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::run::{cargo, run};
use crate::{core_alone, dependencies, firmware, layers, setup};

/// The name of a check, and the check.
type Step = (&'static str, fn() -> Result<()>);

const STEPS: [Step; 11] = [
    ("programs that the tests need", setup::setup),
    ("format", format),
    ("dependencies against deny.toml", dependencies::check),
    ("modules and circles against layers.toml", layers::check),
    ("node-core without an operating system", core_alone::build),
    ("lints", lint),
    ("lints of the firmware", firmware::lint_all),
    ("firmware", || firmware::build_all(false)),
    ("tests", tests),
    ("documentation", documentation),
    ("node-std with ring", ring),
];

/// Runs every check and stops at the first that fails.
///
/// # Errors
///
/// A check failed; the message names it.
pub fn test() -> Result<()> {
    let started = Instant::now();
    let mut times = Vec::new();
    for (number, (name, check)) in (1..).zip(STEPS) {
        let step = format!("{number}/{} {name}", STEPS.len());
        println!("==> {step}");
        let started = Instant::now();
        check().with_context(|| format!("step {step}"))?;
        times.push((name, started.elapsed()));
    }
    println!("==> every check passed");
    for (name, time) in times {
        println!("{} {name}", clock(time));
    }
    println!("{} in all", clock(started.elapsed()));
    Ok(())
}

fn format() -> Result<()> {
    for manifest in ["Cargo.toml", "boards/Cargo.toml"] {
        run(cargo("fmt").args(["--all", "--check", "--manifest-path", manifest]))?;
    }
    Ok(())
}

fn lint() -> Result<()> {
    run(cargo("clippy")
        .args(["--workspace", "--all-targets", "--locked"])
        .args(WITH_BOARDS)
        .args(DENY_WARNINGS))?;
    // A leaf is built without what only hubs do; here the workspace turns it on.
    run(cargo("clippy")
        .args(["--package", "node-core", "--locked", "--no-default-features", "--features", "software"])
        .args(DENY_WARNINGS))?;
    // Here, the sizes are those of a product with more memory.
    let leaf = ["--package", "node-embedded", "--locked"];
    run(cargo("clippy").envs(firmware::LARGE).args(leaf).args(DENY_WARNINGS))
}

fn tests() -> Result<()> {
    let ran = programs::run();
    all(ran, run(cargo("test").args(["--workspace", "--locked", "--doc"]).args(WITH_BOARDS)))
}

fn documentation() -> Result<()> {
    let mut doc = cargo("doc");
    doc.args(["--workspace", "--locked", "--no-deps", "--document-private-items"]).args(WITH_BOARDS);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"))
}

fn ring() -> Result<()> {
    let mut clippy = cargo("clippy");
    clippy.args(["--package", "node-std", "--all-targets", "--locked"]);
    run(clippy.args(["--no-default-features", "--features", "ring"]).args(DENY_WARNINGS))
}

const WITH_BOARDS: [&str; 2] = ["--features", "node-tests/qemu"];
const DENY_WARNINGS: [&str; 3] = ["--", "--deny", "warnings"];

/// Success if both were successful, else what went wrong in either.
fn all(one: Result<()>, other: Result<()>) -> Result<()> {
    match (one, other) {
        (Err(one), Err(other)) => bail!("{one:#}\n{other:#}"),
        (one, other) => one.and(other),
    }
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{:3}:{:02}", seconds / 60, seconds % 60)
}
