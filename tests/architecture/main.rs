//! The import rule (ARCHITECTURE.md): data flows one way, and the protocol is pure.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test may panic")]

mod cycles;
mod documents;
mod files;
mod scan;
mod source;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use source::Source;

/// Each module of the crate, and what it may import: modules above it in this table.
const LAYERS: [(&str, &[&str]); 33] = [
    ("capture", &[]),
    ("counted", &[]),
    ("error_chain", &[]),
    ("escape", &[]),
    ("limits", &[]),
    ("counters", &["limits"]),
    ("network", &[]),
    ("toml_table", &["escape"]),
    ("system", &["limits"]),
    ("confined", &["limits"]),
    ("protocol", &["escape", "limits"]),
    ("transcript", &["capture", "counted", "limits", "protocol"]),
    ("replay", &["counted", "protocol", "system", "transcript"]),
    ("dns", &["limits", "protocol"]),
    ("index", &["limits", "protocol"]),
    ("cluster", &["escape", "index", "limits", "protocol"]),
    ("library", &["counted", "escape", "limits", "protocol", "system"]),
    ("net", &["capture", "counters", "limits", "network", "system"]),
    ("http", &["limits", "net", "system"]),
    ("driver", &["net", "protocol"]),
    (
        "server",
        &[
            "cluster", "counted", "counters", "driver", "escape", "index", "limits", "net",
            "network", "protocol", "system",
        ],
    ),
    ("discovery", &["driver", "error_chain", "escape", "limits", "net", "protocol"]),
    ("dht", &["discovery", "error_chain", "limits", "net", "protocol"]),
    (
        "registration",
        &["counted", "discovery", "error_chain", "escape", "library", "limits", "net", "protocol"],
    ),
    (
        "upload",
        &[
            "counted", "counters", "driver", "escape", "library", "limits", "net", "network",
            "protocol", "system",
        ],
    ),
    (
        "download",
        &[
            "counted",
            "discovery",
            "driver",
            "escape",
            "library",
            "limits",
            "net",
            "network",
            "protocol",
            "system",
        ],
    ),
    (
        "peer",
        &[
            "discovery",
            "download",
            "library",
            "limits",
            "net",
            "protocol",
            "registration",
            "upload",
        ],
    ),
    (
        "admin",
        &[
            "cluster",
            "counted",
            "counters",
            "download",
            "escape",
            "http",
            "index",
            "library",
            "net",
            "registration",
            "server",
            "system",
            "upload",
        ],
    ),
    (
        "status_page",
        &["admin", "counters", "http", "index", "limits", "net", "protocol", "server", "system"],
    ),
    ("check", &["escape", "limits", "protocol", "system"]),
    ("lan", &["discovery", "error_chain", "escape", "limits", "net", "protocol"]),
    (
        "lab",
        &[
            "capture",
            "cluster",
            "counted",
            "driver",
            "error_chain",
            "escape",
            "library",
            "limits",
            "net",
            "peer",
            "protocol",
            "server",
            "toml_table",
        ],
    ),
    (
        "cli",
        &[
            "admin",
            "capture",
            "check",
            "cluster",
            "confined",
            "counted",
            "counters",
            "dht",
            "dns",
            "error_chain",
            "download",
            "escape",
            "http",
            "lab",
            "lan",
            "library",
            "limits",
            "net",
            "network",
            "peer",
            "protocol",
            "replay",
            "server",
            "status_page",
            "system",
            "toml_table",
            "transcript",
        ],
    ),
];

/// Names that a pure module must not use.
const EFFECTS: [&str; 22] = [
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::net::ToSocketAddrs",
    "std::fs",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime::now",
    "std::process",
    "std::env",
    "std::os",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "println",
    "eprintln",
    "socket2",
    "rustix",
    "tempfile",
    "signal_hook",
    "gethostname",
    "log",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

#[test]
fn imports_point_one_way() {
    for (path, module) in Source::read(root()).0 {
        let first = path[0].as_str();
        let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == first).unwrap_or_else(|| {
            panic!("{first} has no place in the table of layers");
        });
        // Items that it exports from elsewhere are imports, too.
        let exported = module.exports.values().chain(&module.exported_modules);
        for name in module.names.iter().chain(exported) {
            let import = name.first().map_or("crate", String::as_str);
            assert!(
                import == first || allowed.contains(&import),
                "{} imports {import}, which {first} may not",
                module.file.display()
            );
        }
    }
}

