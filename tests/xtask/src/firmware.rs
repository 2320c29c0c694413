//! Builds the firmware of the boards.

mod kept;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use node_tests::board::{Machine, Sizes};

use crate::run::{root, run};
use crate::toolchain::{RISCV32IMAC, RISCV32IMC, THUMBV7EM, THUMBV8M, Toolchain};

/// A board: the folder and package below `boards`, and what it is built for.
#[derive(Clone, Copy)]
pub struct Board<'f> {
    /// Folder, package and program have one name.
    pub name: &'static str,
    /// The compiler's name for its processor.
    pub target: &'static str,
    /// Features of its package beside the default ones, with commas between them.
    pub features: &'f str,
    /// What is added to the name of its image after a hyphen, so that one with other features or for another processor does not
    /// replace it.
    pub variant: &'static str,
    /// It is built without default features, and with the sizes of [`SMALL`].
    pub is_small: bool,
}

impl Board<'_> {
    /// The firmware for an emulated machine.
    pub const fn emulated(machine: Machine) -> Self {
        Self::of(machine.name(), machine.target())
    }

    const fn of(name: &'static str, target: &'static str) -> Self {
        Self { name, target, features: "", variant: "", is_small: false }
    }
}

/// The board that most tests run in QEMU.
pub const QEMU: Board<'_> = Board::emulated(Machine::An386);
/// The same with a CA, for the tests of that.
pub const QEMU_WITH_CA: Board<'_> = Board { features: "ca", variant: "ca", ..QEMU };
/// The same as a hub.
pub const QEMU_HUB: Board<'_> = Board { features: "hub", variant: "hub", ..QEMU };
/// The same with as little as a node can do with.
pub const QEMU_SMALL: Board<'_> = Board { variant: "small", is_small: true, ..QEMU };

/// The sizes of a small node (node-embedded/src/sizes.rs).
const SMALL: [(&str, &str); 6] = [
    ("NODE_EMBEDDED_BUNDLE", "2048"),
    ("NODE_EMBEDDED_EXCHANGE_CREDIT", "256"),
    ("NODE_EMBEDDED_TCP_READ", "1460"),
    ("NODE_EMBEDDED_TCP_WRITE", "1460"),
    ("NODE_EMBEDDED_TLS_READ", "1600"),
    ("NODE_EMBEDDED_WORKERS", "1"),
];

/// Sizes of a node with memory to spare, each near its most.
pub const LARGE: [(&str, &str); 7] = [
    ("NODE_EMBEDDED_EXCHANGE_CREDIT", "65535"),
    ("NODE_EMBEDDED_LOG", "65536"),
    ("NODE_EMBEDDED_MEMBERS", "1024"),
    ("NODE_EMBEDDED_TCP_READ", "65535"),
    ("NODE_EMBEDDED_TCP_WRITE", "65535"),
    ("NODE_EMBEDDED_THEIR_EXCHANGES", "64"),
    ("NODE_EMBEDDED_TLS_READ", "16640"),
];

const BOARDS: [Board<'_>; 10] = [
    QEMU,
    QEMU_WITH_CA,
    QEMU_HUB,
    QEMU_SMALL,
    Board::emulated(Machine::An500),
    Board::emulated(Machine::An505),
    Board::emulated(Machine::Virt),
    Board::of("pico2-w5500", THUMBV8M),
    Board::of("nucleo-h743zi", THUMBV7EM),
    Board::of("esp32-c6", RISCV32IMAC),
];

/// The names of all boards.
pub fn names() -> impl Iterator<Item = &'static str> {
    BOARDS.iter().filter(|board| board.variant.is_empty()).map(|board| board.name)
}

/// The program that runs the vectors on the processor of most tests.
pub const QEMU_VECTORS: Board<'_> = vectors(THUMBV7EM);
/// The same for each processor that is emulated: two machines have the same one.
const VECTORS: [Board<'_>; 3] = [QEMU_VECTORS, vectors(THUMBV8M), vectors(RISCV32IMC)];

const fn vectors(target: &'static str) -> Board<'static> {
    Board { variant: target, ..Board::of("vectors", target) }
}

/// Builds every board, prints how large its firmware is, and compares that with its sizes.txt, or with `keep` writes it there. Builds the
/// vectors, too.
///
/// # Errors
///
/// A compiler is missing, a board does not build, or it has grown.
pub fn build_all(keep: bool) -> Result<()> {
    BOARDS.iter().try_for_each(|board| {
        let sizes = print(board)?;
        if keep { kept::keep(board, sizes) } else { kept::check(board, sizes) }
    })?;
    VECTORS.iter().try_for_each(|program| build(program).map(drop))
}

/// Builds the emulated board alone, with these features, and prints how large its firmware is.
///
/// # Errors
///
/// A compiler is missing, or it does not build.
pub fn build_with(features: &str) -> Result<()> {
    print(&Board { features, variant: "features", ..QEMU }).map(drop)
}

/// Builds a board and prints how large its firmware is.
fn print(board: &Board<'_>) -> Result<Sizes> {
    let elf = build(board)?;
    let Board { name, features, is_small, .. } = board;
    let with = if features.is_empty() { String::new() } else { format!(" with {features}") };
    let small = if *is_small { ", small" } else { "" };
    let sizes = Sizes::of(&elf)?;
    println!("{name}{with}{small}: {sizes} ({} and {} bytes)", sizes.flash, sizes.ram);
    println!("{}", elf.display());
    Ok(sizes)
}

/// Lints every board and the vectors; a warning is an error.
///
/// # Errors
///
/// A compiler is missing, or a board has a lint.
pub fn lint_all() -> Result<()> {
    BOARDS
        .iter()
        .chain(&VECTORS)
        .try_for_each(|board| run(cargo("clippy", board)?.args(["--", "--deny", "warnings"])))
}

/// Builds the release firmware of `board` and returns its image, an ELF file.
///
/// All firmware shares one target directory, in which one with other features has the same name: each image is copied out of it.
///
/// # Errors
///
/// As [`build_all`].
pub fn build(board: &Board<'_>) -> Result<PathBuf> {
    run(&mut cargo("build", board)?)?;
    let images = target_dir().join("firmware");
    let names = [board.name, board.variant];
    let image = images.join(names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join("-"));
    fs::create_dir_all(&images).with_context(|| images.display().to_string())?;
    fs::copy(target_dir().join(board.target).join("release").join(board.name), &image)
        .with_context(|| image.display().to_string())?;
    Ok(image)
}

fn cargo(command: &str, board: &Board<'_>) -> Result<Command> {
    let mut cargo = Toolchain::find(board.target)?.cargo(command, board.target, "core,alloc");
    cargo.args(["--release", "--package", board.name, "--features", board.features, "--target-dir"]);
    cargo.arg(target_dir());
    // Lines are enough for tests, and take the linker half of the time. By hand, a board is built with all that a debugger wants.
    cargo.env("CARGO_PROFILE_RELEASE_DEBUG", "line-tables-only");
    if board.is_small {
        cargo.arg("--no-default-features").envs(SMALL);
    }
    // Cargo reads the board's own configuration only from there.
    cargo.current_dir(root().join("boards").join(board.name));
    Ok(cargo)
}

fn target_dir() -> PathBuf {
    root().join("boards/target")
}
