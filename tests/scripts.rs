//! Commands from standard input that is not a terminal: lines that are no text, input that cannot be
//! read, and standard output that has only JSON objects.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs::{self, File};
use std::process::{Command, Stdio};

use common::Index;
use serde_json::Value;

/// Runs a script; the exit code, standard output and standard error.
fn run(index: &Index, options: &[&str], input: Stdio) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_peer"))
        .arg(index.address.to_string())
        .args(["--share", "."])
        .args(options)
        .current_dir(folder.path())
        .env("XDG_STATE_HOME", folder.path())
        .env("XDG_CACHE_HOME", folder.path())
        .stdin(input)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn file(content: &[u8]) -> (tempfile::TempDir, File) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("script");
    fs::write(&path, content).unwrap();
    let open = File::open(path).unwrap();
    (folder, open)
}

#[test]
fn a_line_that_is_no_text_fails_alone() {
    let index = Index::start(&[]);
    let (_folder, script) = file(b"status\n\xff\xfe\nget nosuch\n");
    let (code, output, errors) = run(&index, &[], script.into());
    assert!(errors.contains(r"line 2: expected a line in UTF-8, found `\xff\xfe`"), "{errors}");
    assert!(errors.contains("no peer has FILE nosuch"), "the next line is run: {errors}");
    assert!(output.contains("folder"), "{output}");
    assert_eq!(code, 2, "{errors}");
    let (_folder, script) = file(b"\xff\n");
    let (code, output, errors) = run(&index, &["--format", "json"], script.into());
    assert_eq!(code, 2, "{errors}");
    let object = output.lines().find(|line| line.contains("UTF-8")).unwrap();
    let object: Value = serde_json::from_str(object).unwrap();
    assert_eq!(object.pointer("/error/exit"), Some(&2.into()));
}

#[test]
fn input_that_cannot_be_read_is_a_failure() {
    let index = Index::start(&[]);
    let (code, _, errors) = run(&index, &[], File::open("/").unwrap().into());
    assert!(errors.contains("cannot read line 1 of standard input"), "{errors}");
    assert_eq!(code, 74);
}

#[test]
fn standard_output_has_only_json_objects() {
    let index = Index::start(&[]);
    let (_folder, script) = file(b"get\nhelp get\nhelp\nget --help\nlist\nsync\ndocs\npeers\n");
    let (code, output, errors) = run(&index, &["--format", "json"], script.into());
    assert_eq!(code, 0, "{errors}");
    for line in output.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert!(errors.contains("no unfinished download"), "{errors}");
    let (code, output, errors) = run(&index, &["--format", "json", "get"], Stdio::null());
    assert_eq!((code, output.as_str()), (0, ""), "{errors}");
}
