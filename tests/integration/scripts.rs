//! Commands from standard input that is not a terminal: lines that are no text, input that cannot be
//! read, and standard output that has only JSON objects.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{self, Index};
use serde_json::Value;

/// Runs a script; the exit code, standard output and standard error.
fn run(index: &Index, options: &[&str], input: Stdio) -> (i32, String, String) {
    let directory = tempfile::tempdir().unwrap();
    run_in(directory.path(), index, options, input)
}

/// The same with this current and shared directory, whose subdirectory `bin` has further programs.
fn run_in(
    directory: &Path,
    index: &Index,
    options: &[&str],
    input: Stdio,
) -> (i32, String, String) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new(env!("CARGO_BIN_EXE_peer"))
        .arg(index.address.to_string())
        .args(["--share", "."])
        .args(options)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join(".state"))
        .env("XDG_CACHE_HOME", directory.join(".cache"))
        .env("PATH", format!("{}:{path}", directory.join("bin").display()))
        .stdin(input)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn file(content: &[u8]) -> (tempfile::TempDir, File) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("script");
    fs::write(&path, content).unwrap();
    let open = File::open(path).unwrap();
    (directory, open)
}

#[test]
fn a_line_that_is_no_text_fails_alone() {
    let index = Index::start(&[]);
    let (_directory, script) = file(b"status\n\xff\xfe\nget nosuch\n");
    let (code, output, errors) = run(&index, &[], script.into());
    assert!(errors.contains(r"line 2: expected a line in UTF-8, found `\xff\xfe`"), "{errors}");
    assert!(errors.contains("no peer has FILE nosuch"), "the next line is run: {errors}");
    assert!(output.contains("directory"), "{output}");
    assert_eq!(code, 2, "{errors}");
    let (_directory, script) = file(b"\xff\n");
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
    let (_directory, script) = file(b"get\nhelp get\nhelp\nget --help\nlist\nsync\ndocs\npeers\n");
    let (code, output, errors) = run(&index, &["--format", "json"], script.into());
    assert_eq!(code, 0, "{errors}");
    for line in output.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "{line}");
    }
    assert!(errors.contains("no unfinished download"), "{errors}");
    let (code, output, errors) = run(&index, &["--format", "json", "get"], Stdio::null());
    assert_eq!((code, output.as_str()), (0, ""), "{errors}");
}

#[test]
fn a_line_without_an_end_is_not_stored() {
    let index = Index::start(&[]);
    let long = vec![b'x'; 3_000_000];
    let (_directory, script) = file(&[&long, &b"\nstatus\n"[..]].concat());
    let (code, output, errors) = run(&index, &[], script.into());
    let expected = "peer: line 1: expected a line of at most 1048576 bytes, found a longer one\n";
    assert_eq!((code, &*errors), (2, expected));
    assert!(output.contains("directory"), "the next line is run: {output}");
}

/// Values need no quotes, wrong ones are asked for again, and the end of the input ends the menu.
#[test]
fn the_menu_works_in_a_pipe() {
    let index = Index::start(&[]);
    let mut holder = index.connect();
    holder.add_file("a%20b.txt", 5678);
    let (_directory, script) =
        file(b"nonsense\n99\n\n4\n0\n\n a b.txt \n4\n%2\n%1\n11\nhost\nlocalhost:1\n4\n");
    let (code, output, errors) = run(&index, &["--menu"], script.into());
    assert_eq!(code, 66, "nothing is listed of localhost:1: {errors}");
    assert!(output.contains("FILE a%20b.txt"), "{output}");
    for part in [
        "  4  look up the holders of a document\n",
        "expected a number from 0 to 14, found `nonsense`\n",
        "found `99`\n",
        "expected an RFC number from 1 to 999999999",
        "expected a value, found an empty line\n",
        "expected a row of the last list, found `%2`: it has only `%1`\n",
        "expected HOST:PORT, such as `localhost:5678`, found `host`",
        "the index lists no document of localhost:1",
    ] {
        assert!(errors.contains(part), "{part}: {errors}");
    }
    assert_eq!(errors.matches("document (RFC number or file name): \n").count(), 6, "{errors}");
    let (_directory, script) = file(b"9\n0\nnonsense\n");
    let (code, _, errors) = run(&index, &["--menu"], script.into());
    assert!(code == 0 && !errors.contains("nonsense"), "0 ends: {errors}");
}

#[test]
fn only_safe_files_are_opened_and_texts_are_shown_escaped() {
    let (index, directory) = (Index::start(&[]), tempfile::tempdir().unwrap());
    let put = |name: &str, content: &str, mode| {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    };
    // Its output has the paths that were opened.
    put("bin/xdg-open", "#!/bin/sh\nprintf '%s\\n' \"$1\" >> opened\n", 0o755);
    put("a b.txt", "text\n", 0o644);
    put("controls.txt", "one\u{1b}[31m\ttab\n", 0o644);
    put("a.pdf", "%PDF-1.7\n", 0o644);
    for (name, content, mode) in [
        ("run.txt", "text\n", 0o755),
        ("script.txt", "#!/bin/sh\n", 0o644),
        ("fake.pdf", "text\n", 0o644),
        ("x.sh", "echo\n", 0o644),
        ("x.desktop", "[Desktop Entry]\n", 0o644),
    ] {
        put(name, content, mode);
        let (code, output, errors) =
            run_in(directory.path(), &index, &["open", name], Stdio::null());
        assert_eq!((code, &*output), (1, ""), "{errors}");
        let expected = format!("peer: FILE {name} is not opened: ");
        let path = format!("; its file is `./{name}`\n");
        assert!(errors.starts_with(&expected) && errors.ends_with(&path), "{errors}");
    }
    let (_script, script) = file(b"read 'controls.txt'\nopen a%20b.txt\nopen a.pdf\nread nosuch\n");
    let (code, output, errors) = run_in(directory.path(), &index, &[], script.into());
    let expected = "peer: FILE nosuch is not here: `get nosuch` downloads it\n";
    assert_eq!((code, &*errors), (66, expected));
    assert!(output.contains("\none\\x1b[31m     tab\nopened "), "{output}");
    let opened = fs::read_to_string(directory.path().join("opened")).unwrap();
    let names: Vec<&str> = opened.lines().filter_map(|path| path.rsplit('/').next()).collect();
    assert_eq!(names, ["a b.txt", "a.pdf"]);
    assert!(opened.lines().all(|path| path.starts_with('/')), "{opened}");
}

/// A downloaded file that was changed is not the one that was downloaded.
#[test]
fn a_changed_download_is_not_opened() {
    let (index, root) = (Index::start(&[]), tempfile::tempdir().unwrap());
    let holder = common::directory(root.path(), "holder", &[("a.pdf", b"%PDF-1.7\n")]);
    let (_holder, _) = common::share(index.address, &holder);
    let mine = common::directory(root.path(), "mine", &[]);
    let run = |words: &[&str]| run_in(&mine, &index, words, Stdio::null());
    let (code, _, errors) = run(&["get", "a.pdf"]);
    assert_eq!(code, 0, "{errors}");
    fs::write(mine.join("a.pdf"), "%PDF-1.7 changed\n").unwrap();
    let (code, output, errors) = run(&["open", "a.pdf"]);
    assert_eq!((code, &*output), (65, ""), "{errors}");
    assert!(errors.contains("it has changed since its download: expected"), "{errors}");
    assert!(errors.contains("; its file is `./a.pdf`"), "{errors}");
}
