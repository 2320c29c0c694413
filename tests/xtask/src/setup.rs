//! Installs the programs that the other commands tool.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::run::{output, run, run_aside};
use crate::toolchain::{DEBIAN_PACKAGES, RISCV32IMAC, RISCV32IMC, THUMBV6M, THUMBV7EM, THUMBV8M, Toolchain};

/// A program or target that the builds, the tests or the demo use, and where it comes from.
struct Tool {
    name: &'static str,
    is_there: fn(&str) -> bool,
    /// Arguments for rustup to install it, if rustup has it.
    rustup: &'static [&'static str],
    /// Debian's packages of it.
    packages: &'static [&'static str],
}

const CURL: Tool = program("curl", &["curl"]);
const OPENSSL: Tool = program("openssl", &["openssl"]);

/// A linker and a C compiler are not among them: this program could not have been built without them.
const TOOLS: [Tool; 12] = [
    CURL,
    program("ip", &["iproute2"]),
    OPENSSL,
    program("qemu-system-arm", &["qemu-system-arm"]),
    program("qemu-system-riscv32", &["qemu-system-misc"]),
    Tool {
        name: "fmt",
        is_there: is_cargo_command,
        rustup: &["component", "add", "rustfmt"],
        packages: &["rustfmt"],
    },
    Tool {
        name: "clippy",
        is_there: is_cargo_command,
        rustup: &["component", "add", "clippy"],
        packages: &["rust-clippy"],
    },
    target(THUMBV6M, &["target", "add", THUMBV6M]),
    target(THUMBV7EM, &["target", "add", THUMBV7EM]),
    target(THUMBV8M, &["target", "add", THUMBV8M]),
    target(RISCV32IMC, &["target", "add", RISCV32IMC]),
    target(RISCV32IMAC, &["target", "add", RISCV32IMAC]),
];

/// A target for which the boards, or `core-alone`, are built.
const fn target(name: &'static str, rustup: &'static [&'static str]) -> Tool {
    Tool { name, is_there: |target| Toolchain::find(target).is_ok(), rustup, packages: &DEBIAN_PACKAGES }
}

/// What only `cargo xtask bench proxy` and `idle` use: a load, and the proxies to compare with.
const PROXIES: [Tool; 5] =
    [CURL, OPENSSL, program("wrk", &["wrk"]), program("nginx", &["nginx"]), program("haproxy", &["haproxy"])];

const fn program(name: &'static str, packages: &'static [&'static str]) -> Tool {
    Tool { name, is_there: is_program, rustup: &[], packages }
}

/// Installs the missing tools: with rustup those that it has, which needs no root; with apt-get the rest, when run as root.
/// Otherwise prints how to install them.
///
/// # Errors
///
/// Something is missing and was not installed.
pub fn setup() -> Result<()> {
    install(missing_of(&TOOLS))
}

/// The same with the programs of `cargo xtask bench proxy` and `idle`. Debian starts the services of those that it installs; they are
/// stopped, for here they run with configurations of their own.
///
/// # Errors
///
/// Something is missing and was not installed.
pub fn proxies() -> Result<()> {
    let missing = missing_of(&PROXIES);
    let services: Vec<_> =
        missing.iter().map(|tool| tool.name).filter(|name| ["nginx", "haproxy"].contains(name)).collect();
    install(missing)?;
    if !services.is_empty() && is_program("systemctl") {
        // It fails where systemd does not run, and then nothing was started.
        let _ = run_aside(Command::new("systemctl").args(["disable", "--now"]).args(services));
    }
    Ok(())
}

fn missing_of(tools: &[Tool]) -> Vec<&Tool> {
    tools.iter().filter(|tool| !(tool.is_there)(tool.name)).collect()
}

fn install(mut missing: Vec<&Tool>) -> Result<()> {
    if is_program("rustup") {
        missing.retain(|tool| tool.rustup.is_empty() || !comes_by_rustup(tool));
    }
    if missing.is_empty() {
        eprintln!("everything is installed");
        return Ok(());
    }
    if !is_program("apt-get") {
        let names: Vec<_> = missing.iter().map(|tool| tool.by_hand()).collect();
        bail!("this is not Debian: install these yourself:\n  {}", names.join("\n  "));
    }
    let packages: Vec<_> = missing.iter().flat_map(|tool| tool.packages).copied().collect();
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

impl Tool {
    /// The command, or the name to look for, to install it by hand.
    fn by_hand(&self) -> String {
        if self.rustup.is_empty() {
            return self.name.to_owned();
        }
        format!("rustup {}", self.rustup.join(" "))
    }
}

/// Whether rustup installs it. Without its server rustup fails, and Debian's package is used.
fn comes_by_rustup(tool: &Tool) -> bool {
    println!("{}", tool.by_hand());
    run(Command::new("rustup").args(tool.rustup)).is_ok()
}

/// Whether a program of this name is on the path.
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
    fn a_tool_of_rustup_is_named_by_its_command() {
        let lines: Vec<_> = TOOLS.iter().map(Tool::by_hand).collect();
        assert!(lines.contains(&"rustup target add thumbv7em-none-eabihf".to_owned()), "{lines:?}");
        assert!(lines.contains(&"rustup component add clippy".to_owned()), "{lines:?}");
    }
}
