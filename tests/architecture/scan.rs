//! The names in the code of one file: imports, paths in items, bodies, attributes and macros.

use std::collections::BTreeMap;

use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, ItemMod, ItemUse, Meta, Token, UseTree, Visibility};

use super::source::{Module, ModulePath};

pub(crate) struct Scan {
    module: Module,
    path: ModulePath,
    /// Imported names with the paths that they stand for.
    imported: BTreeMap<String, ModulePath>,
}

impl Scan {
    /// Adds to a module what its items name.
    pub(crate) fn run(module: Module, path: ModulePath, items: &[Item]) -> Module {
        let mut scan = Self { module, path, imported: BTreeMap::new() };
        // Imports first: code may name what is imported further down.
        let (imports, others): (Vec<_>, Vec<_>) =
            items.iter().partition(|item| matches!(item, Item::Use(_)));
        imports.into_iter().chain(others).for_each(|item| scan.visit_item(item));
        scan.module
    }

    /// A path as it is seen from the crate's root; `None` if its beginning is a local name.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let mut rest = path;
        let mut absolute = match path.first()?.as_str() {
            "crate" => {
                rest = &path[1..];
                Vec::new()
            }
            "self" | "super" => self.path.clone(),
            child if self.module.children.contains(child) => self.path.clone(),
            _ => return None,
        };
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "super" => drop(absolute.pop()),
                _ => break,
            }
            rest = others;
        }
        absolute.extend(rest.iter().cloned());
        Some(absolute)
    }

    fn name(&mut self, path: &[String]) {
        if let Some(absolute) = self.absolute(path) {
            self.module.names.insert(absolute);
            return;
        }
        let Some((first, rest)) = path.split_first() else { return };
        // Local names are left out, imported ones are not.
        let (start, is_ours) = match self.imported.get(first) {
            Some(imported) => match self.absolute(imported) {
                Some(absolute) => (absolute, true),
                None => (imported.clone(), false),
            },
            None => (vec![first.clone()], false),
        };
        let whole = start.iter().chain(rest).cloned().collect();
        let names = if is_ours { &mut self.module.names } else { &mut self.module.foreign };
        names.insert(whole);
    }

    fn import(&mut self, tree: &UseTree, before: &mut ModulePath, exported: bool) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.import(&path.tree, before, exported);
                before.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, before, exported));
            }
            UseTree::Name(name) => self.imported(before, &name.ident.to_string(), None, exported),
            UseTree::Rename(rename) => {
                let new = rename.rename.to_string();
                self.imported(before, &rename.ident.to_string(), Some(new), exported);
            }
            UseTree::Glob(_) => match self.absolute(before) {
                Some(module) if exported => drop(self.module.exported_modules.insert(module)),
                _ => {
                    let mut path = before.clone();
                    path.push("*".into());
                    self.name(&path);
                }
            },
        }
    }

    fn imported(&mut self, before: &[String], name: &str, new: Option<String>, exported: bool) {
        let mut path = before.to_vec();
        if name != "self" {
            path.push(name.to_string());
        }
        let Some(last) = path.last() else { return };
        let local = new.unwrap_or_else(|| last.clone());
        match self.absolute(&path) {
            // An export is a line of a table of contents, and no use.
            Some(absolute) if exported => drop(self.module.exports.insert(local, absolute)),
            Some(absolute) => {
                self.module.names.insert(absolute);
                self.imported.insert(local, path);
            }
            None => {
                self.imported.insert(local, path.clone());
                self.module.foreign.insert(path);
            }
        }
    }

    fn path(&mut self, names: &[String]) {
        if names.len() > 1 || names.first().is_some_and(|name| self.imported.contains_key(name)) {
            self.name(names);
        }
    }

    /// All paths in the tokens of a macro or an attribute, whatever its grammar is.
    fn tokens(&mut self, input: ParseStream) -> syn::Result<()> {
        while !input.is_empty() {
            if input.peek(Ident::peek_any) {
                let mut names = vec![Ident::parse_any(input)?.to_string()];
                while input.peek(Token![::]) && input.peek3(Ident::peek_any) {
                    input.parse::<Token![::]>()?;
                    names.push(Ident::parse_any(input)?.to_string());
                }
                self.path(&names);
                continue;
            }
            let inner;
            if input.peek(syn::token::Paren) {
                syn::parenthesized!(inner in input);
            } else if input.peek(syn::token::Brace) {
                syn::braced!(inner in input);
            } else if input.peek(syn::token::Bracket) {
                syn::bracketed!(inner in input);
            } else {
                input.step(|cursor| match cursor.token_tree() {
                    Some((_, rest)) => Ok(((), rest)),
                    None => Err(cursor.error("a token")),
                })?;
                continue;
            }
            self.tokens(&inner)?;
        }
        Ok(())
    }
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_mod(&mut self, module: &'ast ItemMod) {
        let Some((_, items)) = &module.content else { return };
        self.path.push(module.ident.to_string());
        items.iter().for_each(|item| self.visit_item(item));
        self.path.pop();
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        let exported = !matches!(import.vis, Visibility::Inherited);
        self.import(&import.tree, &mut Vec::new(), exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: ModulePath = path.segments.iter().map(|part| part.ident.to_string()).collect();
        self.path(&names);
        visit::visit_path(self, path);
    }

    /// `pub(in path)` names a module that contains the item, and uses nothing of it.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        visit::visit_macro(self, call);
        if let Some(name) = call.path.get_ident() {
            self.name(&[name.to_string()]);
        }
        let tokens = |input: ParseStream| self.tokens(input);
        tokens.parse2(call.tokens.clone()).unwrap();
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        visit::visit_attribute(self, attribute);
        if let Meta::List(list) = &attribute.meta {
            let tokens = |input: ParseStream| self.tokens(input);
            tokens.parse2(list.tokens.clone()).unwrap();
        }
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// `#[cfg(test)]`, or `#[cfg(all(test, …))]`.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    let is_test = |condition: &Meta| match condition {
        Meta::List(all) if all.path.is_ident("all") => all
            .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            .is_ok_and(|all| all.iter().any(|one| one.path().is_ident("test"))),
        condition => condition.path().is_ident("test"),
    };
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            list.parse_args().is_ok_and(|condition| is_test(&condition))
        }
        _ => false,
    })
}
