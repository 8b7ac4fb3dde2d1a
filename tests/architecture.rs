//! The import rule (ARCHITECTURE.md): data flows one way, and the protocol is pure.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Each module of the crate, and what it may import.
const LAYERS: [(&str, &[&str]); 12] = [
    ("error_chain", &[]),
    ("escape", &[]),
    ("limits", &[]),
    ("network", &[]),
    ("system", &["limits"]),
    ("protocol", &["escape", "limits"]),
    ("index", &["limits", "protocol"]),
    ("library", &["escape", "limits", "protocol", "system"]),
    ("net", &["limits", "network", "protocol", "system"]),
    ("server", &["escape", "index", "limits", "net", "network", "protocol", "system"]),
    (
        "peer",
        &["error_chain", "escape", "library", "limits", "net", "network", "protocol", "system"],
    ),
    (
        "cli",
        &[
            "error_chain",
            "escape",
            "library",
            "limits",
            "net",
            "network",
            "peer",
            "protocol",
            "server",
            "system",
        ],
    ),
];

/// What a pure module must not name.
const EFFECTS: [&str; 8] = [
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "std::thread",
    "Instant",
    "SystemTime::now",
    "std::process",
    "std::env",
];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The crate's modules with their source text, without comments and tests.
fn modules() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut modules = Vec::new();
    for path in sources(&root) {
        let relative = path.strip_prefix(&root).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let code: Vec<&str> =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
        modules.push((first.trim_end_matches(".rs").to_string(), path.clone(), code.join("\n")));
    }
    modules
}

/// The first words of all paths that begin with `crate::`, those in braces included.
fn imports(code: &str) -> BTreeSet<String> {
    let code: String = code.split_whitespace().collect();
    let mut names = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        let word = |text: &str| -> String {
            text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        match after.strip_prefix('{') {
            None => {
                names.insert(word(after));
            }
            Some(group) => {
                let mut depth = 0;
                let mut start = true;
                for (at, character) in group.char_indices() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => start = true,
                        _ if start => {
                            names.insert(word(&group[at..]));
                            start = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

#[test]
fn imports_point_one_way() {
    for (module, path, code) in modules() {
        if matches!(module.as_str(), "lib" | "bin") {
            continue;
        }
        let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == module).unwrap_or_else(|| {
            panic!("{module} has no place in the table of layers");
        });
        for import in imports(&code) {
            assert!(
                import == module || allowed.contains(&import.as_str()),
                "{} imports {import}, which {module} may not",
                path.display()
            );
        }
    }
}

#[test]
fn the_protocol_and_the_index_are_pure() {
    for (module, path, code) in modules() {
        if !matches!(module.as_str(), "protocol" | "index" | "escape") {
            continue;
        }
        for effect in EFFECTS {
            assert!(!code.contains(effect), "{} names {effect}", path.display());
        }
    }
}

#[test]
fn programs_see_the_command_line_alone() {
    for (module, path, code) in modules() {
        // What attacks the parts, and measures them one by one, sees them.
        let measures = ["torture", "bench", "common"];
        let is_exempt =
            path.components().any(|part| measures.iter().any(|m| part.as_os_str() == *m));
        if module == "bin" && !is_exempt {
            let others = code.matches("p2p_ci::").count() - code.matches("p2p_ci::cli::").count();
            assert_eq!(others, 0, "{}", path.display());
        }
    }
}

/// The rule itself would be worth nothing if the scan missed what it looks for.
#[test]
fn the_scan_finds_imports() {
    let code =
        "use crate::{net::{self, Stop}, limits};\nuse crate::server::Server; crate::index::x()";
    let found: Vec<String> = imports(code).into_iter().collect();
    assert_eq!(found, ["index", "limits", "net", "server"]);
}
