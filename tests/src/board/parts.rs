//! What takes the memory of a firmware: its crates the flash, its variables the RAM.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SectionKind};

/// Bytes of the parts of a firmware, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// Code and constants of each crate. Code that was inlined counts for the crate that it was inlined into; texts and constants
    /// without a name are not among them.
    pub flash: Vec<(String, u64)>,
    /// Variables.
    pub ram: Vec<(String, u64)>,
}

impl Parts {
    /// Reads them from the symbols of an ELF file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is something else.
    pub fn of(elf: &Path) -> Result<Self> {
        let image = std::fs::read(elf).with_context(|| elf.display().to_string())?;
        let file = object::File::parse(&*image).with_context(|| elf.display().to_string())?;
        // Several names may mean one place.
        let (mut flash, mut ram) = (BTreeMap::new(), BTreeMap::new());
        for symbol in file.symbols().filter(|symbol| symbol.size() > 0) {
            let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
            let (Some(section), Ok(name)) = (section, symbol.name()) else { continue };
            let name = format!("{:#}", rustc_demangle::demangle(name));
            let place = (symbol.address(), symbol.size());
            match section.kind() {
                SectionKind::Text | SectionKind::ReadOnlyData => flash.insert(place, crate_of(&name)),
                SectionKind::Data | SectionKind::UninitializedData => ram.insert(place, variable(&name)),
                _ => None,
            };
        }
        Ok(Self { flash: sum(flash), ram: sum(ram) })
    }
}

fn sum(symbols: BTreeMap<(u64, u64), String>) -> Vec<(String, u64)> {
    let mut sums = BTreeMap::<_, u64>::new();
    for ((_, size), name) in symbols {
        *sums.entry(name).or_default() += size;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    sums
}

/// The crate in which a function is written: the first name of its path, or of the type that implements a trait.
fn crate_of(name: &str) -> String {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut words = name.split_inclusive(|c| !is_part(c)).scan(0, |end, word| {
        *end += word.len();
        Some((word.trim_end_matches(|c| !is_part(c)), *end))
    });
    let found = words.find(|(word, end)| !word.is_empty() && name[end - 1..].starts_with("::"));
    found.map_or_else(|| "runtime".to_owned(), |(word, _)| word.to_owned())
}

/// The last names in the path of a variable.
fn variable(name: &str) -> String {
    let parts: Vec<_> = name.split("::").filter(|part| !part.starts_with('{')).collect();
    parts[parts.len().saturating_sub(3)..].join("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_belongs_to_the_crate_that_wrote_it() {
        assert_eq!(crate_of("node_core::gossip::node::Node::merge"), "node_core");
        assert_eq!(crate_of("<aes_gcm::AesGcm<Aes> as crypto_common::KeyInit>::new"), "aes_gcm");
        assert_eq!(crate_of("<&mut postcard::ser::Serializer<F> as serde::ser::Serializer>::x"), "postcard");
        assert_eq!(crate_of("<u32 as core::fmt::Display>::fmt"), "core");
        assert_eq!(crate_of("memcpy"), "runtime");
    }

    #[test]
    fn a_variable_keeps_the_end_of_its_path() {
        assert_eq!(variable("board_support::node::start::{{closure}}::RESOURCES"), "node::start::RESOURCES");
        assert_eq!(variable("CLOCK"), "CLOCK");
    }
}
