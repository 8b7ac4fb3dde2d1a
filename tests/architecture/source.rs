//! The source as modules: what each file defines, exports and names, tests left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Meta, UseTree};

/// A path in the code, from the crate's root: `["peer", "fetch", "Fetcher"]`.
pub(crate) type ModulePath = Vec<String>;

/// One file of the crate.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// Modules that it declares.
    children: BTreeSet<String>,
    /// Names that it exports from elsewhere.
    exports: BTreeMap<String, ModulePath>,
    /// Paths of this crate that its code names.
    pub(crate) names: BTreeSet<ModulePath>,
    /// Paths of other crates that its code names, such as `["std", "fs", "File"]`.
    pub(crate) foreign: BTreeSet<ModulePath>,
}

/// The crate's modules by their paths; the root, programs and tests are left out.
pub(crate) struct Source(pub(crate) BTreeMap<ModulePath, Module>);

impl Source {
    /// Reads all files below a folder.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for file in files(root) {
            let relative = file.strip_prefix(root).unwrap().with_extension("");
            let mut path: ModulePath = relative
                .components()
                .map(|part| part.as_os_str().to_str().unwrap().to_string())
                .collect();
            path.pop_if(|last| last == "mod");
            if matches!(path.first().unwrap().as_str(), "lib" | "bin") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            modules.insert(path.clone(), Module::parse(&text, path, file));
        }
        // `#[cfg(test)] mod tests;` has a file of its own.
        let declared = |path: &ModulePath| match path.split_last() {
            Some((name, parent)) if !parent.is_empty() => {
                modules.get(parent).is_some_and(|parent: &Module| parent.children.contains(name))
            }
            _ => true,
        };
        let tests: Vec<ModulePath> =
            modules.keys().filter(|path| !declared(path)).cloned().collect();
        tests.iter().for_each(|path| drop(modules.remove(path)));
        Self(modules)
    }

    /// The module whose file defines what a path names; `None` if it is not of this crate.
    pub(crate) fn definition(&self, path: &[String]) -> Option<ModulePath> {
        let mut module = Vec::new();
        for (at, name) in path.iter().enumerate() {
            module.push(name.clone());
            if self.0.contains_key(&module) {
                continue;
            }
            module.pop();
            let exports = &self.0.get(&module)?.exports;
            return match exports.get(name) {
                Some(target) => {
                    let rest = path[at + 1..].iter();
                    let target: ModulePath = target.iter().chain(rest).cloned().collect();
                    self.definition(&target)
                }
                None => Some(module),
            };
        }
        Some(module)
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

impl Module {
    pub(crate) fn parse(text: &str, path: ModulePath, file: PathBuf) -> Self {
        let syntax = syn::parse_file(text).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        let mut module = Self { file, ..Self::default() };
        for item in &syntax.items {
            if let Item::Mod(child) = item
                && !is_test(&child.attrs)
            {
                module.children.insert(child.ident.to_string());
            }
        }
        let mut scan = Scan { module, path, imported: BTreeMap::new() };
        // Imports first: code may name what is imported further down.
        let imports = syntax.items.iter().filter(|item| matches!(item, Item::Use(_)));
        imports.for_each(|item| scan.visit_item(item));
        let others = syntax.items.iter().filter(|item| !matches!(item, Item::Use(_)));
        others.for_each(|item| scan.visit_item(item));
        scan.module
    }
}

struct Scan {
    module: Module,
    path: ModulePath,
    /// Foreign names that are imported, with their whole paths.
    imported: BTreeMap<String, ModulePath>,
}

impl Scan {
    /// A path as it is seen from the crate's root; `None` if its beginning is a local name.
    fn absolute(&self, path: &[String]) -> Option<ModulePath> {
        let (first, rest) = path.split_first()?;
        let mut absolute = match first.as_str() {
            "crate" => Vec::new(),
            "self" => self.path.clone(),
            "super" => {
                let mut parent = self.path.clone();
                parent.pop();
                let supers = rest.iter().take_while(|name| *name == "super").count();
                parent.truncate(parent.len().saturating_sub(supers));
                parent.extend(rest.iter().skip(supers).cloned());
                return Some(parent);
            }
            child if self.module.children.contains(child) => {
                let mut path = self.path.clone();
                path.push(first.clone());
                path
            }
            _ => return None,
        };
        absolute.extend(rest.iter().cloned());
        Some(absolute)
    }

    fn name(&mut self, path: &[String]) {
        if let Some(absolute) = self.absolute(path) {
            self.module.names.insert(absolute);
            return;
        }
        let Some((first, rest)) = path.split_first() else { return };
        let mut whole = self.imported.get(first).cloned().unwrap_or_else(|| vec![first.clone()]);
        whole.extend(rest.iter().cloned());
        self.module.foreign.insert(whole);
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
            UseTree::Glob(_) => self.name(&before.clone()),
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
            Some(absolute) => drop(self.module.names.insert(absolute)),
            None => {
                self.imported.insert(local, path.clone());
                self.module.foreign.insert(path);
            }
        }
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
        let exported = !matches!(import.vis, syn::Visibility::Inherited);
        self.import(&import.tree, &mut Vec::new(), exported);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: ModulePath = path.segments.iter().map(|part| part.ident.to_string()).collect();
        if names.len() > 1 || names.first().is_some_and(|name| self.imported.contains_key(name)) {
            self.name(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        // The arguments of most macros are expressions: paths in them count.
        let parser = syn::punctuated::Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if let Ok(arguments) = call.parse_body_with(parser) {
            arguments.iter().for_each(|argument| self.visit_expr(argument));
        }
        visit::visit_macro(self, call);
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

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}
