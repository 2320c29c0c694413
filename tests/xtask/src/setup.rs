//! Installs what the other commands need.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::firmware::QEMU;
use crate::run::{output, run};
use crate::toolchain::{self, DEBIAN_PACKAGES};

/// Programs that tests and the demo run, by Debian's names for their packages.
const PROGRAMS: [&str; 4] = ["curl", "iproute2", "openssl", "qemu-system-arm"];

/// Installs the Debian packages that are missing, when run by root; otherwise says how.
///
/// # Errors
///
/// Something is missing and was not installed.
pub fn setup() -> Result<()> {
    let mut wanted = PROGRAMS.to_vec();
    if !toolchain::is_installed(QEMU.target)? {
        wanted.extend(DEBIAN_PACKAGES);
    }
    if !Path::new("/usr/bin/apt-get").exists() {
        bail!(
            "this is not Debian: install {} yourself, and type `rustup target add {}`",
            PROGRAMS.join(", "),
            QEMU.target
        );
    }
    let missing: Vec<_> = wanted.into_iter().filter(|package| !has_package(package)).collect();
    if missing.is_empty() {
        println!("everything is installed");
        return Ok(());
    }
    let install = format!("apt-get install --yes --no-install-recommends {}", missing.join(" "));
    if output(Command::new("id").arg("-u"))? != "0" {
        bail!("packages are missing; type:\n  sudo apt-get update && sudo {install}");
    }
    for line in ["apt-get update", &install] {
        println!("{line}");
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        run(Command::new(program).args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()))?;
    }
    Ok(())
}

fn has_package(package: &str) -> bool {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat=${db:Status-Status}", package]).stderr(Stdio::null());
    query.output().is_ok_and(|answer| answer.stdout == b"installed")
}
