//! Builds the firmware of the boards.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;
use node_tests::board::Sizes;

use crate::run::{root, run};
use crate::toolchain::Toolchain;

/// A board: the folder and package below `boards`, and what it is built for.
pub struct Board {
    /// Folder, package and program have one name.
    pub name: &'static str,
    /// The compiler's name for its processor.
    pub target: &'static str,
}

/// The board that tests run in QEMU.
pub const QEMU: Board = Board { name: "qemu-mps2-an386", target: "thumbv7em-none-eabihf" };

const BOARDS: [Board; 1] = [QEMU];

/// Builds every board and prints how large its firmware is.
///
/// # Errors
///
/// A compiler is missing, or a board does not build.
pub fn build_all() -> Result<()> {
    for board in &BOARDS {
        let elf = build(board)?;
        println!("{}: {}", board.name, Sizes::of(&elf)?);
        println!("{}", elf.display());
    }
    Ok(())
}

/// Lints every board; a warning is an error.
///
/// # Errors
///
/// A compiler is missing, or a board has a lint.
pub fn lint_all() -> Result<()> {
    BOARDS.iter().try_for_each(|board| run(cargo("clippy", board)?.args(["--", "--deny", "warnings"])))
}

/// Builds the release firmware of `board` and returns its ELF file.
///
/// # Errors
///
/// As [`build_all`].
pub fn build(board: &Board) -> Result<PathBuf> {
    run(&mut cargo("build", board)?)?;
    Ok(target_dir().join(board.target).join("release").join(board.name))
}

fn cargo(command: &str, board: &Board) -> Result<Command> {
    let mut cargo = Toolchain::find(board.target)?.cargo(command, board.target, "core,alloc");
    cargo.args(["--release", "--package", board.name, "--target-dir"]).arg(target_dir());
    // Cargo reads the board's own configuration only from there.
    cargo.current_dir(root().join("boards").join(board.name));
    Ok(cargo)
}

fn target_dir() -> PathBuf {
    root().join("boards/target")
}
