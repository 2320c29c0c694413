//! Debian's package of serf, for comparison. It is unpacked and not installed: its installation starts an agent.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::run::{root, run, run_aside};

/// The program; it is fetched first if it is not there.
///
/// # Errors
///
/// It cannot be had: this is not Debian, or there is no network.
pub fn serf() -> Result<PathBuf> {
    let dir = root().join("target/serf");
    let serf = dir.join("usr/bin/serf");
    if serf.is_file() {
        return Ok(serf);
    }
    // The remains of an earlier attempt are useless.
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir)?;
    run_aside(Command::new("apt-get").args(["--quiet", "download", "serf"]).current_dir(&dir))?;
    let package = fs::read_dir(&dir)?.next().context("apt-get download brought nothing")??;
    run(Command::new("dpkg-deb").arg("--extract").arg(package.path()).arg(&dir))?;
    Ok(serf)
}
