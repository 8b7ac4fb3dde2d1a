//! What ARCHITECTURE.md and CONTRIBUTING.md say about the source: files, threads and dependencies.

use std::collections::BTreeSet;
use std::fs;

use super::root;
use super::source::source_files;

/// A section of ARCHITECTURE.md.
fn section(heading: &str) -> String {
    let text = fs::read_to_string(root().join("../ARCHITECTURE.md")).unwrap();
    let (_, section) = text.split_once(&format!("\n## {heading}")).unwrap();
    section.split("\n## ").next().unwrap().to_string()
}

/// The code in a text: what is between backquotes.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// ARCHITECTURE.md answers where things are with one or two files, which exist.
#[test]
fn files_that_architecture_names_exist() {
    let table = section("Where is");
    let mut answers = 0;
    for row in table.lines().filter(|line| line.starts_with("| ") && line.contains('?')) {
        let files: Vec<&str> = code(row).filter(|part| part.ends_with(".rs")).collect();
        assert!((1..=2).contains(&files.len()), "one or two files: {row}");
        for file in files {
            assert!(root().join(file).is_file(), "{file}");
        }
        answers += 1;
    }
    assert!(answers >= 20, "{answers} answers");
}

/// So do the paths in CONTRIBUTING.md.
#[test]
fn paths_that_contributing_names_exist() {
    let text = fs::read_to_string(root().join("../CONTRIBUTING.md")).unwrap();
    let of_this = |path: &&str| path.starts_with("src/") || path.starts_with("tests/");
    let paths: Vec<&str> = code(&text).filter(of_this).collect();
    assert!(paths.len() >= 5);
    for path in paths {
        assert!(root().join("..").join(path).exists(), "{path}");
    }
}

/// The names of threads in the source. Of `accept-{number}` this is `accept-N`.
fn threads(text: &str) -> impl Iterator<Item = String> {
    text.split("thread::Builder::new()").skip(1).filter_map(|rest| {
        let name = rest.trim_start().strip_prefix(".name(")?;
        let name = name.strip_prefix("format!(").unwrap_or(name).strip_prefix('"')?;
        let (name, _) = name.split_once('"')?;
        Some(name.split_once('{').map_or_else(|| name.to_string(), |(name, _)| format!("{name}N")))
    })
}

/// The table of threads is complete, and lists no thread that does not exist.
#[test]
fn threads_are_listed() {
    let table = section("Threads");
    // The programs in parentheses have options.
    let cells = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" (").next());
    let listed: BTreeSet<&str> = cells.flat_map(code).collect();
    let files = source_files(root());
    let source: Vec<String> = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let started: BTreeSet<String> = source.iter().flat_map(|text| threads(text)).collect();
    assert!(started.len() >= 40, "{started:?}");
    for name in &started {
        assert!(listed.contains(name.as_str()), "the thread {name} is not listed");
    }
    // Some names are computed from that of a service or of a kind of work.
    for name in listed.into_iter().filter(|name| !started.contains(*name)) {
        let beginning = name.strip_suffix("-N").unwrap_or(name);
        let computed = [format!("\"{beginning}\""), format!("\"{beginning}-{{")];
        let is_named = |text: &String| computed.iter().any(|name| text.contains(name));
        assert!(source.iter().any(is_named), "there is no thread {name}");
    }
}

/// Every dependency is listed with what it is used for.
#[test]
fn dependencies_are_listed() {
    let manifest = fs::read_to_string(root().join("../Cargo.toml")).unwrap();
    let listed = section("Dependencies");
    let words: BTreeSet<&str> =
        listed.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c)).collect();
    let mut dependencies = 0;
    let mut is_dependency = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_dependency = line.ends_with("dependencies]");
        } else if let (true, Some((name, _))) = (is_dependency, line.split_once(" = ")) {
            assert!(words.contains(name), "{name} is not listed");
            dependencies += 1;
        }
    }
    assert!(dependencies >= 30, "{dependencies}");
}