#[test]
fn the_table_allows_no_cycle() {
    for (at, (name, allowed)) in LAYERS.iter().enumerate() {
        let above: BTreeSet<&str> = LAYERS[..at].iter().map(|(name, _)| *name).collect();
        for import in *allowed {
            assert!(above.contains(import), "{name}: {import} is not above it");
        }
    }
}

/// The scan does not see which names a glob stands for.
#[test]
fn globs_are_exports_alone() {
    for (_, module) in Source::read(root()).0 {
        let mut names = module.names.iter().chain(&module.foreign);
        let glob = names.find(|name| name.last().is_some_and(|last| last == "*"));
        assert_eq!(glob, None, "{}", module.file.display());
    }
}

#[test]
fn the_protocol_and_the_tables_of_the_index_are_pure() {
    for (path, module) in Source::read(root()).0 {
        // The entry point of the index has its lock, and yields to other threads.
        let is_shared = path.starts_with(&["index".into(), "shared".into()]);
        let is_pure = matches!(path[0].as_str(), "protocol" | "index" | "escape" | "network");
        if !is_pure || is_shared {
            continue;
        }
        for name in &module.foreign {
            let name = format!("{}::", name.join("::"));
            let effect = EFFECTS.iter().find(|effect| name.starts_with(&format!("{effect}::")));
            assert_eq!(effect, None, "{} names {name}", module.file.display());
        }
    }
}

#[test]
fn programs_see_the_command_line_alone() {
    for program in ["server.rs", "peer.rs", "p2p-ci.rs"] {
        let text = fs::read_to_string(root().join("bin").join(program)).unwrap();
        let module = source::Module::parse(&text, vec!["bin".into()], program.into());
        let ours = module.foreign.iter().filter(|name| name[0] == "p2p_ci");
        let parts: BTreeSet<&str> =
            ours.filter_map(|name| name.get(1).map(String::as_str)).collect();
        assert_eq!(parts, BTreeSet::from(["cli"]), "{program}");
    }
}

/// The rules would be worth nothing if the scan missed what it looks for.
#[test]
fn the_scan_finds_all_names() {
    let text = "
        mod child;
        use crate::{net::{self, Stop}, limits, peer as other_peer};
        use std::{fs, time::{Duration, SystemTime}};
        pub use child::Thing;
        pub(super) use crate::library::*;
        #[cfg(test)]
        mod tests { use crate::cli; }
        #[cfg(all(test, unix))]
        mod more_tests { use super::*; }
        fn f() { #[cfg(test)] fn g() {} }
        fn h(now: super::other::Now) -> Result<(), std::env::VarError> {
            fs::read(child::PATH)?;
            log::warn!(\"{:?}\", SystemTime::now());
            use crate::library as books;
            books::open();
            other_peer::fetch();
            matches!(now, crate::server::Old | crate::server::New { .. });
            vec![self::super::super::top::ZERO; 3];
            crate::index::x::<crate::system::T>()
        }
        #[derive(crate::cli::Derived)]
        struct Args(#[arg(default_value_t = crate::limits::MOST)] pub(in crate::hidden) u32);
        macro_rules! get { ($x:expr) => { crate::escape::get($x) } }
    ";
    let module = source::Module::parse(text, vec!["a".into(), "b".into()], "b.rs".into());
    let names: Vec<String> = module.names.iter().map(|name| name.join("::")).collect();
    let expected = [
        "a::b::child::PATH",
        "a::other::Now",
        "cli::Derived",
        "escape::get",
        "index::x",
        "library",
        "library::open",
        "limits",
        "limits::MOST",
        "net",
        "net::Stop",
        "peer",
        "peer::fetch",
        "server::New",
        "server::Old",
        "system::T",
        "top::ZERO",
    ];
    assert_eq!(names, expected);
    let exports: Vec<String> = module.exports.values().map(|name| name.join("::")).collect();
    assert_eq!(exports, ["a::b::child::Thing"]);
    let globs: Vec<String> = module.exported_modules.iter().map(|name| name.join("::")).collect();
    assert_eq!(globs, ["library"]);
    let foreign: BTreeSet<String> = module.foreign.iter().map(|name| name.join("::")).collect();
    for name in ["std::fs::read", "std::env::VarError", "std::time::SystemTime::now", "matches"] {
        assert!(foreign.contains(name), "{name} in {foreign:?}");
    }
}
