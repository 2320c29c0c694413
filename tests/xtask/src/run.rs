//! Running other programs.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The folder of the project.
pub fn root() -> &'static Path {
    // Two folders above this package.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// `cargo COMMAND` in the folder of the project.
#[must_use]
pub fn cargo(command: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.arg(command).current_dir(root());
    cargo
}

/// Runs `command` with our own input and output.
///
/// # Errors
///
/// It does not start, or it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?} does not start"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// As [`run`], but the output of `command` goes to standard error, for our own output may be JSON.
///
/// # Errors
///
/// It does not start, or it fails.
pub fn run_aside(command: &mut Command) -> Result<()> {
    run(command.stdout(std::io::stderr()))
}

/// The output of `command`, without white space around it. Its standard error goes to our own.
///
/// # Errors
///
/// It does not start, or fails, or prints bytes that are not text.
pub fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("{command:?} does not start"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
