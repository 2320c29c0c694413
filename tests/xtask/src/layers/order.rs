//! The order of the modules of one folder.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::is_in;
use super::resolve::Uses;
use super::tree::Tree;

/// Which modules of a folder lie above which.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// "" is the whole crate.
    folder: String,
    /// The lowest first. Those of one line do not name each other.
    modules: Vec<Vec<String>>,
}

impl Order {
    /// Modules that name one above them or beside them, that have no place, or that do not exist.
    pub fn faults(&self, tree: &Tree, uses: &Uses) -> Vec<String> {
        let inside: BTreeSet<&str> = tree.files().filter(|file| is_in(file, &self.folder)).collect();
        let there: BTreeSet<&str> = inside.iter().filter_map(|file| self.module(file)).collect();
        let listed = || self.modules.iter().flatten().map(|module| &**module);
        let mut faults = Vec::new();
        for module in there.iter().filter(|module| listed().all(|listed| listed != **module)) {
            faults.push(format!("{} has no place in the order of {:?}", module, self.folder));
        }
        for module in listed().filter(|module| !there.contains(module)) {
            faults.push(format!("{module} stands in the order of {:?} and does not exist", self.folder));
        }
        for file in inside {
            for (other, names) in uses.from(file) {
                let (Some(from), Some(to)) = (self.module(file), self.module(other)) else { continue };
                let (Some(here), Some(there)) = (self.line(from), self.line(to)) else { continue };
                let place = match here.cmp(&there) {
                    core::cmp::Ordering::Less => "above",
                    core::cmp::Ordering::Equal if from != to => "beside",
                    _ => continue,
                };
                let names: Vec<&str> = names.iter().map(|name| &**name).collect();
                faults.push(format!("{file} names {other} ({}): {to} is {place} {from}", names.join(", ")));
            }
        }
        faults
    }

    /// The module of this folder that a file belongs to; `None`: it is outside, or it declares the modules.
    fn module<'f>(&self, file: &'f str) -> Option<&'f str> {
        let rest = match &*self.folder {
            "" => file,
            folder => file.strip_prefix(folder)?.strip_prefix('/')?,
        };
        let module = rest.split('/').next()?;
        let module = module.strip_suffix(".rs").unwrap_or(module);
        (module != "lib" && module != "mod").then_some(module)
    }

    fn line(&self, module: &str) -> Option<usize> {
        self.modules.iter().position(|line| line.iter().any(|listed| listed == module))
    }
}
