//! The memory that a firmware takes.

use std::fmt;
use std::path::Path;

use anyhow::{Context as _, Result};
use object::elf::{SHF_ALLOC, SHF_WRITE, SHT_NOBITS};
use object::read::elf::{ElfFile32, FileHeader as _, SectionHeader as _};

/// Bytes of flash and of RAM that a firmware takes before it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Code, constants and the first values of variables.
    pub flash: u64,
    /// Variables; the stack is not among them.
    pub ram: u64,
}

/// Sections that take neither flash nor static RAM: the stack, and a gap between addresses (esp-hal).
const NO_MEMORY: [&[u8]; 2] = [b".stack", b".text_gap"];
/// Sections of code that is copied to RAM (esp-hal).
const CODE_IN_RAM: [&[u8]; 3] = [b".trap", b".rwtext", b".rwtext.wifi"];

impl Sizes {
    /// Reads them from the sections of a 32-bit ELF file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is something else.
    pub fn of(elf: &Path) -> Result<Self> {
        let image = std::fs::read(elf).with_context(|| elf.display().to_string())?;
        let file =
            ElfFile32::<object::Endianness>::parse(&*image).with_context(|| elf.display().to_string())?;
        let endian = file.endian();
        let sections = file.elf_header().sections(endian, &*image)?;
        let mut sizes = Self::default();
        for section in sections.iter() {
            let has = |flag| section.sh_flags(endian) & flag != 0;
            let name = sections.section_name(endian, section).unwrap_or_default();
            if !has(SHF_ALLOC) || NO_MEMORY.contains(&name) {
                continue;
            }
            let size = u64::from(section.sh_size(endian));
            let is_stored = section.sh_type(endian) != SHT_NOBITS;
            if is_stored {
                sizes.flash += size;
            }
            if has(SHF_WRITE) || !is_stored || CODE_IN_RAM.contains(&name) {
                sizes.ram += size;
            }
        }
        Ok(sizes)
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kib = |bytes: u64| bytes as f64 / 1024.0;
        write!(f, "flash {:.1} KiB, static RAM {:.1} KiB", kib(self.flash), kib(self.ram))
    }
}
