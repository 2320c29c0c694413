//! Installs what the other commands need.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::firmware::QEMU;
use crate::run::{output, run, run_aside};
use crate::toolchain::{DEBIAN_PACKAGES, Toolchain};

/// Something that the builds, the tests or the demo use, and where it comes from.
struct Need {
    name: &'static str,
    is_there: fn(&str) -> bool,
    /// What rustup takes to install it, if it does.
    rustup: &'static [&'static str],
    /// Debian's packages of it.
    packages: &'static [&'static str],
}

/// A linker and a C compiler are not among them: without those this program would not have been built.
const USES: [Need; 7] = [
    program("curl", &["curl"]),
    program("ip", &["iproute2"]),
    program("openssl", &["openssl"]),
    program("qemu-system-arm", &["qemu-system-arm"]),
    Need {
        name: "fmt",
        is_there: is_cargo_command,
        rustup: &["component", "add", "rustfmt"],
        packages: &["rustfmt"],
    },
    Need {
        name: "clippy",
        is_there: is_cargo_command,
        rustup: &["component", "add", "clippy"],
        packages: &["rust-clippy"],
    },
    Need {
        name: QEMU.target,
        is_there: |target| Toolchain::find(target).is_ok(),
        rustup: &["target", "add", QEMU.target],
        packages: &DEBIAN_PACKAGES,
    },
];

const fn program(name: &'static str, packages: &'static [&'static str]) -> Need {
    Need { name, is_there: is_program, rustup: &[], packages }
}

/// Installs what is missing: by rustup what that has, which needs no root; by apt-get the rest, when run by root.
/// Otherwise says how.
///
/// # Errors
///
/// Something is missing and was not installed.
pub fn setup() -> Result<()> {
    let mut missing: Vec<&Need> = USES.iter().filter(|need| !(need.is_there)(need.name)).collect();
    if is_program("rustup") {
        missing.retain(|need| need.rustup.is_empty() || !comes_by_rustup(need));
    }
    if missing.is_empty() {
        eprintln!("everything is installed");
        return Ok(());
    }
    if !is_program("apt-get") {
        let names: Vec<_> = missing.iter().map(|need| need.by_hand()).collect();
        bail!("this is not Debian: install yourself what is missing:\n  {}", names.join("\n  "));
    }
    let packages: Vec<_> = missing.iter().flat_map(|need| need.packages).copied().collect();
    let install = format!("apt-get install --yes --no-install-recommends {}", packages.join(" "));
    if output(Command::new("id").arg("-u"))? != "0" {
        bail!("packages are missing; type:\n  sudo apt-get update && sudo {install}");
    }
    for line in ["apt-get update", &install] {
        eprintln!("{line}");
        let mut words = line.split(' ');
        let program = words.next().unwrap_or_default();
        run_aside(
            Command::new(program).args(words).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()),
        )?;
    }
    Ok(())
}

impl Need {
    /// What somebody types, or looks for, who installs it without us.
    fn by_hand(&self) -> String {
        if self.rustup.is_empty() {
            return self.name.to_owned();
        }
        format!("rustup {}", self.rustup.join(" "))
    }
}

/// Whether rustup installs it. It may be cut off from its server: then there is Debian's.
fn comes_by_rustup(need: &Need) -> bool {
    println!("{}", need.by_hand());
    run(Command::new("rustup").args(need.rustup)).is_ok()
}

/// Whether a program of this name is found where programs are.
fn is_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Administrators' folders are not on everybody's path.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into()]);
    folders.into_iter().any(|folder: PathBuf| folder.join(name).is_file())
}

/// Whether cargo has this command. rustup leaves a file of its name also where it is not installed.
fn is_cargo_command(name: &str) -> bool {
    let mut cargo = Command::new("cargo");
    cargo.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    cargo.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_looked_for_not_packages() {
        assert!(is_program("sh"));
        assert!(!is_program("no-such-program"));
    }

    #[test]
    fn commands_of_cargo_are_tried() {
        assert!(is_cargo_command("fmt"));
        assert!(!is_cargo_command("no-such-command"));
    }

    #[test]
    fn what_rustup_has_is_named_as_it_is_typed() {
        let lines: Vec<_> = USES.iter().map(Need::by_hand).collect();
        assert!(lines.contains(&"rustup target add thumbv7em-none-eabihf".to_owned()), "{lines:?}");
        assert!(lines.contains(&"rustup component add clippy".to_owned()), "{lines:?}");
    }
}
