//! Standard output that its reader has closed, as `head` does: no program panics, and none reports it.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::io::pipe;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs a program whose standard output is not read; returns its exit code and what it wrote to
/// standard error.
fn run(program: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let directory = tempfile::tempdir().unwrap();
    let output = Command::new(program)
        .args(arguments)
        .current_dir(directory.path())
        .env_remove("RUST_LOG")
        .env("XDG_CACHE_HOME", directory.path())
        .env("XDG_STATE_HOME", directory.path())
        .stdin(Stdio::null())
        .stdout(writer)
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let [server, peer] = [env!("CARGO_BIN_EXE_server"), env!("CARGO_BIN_EXE_peer")].map(Path::new);
    let mut runs = vec![
        (server, "--help"),
        (server, "--version"),
        (server, "--show-limits"),
        (peer, "--help"),
        (peer, "--version"),
        (peer, "help"),
        (peer, "--share . verify 1"),
        (peer, "get"),
    ];
    let commands = [
        "list", "lookup", "search", "browse", "peers", "get", "sync", "add", "verify", "why",
        "docs", "status", "share",
    ];
    let helps: Vec<String> = commands
        .iter()
        .flat_map(|command| [format!("help {command}"), format!("{command} --help")])
        .collect();
    runs.extend(helps.iter().map(|arguments| (peer, arguments.as_str())));
    for (program, arguments) in runs {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let ended = run(program, &arguments);
        assert_eq!(ended, (Some(74), String::new()), "{} {arguments:?}", program.display());
    }
}

/// `cargo test` has built the examples; a single test may run without them, or after a change of them.
#[test]
fn an_example_whose_output_is_closed_does_not_panic() {
    let programs = Path::new(env!("CARGO_BIN_EXE_peer")).parent().unwrap();
    for name in ["demo", "failover"] {
        let example: PathBuf = programs.join("examples").join(name);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("examples/{name}.rs"));
        let modified = |path: &Path| path.metadata().and_then(|found| found.modified()).ok();
        if modified(&example) > modified(&source) {
            let (_, errors) = run(&example, &[]);
            assert!(!errors.contains("panicked"), "{name}: {errors}");
        }
    }
}
