//! The firmware: its file, and the table by which its log is decoded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use defmt_decoder::Table;

use super::Machine;

/// A firmware image.
#[derive(Clone)]
pub struct Program {
    machine: Machine,
    elf: PathBuf,
    table: Arc<Table>,
}

impl Program {
    /// The image that `cargo xtask firmware` builds. For [`Machine::An386`] the variable `MAEL_BOARD_ELF` may name another one.
    ///
    /// # Errors
    ///
    /// There is none, or it has no log table of a version that is known here.
    pub fn find(machine: Machine) -> Result<Self> {
        Self::find_at(machine, "MAEL_BOARD_ELF", "")
    }

    /// The same for firmware of [`Machine::An386`] with the feature `ca`, and `MAEL_BOARD_CA_ELF`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn find_with_ca() -> Result<Self> {
        Self::find_at(Machine::An386, "MAEL_BOARD_CA_ELF", "-ca")
    }

    /// The same with the feature `hub`, and `MAEL_BOARD_HUB_ELF`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn find_hub() -> Result<Self> {
        Self::find_at(Machine::An386, "MAEL_BOARD_HUB_ELF", "-hub")
    }

    fn find_at(machine: Machine, variable: &str, variant: &str) -> Result<Self> {
        let named = std::env::var_os(variable).filter(|_| machine == Machine::An386).map(PathBuf::from);
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boards/target/firmware");
        let built = images.join(format!("{}{variant}", machine.name()));
        Self::load(machine, &named.unwrap_or(built))
    }

    /// The image in the file `elf`.
    ///
    /// # Errors
    ///
    /// As [`find`](Self::find).
    pub fn load(machine: Machine, elf: &Path) -> Result<Self> {
        let elf = std::path::absolute(elf)?;
        let Ok(image) = std::fs::read(&elf) else {
            bail!("no firmware at {}: `cargo xtask firmware` builds it", elf.display());
        };
        let table = Table::parse(&image).with_context(|| format!("the log table of {}", elf.display()))?;
        let table = table.with_context(|| format!("{} has no log table", elf.display()))?;
        Ok(Self { machine, elf, table: Arc::new(table) })
    }

    /// The machine that it is for.
    #[must_use]
    pub const fn machine(&self) -> Machine {
        self.machine
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
