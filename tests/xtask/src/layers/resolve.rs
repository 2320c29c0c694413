//! Which file each name comes from.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Import, Module, Tree};

/// Which file names which other file, and by what names.
#[derive(Default)]
pub struct Uses {
    files: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
}

impl Uses {
    pub fn of(tree: &Tree) -> Self {
        let mut uses = Self::default();
        for (number, module) in tree.modules.iter().enumerate() {
            for import in &module.imports {
                // The file that declares a room re-exports what it composes; whoever imports that names its source.
                let is_front = import.is_reexport && tree.is_below(number, &import.path);
                if !is_front {
                    uses.add_import(tree, number, import);
                }
            }
            for path in &module.paths {
                uses.add_path(tree, number, path);
            }
        }
        uses
    }

    /// The files that `file` names, each with the names.
    pub fn from(&self, file: &str) -> impl Iterator<Item = (&str, &BTreeSet<String>)> {
        self.files.get(file).into_iter().flatten().map(|(to, names)| (&**to, names))
    }

    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(|file| &**file)
    }

    fn add_import(&mut self, tree: &Tree, number: usize, import: &Import) {
        let Some(found) = tree.resolve(number, &import.path) else { return };
        if import.name.is_some() {
            return self.add(tree, number, found.module(), import.path.join("::"));
        }
        let glob = format!("{}::*", import.path.join("::"));
        for module in tree.seen_through(found.module()) {
            self.add(tree, number, module, glob.clone());
        }
    }

    fn add_path(&mut self, tree: &Tree, number: usize, path: &[String]) {
        let Some(found) = tree.resolve(number, path) else { return };
        // A lone name was counted where the module imports it, except when that import is a re-export. A lone name that
        // leads to a module may be a variable.
        let is_counted = match (path, found) {
            ([_], Found::Module(_)) => false,
            ([name], Found::Item(_)) => tree.reexports(number, name),
            _ => true,
        };
        if is_counted {
            self.add(tree, number, found.module(), path.join("::"));
        }
    }

    fn add(&mut self, tree: &Tree, from: usize, to: usize, name: String) {
        let (Some(from), Some(to)) = (tree.modules.get(from), tree.modules.get(to)) else { return };
        if from.file != to.file {
            let names = self.files.entry(from.file.clone()).or_default().entry(to.file.clone()).or_default();
            names.insert(name);
        }
    }
}

/// The target of a path.
#[derive(Clone, Copy)]
pub enum Found {
    Module(usize),
    /// Something that this module defines.
    Item(usize),
}

impl Found {
    pub const fn module(self) -> usize {
        match self {
            Self::Module(module) | Self::Item(module) => module,
        }
    }
}

/// Imports that lead to imports are followed so far: a circle of re-exports ends.
const MAX_STEPS: usize = 16;

impl Tree {
    /// The target of a path that stands in a module; `None`: it is in another crate.
    pub fn resolve(&self, module: usize, path: &[String]) -> Option<Found> {
        self.follow(module, path, MAX_STEPS)
    }

    fn follow(&self, module: usize, path: &[String], steps: usize) -> Option<Found> {
        let mut here = module;
        let mut is_ours = false;
        for (nth, name) in path.iter().enumerate() {
            match &**name {
                "crate" if nth == 0 => here = 0,
                "self" if nth == 0 => {}
                "super" if nth == 0 || is_ours => here = self.module(here)?.parent?,
                name => match self.look_up(here, name, nth + 1 == path.len(), steps) {
                    Some(Found::Module(child)) => here = child,
                    Some(item) => return Some(item),
                    // Not seen here, but it belongs to this module: a macro defines it, or another crate does.
                    None => return is_ours.then_some(Found::Item(here)),
                },
            }
            is_ours = true;
        }
        is_ours.then_some(Found::Module(here))
    }

    /// The target of a name in a module.
    fn look_up(&self, here: usize, name: &str, is_last: bool, steps: usize) -> Option<Found> {
        let steps = steps.checked_sub(1)?;
        let module = self.module(here)?;
        let item = module.items.contains(name).then_some(Found::Item(here));
        let child = module.children.get(name).map(|child| Found::Module(*child));
        let own = if is_last { item.or(child) } else { child.or(item) };
        let mut named = module.imports.iter().filter(|import| import.name.as_deref() == Some(name));
        let mut globs = module.imports.iter().filter(|import| import.name.is_none());
        own.or_else(|| named.find_map(|import| self.follow(here, &import.path, steps))).or_else(|| {
            globs.find_map(|import| match self.follow(here, &import.path, steps)? {
                Found::Module(other) if other != here => self.look_up(other, name, is_last, steps),
                _ => None,
            })
        })
    }

    /// The modules whose names a glob import of this one brings.
    fn seen_through(&self, module: usize) -> Vec<usize> {
        let reexports = self.module(module).into_iter().flat_map(|module| &module.imports);
        let sources = reexports.filter(|import| import.is_reexport);
        let sources = sources.filter_map(|import| self.resolve(module, &import.path)).map(Found::module);
        core::iter::once(module).chain(sources).collect()
    }

    /// Whether a path leads into a child of this module.
    fn is_below(&self, module: usize, path: &[String]) -> bool {
        let mut found = self.resolve(module, path).map(Found::module);
        while let Some(at) = found {
            if at == module {
                return true;
            }
            found = self.module(at).and_then(|module| module.parent);
        }
        false
    }

    fn reexports(&self, module: usize, name: &str) -> bool {
        let mut imports = self.module(module).into_iter().flat_map(|module| &module.imports);
        imports.any(|import| import.is_reexport && import.name.as_deref() == Some(name))
    }

    fn module(&self, number: usize) -> Option<&Module> {
        self.modules.get(number)
    }
}
