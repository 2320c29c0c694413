//! A compiler for microcontrollers.
//!
//! An installed rustup target is used when there is one. Where none can be installed, Debian's `rustc-web`, `cargo-web`
//! and `rust-web-src` build core from its source; rustup's own cargo cannot, for rustup keeps the source elsewhere.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::run::{output, root};

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";
const DEBIAN_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/core/Cargo.toml";

/// Cortex-M0+, without compare-and-swap.
pub const THUMBV6M: &str = "thumbv6m-none-eabi";
/// Cortex-M4F and M7.
pub const THUMBV7EM: &str = "thumbv7em-none-eabihf";
/// Cortex-M33.
pub const THUMBV8M: &str = "thumbv8m.main-none-eabihf";
/// RISC-V with compare-and-swap.
pub const RISCV32IMAC: &str = "riscv32imac-unknown-none-elf";
/// RISC-V without compare-and-swap.
pub const RISCV32IMC: &str = "riscv32imc-unknown-none-elf";

/// Debian's packages of that compiler.
pub const DEBIAN_PACKAGES: [&str; 4] = ["cargo-web", "rust-web-clippy", "rust-web-src", "rustc-web"];

/// How code for one target is built.
pub enum Toolchain {
    /// With the compiler that builds everything else.
    Installed,
    /// With Debian's, and this linker.
    Debian {
        /// rustup's `rust-lld`.
        linker: PathBuf,
    },
}

impl Toolchain {
    /// The way that works here for `target`.
    ///
    /// # Errors
    ///
    /// None works; the message says what to type.
    pub fn find(target: &str) -> Result<Self> {
        if is_installed(target)? {
            return Ok(Self::Installed);
        }
        if ![DEBIAN_RUSTC, DEBIAN_CARGO, DEBIAN_CLIPPY, DEBIAN_SOURCE]
            .iter()
            .all(|file| Path::new(file).exists())
        {
            bail!(
                "no compiler for {target}: type `rustup target add {target}`, or on Debian `cargo xtask setup`"
            );
        }
        let host = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
        let linker = sysroot()?.join("lib/rustlib").join(host).join("bin/rust-lld");
        if !linker.exists() {
            bail!("no linker for {target}: {} is missing", linker.display());
        }
        Ok(Self::Debian { linker })
    }

    /// `cargo COMMAND --target TARGET`, ready for more arguments. `std_parts` are the parts of the standard library
    /// that the build may use, where they have to be built.
    #[must_use]
    pub fn cargo(&self, command: &str, target: &str, std_parts: &str) -> Command {
        let mut cargo = match self {
            Self::Installed => Command::new("cargo"),
            Self::Debian { linker } => {
                // By its name, cargo might find rustup's clippy, which knows another compiler.
                let program = if command == "clippy" { DEBIAN_CLIPPY } else { DEBIAN_CARGO };
                let mut cargo = Command::new(program);
                let target = target.replace('-', "_").to_uppercase();
                cargo
                    .env("CARGO", DEBIAN_CARGO)
                    .env("RUSTC", DEBIAN_RUSTC)
                    // `-Z build-std` is not stable yet.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env(format!("CARGO_TARGET_{target}_LINKER"), linker);
                cargo
            }
        };
        cargo.args([command, "--target", target]).env("CARGO_ENCODED_RUSTFLAGS", short_paths());
        if matches!(self, Self::Debian { .. }) {
            cargo.arg(format!("-Zbuild-std={std_parts}"));
        }
        cargo
    }
}

/// Flags by which the paths in panic messages begin at a package: shorter in flash, and as long on every machine.
fn short_paths() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo"))).unwrap_or_default();
    let registries = std::fs::read_dir(home.join("registry/src")).into_iter().flatten().flatten();
    let folders = registries.map(|registry| registry.path()).chain([root().to_path_buf()]);
    let flags = folders.map(|folder| format!("--remap-path-prefix={}=", folder.display()));
    flags.collect::<Vec<_>>().join("\x1f")
}

/// Whether the compiler on the path can build for `target` as it is.
///
/// # Errors
///
/// There is no `rustc`.
pub fn is_installed(target: &str) -> Result<bool> {
    Ok(sysroot()?.join("lib/rustlib").join(target).join("lib").exists())
}

fn sysroot() -> Result<PathBuf> {
    output(Command::new("rustc").args(["--print", "sysroot"])).map(PathBuf::from)
}
