//! The firmware: its file, and the table by which its log is decoded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use defmt_decoder::Table;

/// A variable that may name an image, and the image that `cargo xtask firmware` builds.
type Place = (&'static str, &'static str);

const PLAIN: Place = (
    "MAEL_BOARD_ELF",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../boards/target/thumbv7em-none-eabihf/release/qemu-mps2-an386"),
);
const WITH_CA: Place = (
    "MAEL_BOARD_CA_ELF",
    concat!(env!("CARGO_MANIFEST_DIR"), "/../boards/target/ca/thumbv7em-none-eabihf/release/qemu-mps2-an386"),
);

/// A firmware image.
#[derive(Clone)]
pub struct Program {
    elf: PathBuf,
    table: Arc<Table>,
}

impl Program {
    /// The image that `MAEL_BOARD_ELF` names, otherwise the one that `cargo xtask firmware` builds.
    ///
    /// # Errors
    ///
    /// There is none, or it has no log table of a version that is known here.
    pub fn find() -> Result<Self> {
        Self::find_at(PLAIN)
    }

    /// The same for firmware with the feature `ca`, and `MAEL_BOARD_CA_ELF`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn find_with_ca() -> Result<Self> {
        Self::find_at(WITH_CA)
    }

    fn find_at((variable, built): Place) -> Result<Self> {
        let named = std::env::var_os(variable).map(PathBuf::from);
        Self::load(named.as_deref().unwrap_or(Path::new(built)))
    }

    /// The image in the file `elf`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn load(elf: &Path) -> Result<Self> {
        let elf = std::path::absolute(elf)?;
        let Ok(image) = std::fs::read(&elf) else {
            bail!("no firmware at {}: `cargo xtask firmware` builds it", elf.display());
        };
        let table = Table::parse(&image).with_context(|| format!("the log table of {}", elf.display()))?;
        let table = table.with_context(|| format!("{} has no log table", elf.display()))?;
        Ok(Self { elf, table: Arc::new(table) })
    }

    /// Its file.
    #[must_use]
    pub fn elf(&self) -> &Path {
        &self.elf
    }

    pub(super) fn table(&self) -> Arc<Table> {
        Arc::clone(&self.table)
    }
}
