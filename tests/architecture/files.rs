//! Files of the source: their length, and the tables of `mod.rs` files.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use super::root;
use super::source::{Source, source_files};

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

#[test]
fn no_file_is_long() {
    let directories = ["src", "tests", "benches", "examples", "fuzz/fuzz_targets"];
    let files: Vec<PathBuf> =
        directories.iter().flat_map(|name| source_files(&root().join("..").join(name))).collect();
    assert!(files.len() >= 500);
    for file in files {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines: split it by subject", file.display());
    }
}

/// A header states the scope of a file.
#[test]
fn files_of_the_library_have_headers() {
    for file in source_files(root()) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with its scope", file.display());
    }
}
