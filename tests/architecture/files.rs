//! Files of the source: their length, and the documents that name them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::root;
use super::source::Source;

/// The most lines of a file. Most have less than 250.
const MOST_LINES: usize = 350;

/// The header of each `mod.rs` has a table of the files of its module.
#[test]
fn tables_of_files_are_complete() {
    for (path, module) in Source::read(root()).0 {
        if !module.file.ends_with("mod.rs") {
            continue;
        }
        let text = fs::read_to_string(&module.file).unwrap();
        let rows = text.lines().filter_map(|line| line.strip_prefix("//! | ")?.split(" |").next());
        let named: BTreeSet<&str> =
            rows.flat_map(|row| row.split('`').skip(1).step_by(2)).collect();
        let files: BTreeSet<&str> = module.children.iter().map(String::as_str).collect();
        assert_eq!(named, files, "{}: named in the table, and declared", path.join("::"));
    }
}

/// ARCHITECTURE.md answers where things are with files that exist.
#[test]
fn files_that_architecture_names_exist() {
    let text = fs::read_to_string(root().join("../ARCHITECTURE.md")).unwrap();
    let (_, table) = text.split_once("## Where is").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    let files: Vec<&str> =
        table.split('`').skip(1).step_by(2).filter(|part| part.ends_with(".rs")).collect();
    assert!(files.len() >= 20);
    for file in files {
        assert!(root().join(file).is_file(), "{file}");
    }
}

/// So do the paths in CONTRIBUTING.md.
#[test]
fn paths_that_contributing_names_exist() {
    let text = fs::read_to_string(root().join("../CONTRIBUTING.md")).unwrap();
    let paths = text.split('`').skip(1).step_by(2);
    let of_this = |path: &&str| path.starts_with("src/") || path.starts_with("tests/");
    let paths: Vec<&str> = paths.filter(of_this).collect();
    assert!(paths.len() >= 5);
    for path in paths {
        assert!(root().join("..").join(path).exists(), "{path}");
    }
}

/// All files of Rust below a directory.
fn files_of_rust(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_of_rust(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_file_is_long() {
    let mut files = Vec::new();
    for directory in ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"] {
        files_of_rust(&root().join("..").join(directory), &mut files);
    }
    assert!(files.len() >= 500);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines: split it by subject", file.display());
    }
}
