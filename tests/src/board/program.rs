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

/// What a board runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Firmware {
    /// A leaf.
    #[default]
    Leaf,
    /// A leaf that takes CAs from the settings, for [`Machine::An386`].
    Ca,
    /// A hub, for the same machine.
    Hub,
    /// A leaf with one worker and small buffers, and neither DHCP nor logs, for the same machine.
    Small,
    /// No node, but the vectors of PROTOCOL.md and of the cryptography.
    Vectors,
}

impl Program {
    /// The image that `cargo xtask firmware` builds. For a node on [`Machine::An386`] the variables `MAEL_BOARD_ELF`, `MAEL_BOARD_CA_ELF`,
    /// `MAEL_BOARD_HUB_ELF` and `MAEL_BOARD_SMALL_ELF` may name another one.
    ///
    /// # Errors
    ///
    /// There is none, or it has no log table of a version that is known here.
    pub fn find(machine: Machine, firmware: Firmware) -> Result<Self> {
        let name = machine.name();
        let (variable, image) = match firmware {
            Firmware::Leaf => (Some("MAEL_BOARD_ELF"), name.to_owned()),
            Firmware::Ca => (Some("MAEL_BOARD_CA_ELF"), format!("{name}-ca")),
            Firmware::Hub => (Some("MAEL_BOARD_HUB_ELF"), format!("{name}-hub")),
            Firmware::Small => (Some("MAEL_BOARD_SMALL_ELF"), format!("{name}-small")),
            Firmware::Vectors => (None, format!("vectors-{}", machine.target())),
        };
        let variable = variable.filter(|_| machine == Machine::An386);
        let named = variable.and_then(std::env::var_os).map(PathBuf::from);
        let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../boards/target/firmware");
        Self::load(machine, &named.unwrap_or_else(|| images.join(image)))
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
