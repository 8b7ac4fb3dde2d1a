//! `get --out PATH` on everything that a path can be, and what programs read of `get` and `sync`.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(unix)]

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::common::{self, Index, directory, names, run_peer, run_peer_again, share};
use serde_json::Value;

/// Runs a shell script in which `get` downloads a document, by default `hi`.
fn script(index: &Index, root: &Path, script: &str) -> Output {
    let get = "get() { case $1 in -*) set -- hi \"$@\";; esac; \
               \"$PEER\" \"$INDEX\" --share mine get \"$@\"; }";
    let script = format!("{get}\n{script}");
    Command::new("bash")
        .args(["-c", &script])
        .current_dir(root)
        .env("PEER", env!("CARGO_BIN_EXE_peer"))
        .env("INDEX", index.address.to_string())
        .env("XDG_CACHE_HOME", root.join("state"))
        .env("XDG_STATE_HOME", root.join("state"))
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn a_file_that_is_not_regular_is_written_to_and_never_replaced() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let large = vec![b'x'; 1 << 20];
    let shared = directory(root, "shared", &[("hi", b"hello\n"), ("large", &large)]);
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, &shared);
    let run = |text: &str| {
        let output = script(&index, root, text);
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap(), errors)
    };

    // A FIFO, with and without --force.
    assert!(Command::new("mkfifo").arg(root.join("fifo")).status().unwrap().success());
    for force in ["", "--force"] {
        let fifo = root.join("fifo");
        let reader = thread::spawn(move || {
            let mut text = String::new();
            File::open(fifo).unwrap().read_to_string(&mut text).unwrap();
            text
        });
        let (code, output, errors) = run(&format!("get --out fifo {force}"));
        assert_eq!((code, &*output), (0, ""), "{errors}");
        assert_eq!(reader.join().unwrap(), "hello\n");
        assert!(fs::metadata(root.join("fifo")).unwrap().file_type().is_fifo());
    }
    // Descriptors: of a pipe, and of a file that another program writes to as well.
    assert_eq!(run("get --out >(cat); wait $!").1, "hello\n");
    assert_eq!(run("get --out /dev/stdout | cat").1, "hello\n");
    let (code, _, errors) = run("{ echo head >&3; get --out /dev/fd/3 --force; } 3>file");
    assert_eq!(code, 0, "{errors}");
    assert_eq!(fs::read_to_string(root.join("file")).unwrap(), "head\nhello\n");
    // A device.
    let (code, output, errors) = run("get --out /dev/null --force && test -c /dev/null");
    assert_eq!((code, &*output), (0, ""), "{errors}");

    // Programs are told, unless the document is on standard output.
    let (code, output, errors) = run("get --out /dev/null --format json");
    assert_eq!(code, 0, "{errors}");
    let object: Value = serde_json::from_str(&output).unwrap();
    assert_eq!((&object["fetched"], &object["path"]), (&true.into(), &"/dev/null".into()));
    assert_eq!((&object["file"], &object["bytes"]), (&"hi".into(), &6.into()));
    assert_eq!(run("get --out /dev/stdout --format json | cat").1, "hello\n");
    // A reader that goes away early is an error, with a message.
    let (code, _, errors) = run("sleep 0 < fifo & get large --out fifo");
    assert_eq!(code, 74, "{errors}");
    assert!(errors.contains("cannot write to `fifo`"), "{errors}");

    // A directory, with and without a slash.
    fs::create_dir(root.join("dir")).unwrap();
    assert_eq!(run("get --out dir").0, 0);
    assert_eq!(fs::read_to_string(root.join("dir/hi")).unwrap(), "hello\n");
    let (code, _, errors) = run("get --out dir/");
    assert_eq!(code, 74);
    assert!(errors.contains("`dir/hi` is not overwritten without --force"), "{errors}");
    assert_eq!(run("get --out dir/ --force").0, 0);
    assert_eq!(names(&root.join("dir")), ["hi"]);

    // Links: the target is replaced, and nothing is made of a link to nothing.
    fs::write(root.join("target"), "old").unwrap();
    symlink("target", root.join("link")).unwrap();
    symlink("missing", root.join("dangling")).unwrap();
    assert_eq!(run("get --out link").0, 74);
    assert_eq!(run("get --out link --force").0, 0);
    assert_eq!(fs::read_to_string(root.join("target")).unwrap(), "hello\n");
    assert!(fs::symlink_metadata(root.join("link")).unwrap().is_symlink());
    let (code, _, errors) = run("get --out dangling --force");
    assert_eq!(code, 74);
    assert!(errors.contains("symbolic link to `missing`, which is missing"), "{errors}");
    // Parents that are missing, or are no directories.
    let (code, _, errors) = run("get --out no/such/f");
    assert_eq!(code, 74);
    assert!(errors.contains("directory `no/such`: No such file or directory"), "{errors}");
    let (code, _, errors) = run("get --out target/f");
    assert_eq!(code, 74);
    assert!(errors.contains("`target` is not one"), "{errors}");
    // None of that has made the share directory.
    assert!(!root.join("mine").exists());
}

