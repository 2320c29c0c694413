//! The names that stand in the code of one module.

use std::collections::BTreeSet;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    Attribute, Field, ImplItem, Item, ItemMod, ItemUse, Local, Macro, Meta, Path, UseTree, Visibility,
};

use super::tree::Import;

/// The items, imports and paths of a module, without code for tests.
#[derive(Default)]
pub struct Names<'s> {
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    pub paths: Vec<Vec<String>>,
    pub modules: Vec<&'s ItemMod>,
}

impl<'s> Names<'s> {
    pub fn of(items: &'s [Item]) -> Self {
        let mut names = Self::default();
        items.iter().for_each(|item| names.visit_item(item));
        names
    }

    fn import(&mut self, import: &ItemUse) {
        // A path that begins with `::` is another crate's.
        if import.leading_colon.is_none() {
            let is_reexport = !matches!(import.vis, Visibility::Inherited);
            self.import_tree(&import.tree, &[], is_reexport);
        }
    }

    fn import_tree(&mut self, tree: &UseTree, before: &[String], is_reexport: bool) {
        let join = |name: &dyn ToString| [before, &[name.to_string()]].concat();
        let (mut path, name) = match tree {
            UseTree::Path(part) => return self.import_tree(&part.tree, &join(&part.ident), is_reexport),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import_tree(tree, before, is_reexport));
            }
            UseTree::Name(name) => (join(&name.ident), None),
            UseTree::Rename(name) => (join(&name.ident), Some(name.rename.to_string())),
            UseTree::Glob(_) => {
                return self.imports.push(Import { path: before.to_vec(), name: None, is_reexport });
            }
        };
        // `use room::{self}` imports the room.
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.or_else(|| path.last().cloned());
        self.imports.push(Import { path, name, is_reexport });
    }

    /// Paths of two names or more: what a macro calls a lone name may be its own.
    fn name_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) if colons == 2 && !path.is_empty() => {
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.name(core::mem::take(&mut path));
                    colons = 0;
                    match other {
                        TokenTree::Ident(ident) => path.push(ident.to_string()),
                        TokenTree::Group(group) => self.name_tokens(group.stream()),
                        _ => {}
                    }
                }
            }
        }
        self.name(path);
    }

    fn name(&mut self, path: Vec<String>) {
        if path.len() > 1 {
            self.paths.push(path);
        }
    }
}

impl<'s> Visit<'s> for Names<'s> {
    fn visit_item(&mut self, item: &'s Item) {
        if is_for_tests(attributes(item)) {
            return;
        }
        self.items.extend(defined(item));
        match item {
            Item::Mod(module) => self.modules.push(module),
            Item::Use(import) => self.import(import),
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'s ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &*item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_for_tests(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_field(&mut self, field: &'s Field) {
        if !is_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_local(&mut self, local: &'s Local) {
        if !is_for_tests(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    fn visit_path(&mut self, path: &'s Path) {
        if path.leading_colon.is_none() {
            self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'s Macro) {
        self.name_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    // `pub(in path)` and attributes name nothing that the module needs.
    fn visit_visibility(&mut self, _: &'s Visibility) {}
    fn visit_attribute(&mut self, _: &'s Attribute) {}
}

fn defined(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("cfg") => {
            syn::parse2::<Meta>(list.tokens.clone()).is_ok_and(|condition| needs_test(&condition))
        }
        _ => false,
    })
}

/// Whether a condition of `cfg` holds in tests only.
fn needs_test(condition: &Meta) -> bool {
    let parts = |list: &syn::MetaList| {
        let parse = syn::punctuated::Punctuated::<Meta, syn::Token![,]>::parse_terminated;
        list.parse_args_with(parse).unwrap_or_default()
    };
    match condition {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => parts(list).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => parts(list).iter().all(needs_test),
        _ => false,
    }
}
