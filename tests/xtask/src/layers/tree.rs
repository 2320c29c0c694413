//! The modules of a crate, as its files declare them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, bail};
use syn::Item;

use super::names::Names;

/// Texts of files by their paths below the folder of `lib.rs`.
pub type Sources = BTreeMap<String, String>;

/// The modules of a crate; the first is its root.
pub struct Tree {
    pub modules: Vec<Module>,
}

/// A module: a file, or a part of one.
pub struct Module {
    pub file: String,
    pub parent: Option<usize>,
    pub children: BTreeMap<String, usize>,
    /// The names of its items.
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    /// The paths that its code names, besides its imports.
    pub paths: Vec<Vec<String>>,
}

/// One name, or with a glob every name, that `use` brings into a module.
pub struct Import {
    pub path: Vec<String>,
    /// Its name in the module; `None` for a glob.
    pub name: Option<String>,
    /// Others see it, too.
    pub is_reexport: bool,
}

impl Tree {
    /// Follows the `mod` declarations from `lib.rs` on.
    pub fn read(sources: &Sources) -> Result<Self> {
        let mut tree = Self { modules: Vec::new() };
        tree.add_file(sources, &Place { file: "lib.rs".to_owned(), folder: String::new(), parent: None })?;
        Ok(tree)
    }

    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.modules.iter().map(|module| &*module.file)
    }

    fn add_file(&mut self, sources: &Sources, place: &Place) -> Result<usize> {
        let file = &place.file;
        let text = sources.get(file).with_context(|| format!("there is no {file}"))?;
        let syntax = syn::parse_file(text).with_context(|| file.clone())?;
        self.add(sources, place, &syntax.items)
    }

    fn add(&mut self, sources: &Sources, place: &Place, items: &[Item]) -> Result<usize> {
        let Names { items, imports, paths, modules } = Names::of(items);
        let number = self.modules.len();
        self.modules.push(Module {
            file: place.file.clone(),
            parent: place.parent,
            children: BTreeMap::new(),
            items,
            imports,
            paths,
        });
        let mut children = BTreeMap::new();
        for module in modules {
            let name = module.ident.to_string();
            let child = match &module.content {
                Some((_, items)) => self.add(sources, &place.inline(number, &name), items)?,
                None => self.add_file(sources, &place.child(sources, number, &name)?)?,
            };
            children.insert(name, child);
        }
        if let Some(module) = self.modules.get_mut(number) {
            module.children = children;
        }
        Ok(number)
    }
}

/// The place of a module in the tree.
struct Place {
    file: String,
    /// The folder of its children, with a slash at its end.
    folder: String,
    parent: Option<usize>,
}

impl Place {
    fn inline(&self, parent: usize, name: &str) -> Self {
        let folder = format!("{}{name}/", self.folder);
        Self { file: self.file.clone(), folder, parent: Some(parent) }
    }

    fn child(&self, sources: &Sources, parent: usize, name: &str) -> Result<Self> {
        let folder = format!("{}{name}/", self.folder);
        for file in [format!("{}{name}.rs", self.folder), format!("{folder}mod.rs")] {
            if sources.contains_key(&file) {
                return Ok(Self { file, folder, parent: Some(parent) });
            }
        }
        bail!("{}: there is no file for mod {name}", self.file)
    }
}
