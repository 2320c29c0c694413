//! The programs under test, built from the present code.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

/// The files of the programs.
struct Programs {
    maelstromd: PathBuf,
    maelctl: PathBuf,
}

/// The daemon.
///
/// # Errors
///
/// It does not build.
pub fn maelstromd() -> Result<&'static Path> {
    Ok(&built()?.maelstromd)
}

/// The operator's tool.
///
/// # Errors
///
/// It does not build.
pub fn maelctl() -> Result<&'static Path> {
    Ok(&built()?.maelctl)
}

/// An example of node-std: a program of an application. `cargo xtask test` has built it, with the features of the whole workspace.
///
/// # Errors
///
/// It does not build.
pub fn example(name: &str) -> Result<PathBuf> {
    let messages = messages("dev", &["--workspace", "--features", "node-tests/qemu", "--example", name])?;
    executable(&messages, name)
}

/// Builds them for release, and returns when they are there. Without this, the first use builds them for debugging;
/// what was built first is used until the end.
///
/// # Errors
///
/// They do not build.
pub fn build_release() -> Result<()> {
    built_as("release").map(drop)
}

fn built() -> Result<&'static Programs> {
    built_as("dev")
}

fn built_as(profile: &str) -> Result<&'static Programs> {
    static BUILT: OnceLock<Result<Programs, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build(profile).map_err(|error| format!("{error:#}")));
    built.as_ref().map_err(|error| anyhow!("{error}"))
}

fn build(profile: &str) -> Result<Programs> {
    let messages = messages(profile, &["--package", "node-std", "--bins"])?;
    Ok(Programs {
        maelstromd: executable(&messages, "maelstromd")?,
        maelctl: executable(&messages, "maelctl")?,
    })
}

/// Builds targets of node-std. Cargo knows whether there is anything to build, and where it puts the programs.
fn messages(profile: &str, targets: &[&str]) -> Result<String> {
    let cargo = Command::new(env!("CARGO"))
        .args(["build", "--profile", profile])
        .args(targets)
        .args(["--message-format", "json-render-diagnostics"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .stderr(Stdio::inherit())
        .output()
        .context("cargo does not start")?;
    ensure!(cargo.status.success(), "cargo build {} failed", targets.join(" "));
    Ok(String::from_utf8(cargo.stdout)?)
}

/// The file of a program in what cargo said.
fn executable(messages: &str, name: &str) -> Result<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == name)
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .with_context(|| format!("cargo did not say where {name} is"))
}
