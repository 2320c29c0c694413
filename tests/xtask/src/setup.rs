//! Installs what the other commands need.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::firmware::QEMU;
use crate::run::{output, run};
use crate::toolchain::{self, DEBIAN_PACKAGES};

/// Programs that the build, the tests and the demo run, each with Debian's packages for it.
const PROGRAMS: [(&str, &[&str]); 5] = [
    // Rust links with it, and builds the cryptography in C.
    ("cc", &["gcc", "libc6-dev"]),
    ("curl", &["curl"]),
    ("ip", &["iproute2"]),
    ("openssl", &["openssl"]),
    ("qemu-system-arm", &["qemu-system-arm"]),
];

/// Installs the Debian packages that are missing, when run by root; otherwise says how.
///
/// # Errors
///
/// Something is missing and was not installed.
pub fn setup() -> Result<()> {
    let absent: Vec<_> = PROGRAMS.iter().filter(|(program, _)| !is_program(program)).collect();
    let has_compiler = toolchain::Toolchain::find(QEMU.target).is_ok();
    if absent.is_empty() && has_compiler {
        println!("everything is installed");
        return Ok(());
    }
    if !is_program("apt-get") {
        let absent: Vec<_> = absent.iter().map(|(program, _)| *program).collect();
        bail!(
            "this is not Debian: install what is missing of {absent:?} yourself, and type `rustup target add {}`",
            QEMU.target
        );
    }
    let mut missing: Vec<_> = absent.iter().flat_map(|(_, packages)| *packages).copied().collect();
    if !has_compiler {
        missing.extend(DEBIAN_PACKAGES);
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

/// Whether a program of this name is found where programs are.
fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Administrators' folders are not on everybody's path.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder: PathBuf| folder.join(name).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_not_packages() {
        assert!(is_program("sh"));
        assert!(!is_program("no-such-program"));
    }
}
