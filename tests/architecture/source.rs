//! The source as modules: what each file defines, exports and names, tests left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::Item;

use super::scan::{Scan, is_test};

/// A path in the code, from the crate's root: `["peer", "fetch", "Fetcher"]`.
pub(crate) type ModulePath = Vec<String>;

/// One file of the crate.
#[derive(Debug, Default)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    /// Modules that it declares.
    pub(crate) children: BTreeSet<String>,
    /// Test modules that it declares.
    tests: BTreeSet<String>,
    /// Names that it defines itself.
    defined: BTreeSet<String>,
    /// Names that it exports from elsewhere.
    pub(crate) exports: BTreeMap<String, ModulePath>,
    /// Modules of which it exports everything.
    pub(crate) exported_modules: BTreeSet<ModulePath>,
    /// Paths of this crate that its code names.
    pub(crate) names: BTreeSet<ModulePath>,
    /// Paths of other crates that its code names, such as `["std", "fs", "File"]`.
    pub(crate) foreign: BTreeSet<ModulePath>,
}

/// The crate's modules by their paths; the root, programs and tests are left out.
pub(crate) struct Source(pub(crate) BTreeMap<ModulePath, Module>);

impl Source {
    /// Reads all files below a directory.
    pub(crate) fn read(root: &Path) -> Self {
        let mut modules = BTreeMap::new();
        for file in source_files(root) {
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
        let source = Self(modules);
        let (tests, code): (Vec<_>, Vec<_>) =
            source.0.keys().cloned().partition(|path| source.is_in_test(path));
        let undeclared = code.iter().find(|path| !source.declares(path));
        assert_eq!(undeclared, None, "no module above this file declares it");
        let mut modules = source.0;
        tests.iter().for_each(|path| drop(modules.remove(path)));
        Self(modules)
    }

    /// Whether the file above declares this one as a module that is no test.
    fn declares(&self, path: &[String]) -> bool {
        match path.split_last() {
            Some((name, parent)) if !parent.is_empty() => {
                self.0.get(parent).is_some_and(|parent| parent.children.contains(name))
            }
            _ => true,
        }
    }

    /// Whether the file, or one above it, belongs to `#[cfg(test)] mod tests;`.
    fn is_in_test(&self, path: &[String]) -> bool {
        (2..=path.len()).any(|length| {
            let (name, parent) = path[..length].split_last().unwrap();
            self.0.get(parent).is_some_and(|parent| parent.tests.contains(name))
        })
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
            let file = self.0.get(&module)?;
            let exported = file.exported_modules.iter();
            let mut exported = exported.filter(|other| {
                self.0.get(*other).is_some_and(|other| other.defined.contains(name))
            });
            return match (file.exports.get(name), exported.next()) {
                (Some(target), _) => {
                    let rest = path[at + 1..].iter();
                    let target: ModulePath = target.iter().chain(rest).cloned().collect();
                    self.definition(&target)
                }
                (None, Some(other)) => Some(other.clone()),
                (None, None) => Some(module),
            };
        }
        Some(module)
    }
}

/// The files of Rust below a directory.
pub(crate) fn source_files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(source_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
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
            match item {
                Item::Mod(child) if is_test(&child.attrs) => {
                    module.tests.insert(child.ident.to_string());
                }
                Item::Mod(child) => drop(module.children.insert(child.ident.to_string())),
                _ => module.defined.extend(name(item)),
            }
        }
        Scan::run(module, path, &syntax.items)
    }
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}