#[test]
fn a_document_that_is_shared_here_is_copied() {
    let root = tempfile::tempdir().unwrap();
    let mine = directory(root.path(), "mine", &[("hi", b"hello\n"), ("rfc7.txt", b"seven")]);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        let arguments = [&[address.as_str(), "--share", "mine"], arguments].concat();
        run_peer(&arguments, "", root.path())
    };
    // No peer has registered it.
    let (code, output, errors) = run(&["get", "hi", "--out", "copy"]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("6 bytes copied from mine/hi, saved as copy"), "{output}");
    assert_eq!(fs::read_to_string(root.path().join("copy")).unwrap(), "hello\n");
    assert_eq!(run(&["get", "hi", "--out", "-"]).1, "hello\n");
    assert_eq!(run(&["get", "7", "--out", "."]).0, 0);
    assert_eq!(fs::read_to_string(root.path().join("rfc7.txt")).unwrap(), "seven");
    assert_eq!(names(&mine), ["hi", "rfc7.txt"]);
    // A list of digests may want another version.
    fs::write(root.path().join("list"), format!("{}  hi\n", "0a".repeat(32))).unwrap();
    let (code, _, errors) = run(&["get", "hi", "--digests", "list", "--out", "other"]);
    assert_eq!(code, 66, "{errors}");
}

#[test]
fn get_and_sync_print_the_same_objects_and_failures_too() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("rfc5.txt", b"five"), ("a\u{200f}b", b"ab")]);
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, &shared);
    let address = index.address.to_string();
    let run = |share: &str, arguments: &[&str]| {
        let arguments = [&[&*address, "--format", "json", "--share", share], arguments].concat();
        let (code, output, errors) = run_peer(&arguments, "", root.path());
        assert!(output.chars().all(|c| c == '\n' || !c.is_control() && c != '\u{200f}'));
        let mut objects: Vec<Value> =
            output.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        objects.sort_by_key(|object| object["file"].is_null());
        (code, objects, errors)
    };
    let (code, mut got, errors) = run("one", &["get", "5", "5", "a\u{200f}b", "5-5"]);
    assert_eq!((code, got.len()), (0, 2), "{errors}");
    let (_, mut synced, _) = run("two", &["sync"]);
    let totals = synced.pop().unwrap();
    assert_eq!((&totals["documents"], &totals["downloaded"]), (&2.into(), &2.into()));
    assert_eq!(synced[0]["file"], "a\u{200f}b");
    for object in got.iter_mut().chain(&mut synced) {
        assert_eq!(object["fetched"], true);
        object["path"].take();
    }
    assert_eq!(got, synced);
    let (_, missing, _) = run("three", &["sync", "--dry-run"]);
    assert_eq!((missing.len(), &missing[0]["fetched"]), (3, &Value::Bool(false)));
    assert_eq!(missing[2]["documents"], 2);
    assert!(!root.path().join("three").exists());

    let (code, failed, _) = run("three", &["get", "6"]);
    assert_eq!((code, failed.len()), (66, 1));
    assert_eq!((&failed[0]["rfc"], &failed[0]["error"]["exit"]), (&6.into(), &66.into()));
    let (code, failed, _) = run("three", &["get", "6", "7"]);
    assert_eq!(code, 66);
    let exits = failed.iter().map(|object| object["error"]["exit"].as_u64());
    assert_eq!(exits.collect::<Vec<_>>(), [Some(66); 3], "{failed:?}");
    let (code, failed, _) = run("three", &["why", "6"]);
    assert_eq!((code, &failed[0]["error"]["exit"]), (66, &66.into()));
    let (code, failed, _) = run("three", &["lookup", "6"]);
    assert_eq!((code, &failed[0]["error"]["exit"]), (66, &66.into()), "{failed:?}");
    let (code, failed, _) = run("three", &["remove", "6"]);
    assert_eq!((code, &failed[0]["error"]["exit"]), (2, &2.into()));
}

#[test]
fn the_first_download_into_a_new_directory_resumes_and_is_remembered() {
    let root = tempfile::tempdir().unwrap();
    let document = vec![7; 3_000_000];
    let shared = directory(root.path(), "shared", &[("big", &document)]);
    let index = Index::start(&[]);
    let (_holder, _) = share(index.address, &shared);
    index.wait_for_digests("FILE big", 1);
    let state = root.path().join("state");
    let address = index.address.to_string();
    let arguments = ["--share", "new/sub", "--download-limit", "300k", "get", "big"];
    let arguments = [&[&*address], &arguments[..]].concat();
    let peer = env!("CARGO_BIN_EXE_peer");
    let program = common::Program::start_again(peer, &arguments, &state, root.path());
    let is_begun = || {
        let entries = fs::read_dir(root.path().join("new/sub")).into_iter().flatten();
        entries.flatten().any(|entry| entry.metadata().is_ok_and(|found| found.len() > 0))
    };
    while !is_begun() {
        thread::yield_now();
    }
    program.signal("KILL");
    drop(program);
    let run = |arguments: &[&str]| {
        let arguments = [&[&*address, "--share", "new/sub"], arguments].concat();
        run_peer_again(&arguments, &state, root.path())
    };
    let (code, output, errors) = run(&["get"]);
    assert!(code == 0 && output.starts_with("FILE big: 3000000 bytes"), "{output}{errors}");
    let (code, output, _) = run(&["why", "big"]);
    assert!(code == 0 && output.contains("wanted") && output.contains("fetched"), "{output}");
    let (code, output, _) = run(&["verify"]);
    assert_eq!(code, 0, "{output}");
    assert_eq!(output, "1 document checked: 1 as downloaded\n");
}
