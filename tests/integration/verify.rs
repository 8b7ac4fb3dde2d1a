//! `verify` looks at the files, whether or not they are shared.

#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::{Index, Program, directory, peer, run_peer_again};
use serde_json::Value;

#[test]
fn the_file_at_the_path_is_checked_whether_or_not_it_is_shared() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 5] =
        [("a", b"a"), ("b", b"b"), ("c", b"c"), ("d", b"d"), ("rfc7.txt", b"seven")];
    let shared = directory(root.path(), "shared", &files);
    fs::create_dir(shared.join("x")).unwrap();
    fs::write(shared.join("x/sub"), "sub").unwrap();
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--recursive", "--upload", "127.0.0.1:0", "share"];
    let holder = peer(index.address, &arguments, &shared);
    while !holder.line().starts_with("registered 6 documents") {}
    let (state, mine) = (root.path().join("state"), root.path().join("mine"));
    let address = index.address.to_string();
    let run = |arguments: &[&str]| {
        let arguments = [&[address.as_str(), "--share", "mine"], arguments].concat();
        run_peer_again(&arguments, &state, root.path())
    };
    let (code, output, errors) = run(&["sync"]);
    assert_eq!(code, 0, "{output}{errors}");
    // Neither what is not shared, nor a sub-directory, is missing.
    fs::write(mine.join(".p2pciignore"), "a\n").unwrap();
    assert_eq!(run(&["verify"]).1, "6 documents checked: 6 as downloaded\n");

    fs::write(mine.join("x/sub"), "SUB").unwrap();
    fs::remove_file(mine.join("b")).unwrap();
    symlink("a", mine.join("b")).unwrap();
    fs::remove_file(mine.join("c")).unwrap();
    assert!(Command::new("mkfifo").arg(mine.join("c")).status().unwrap().success());
    fs::remove_file(mine.join("d")).unwrap();
    let (code, output, _) = run(&["verify"]);
    assert_eq!(code, 65);
    for line in [
        "FILE b: cannot be read: ",
        "FILE c: cannot be read: expected a regular file",
        "FILE d: missing\n",
        "FILE x/sub: changed, now sha-256=",
        "6 documents checked: 2 as downloaded, 1 changed, 1 missing, 2 unreadable\n",
    ] {
        assert!(output.contains(line), "{line:?} in {output}");
    }
    assert_eq!(output.lines().count(), 5, "{output}");
    let (_, output, _) = run(&["--format", "json", "verify"]);
    let objects: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((objects.len(), &objects[6]["changed"]), (7, &1.into()));
    assert_eq!(objects[6]["error"]["exit"], 65);

    // The history belongs to the path, and nothing else says what the files should be.
    fs::rename(&mine, root.path().join("moved")).unwrap();
    let moved = [address.as_str(), "--share", "moved", "verify"];
    let (code, output, errors) = run_peer_again(&moved, &state, root.path());
    assert_eq!((code, output.as_str()), (66, ""), "{errors}");
    assert!(errors.contains("no document was checked"), "{errors}");
    let json = [&moved[..], &["--format", "json"]].concat();
    let (_, output, _) = run_peer_again(&json, &state, root.path());
    assert_eq!(serde_json::from_str::<Value>(&output).unwrap()["error"]["exit"], 66);
    fs::rename(root.path().join("moved"), &mine).unwrap();
    // No program can open a directory as its history.
    let history = fs::read_dir(state.join("p2p-ci/downloads")).unwrap().map(|one| one.unwrap());
    for path in history.map(|one| one.path()).filter(|path| path.extension().is_none()) {
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
    }
    for arguments in [&["verify"][..], &["verify", "a"]] {
        let (code, output, errors) = run(arguments);
        assert_eq!((code, output.as_str()), (74, ""), "{errors}");
        assert!(errors.contains("no document was checked"), "{errors}");
    }

    let (code, _, errors) = {
        let arguments = [address.as_str(), "--share", "mistyped", "verify"];
        run_peer_again(&arguments, &state, root.path())
    };
    assert_eq!(code, 66);
    assert!(errors.contains("`mistyped`, which does not exist"), "{errors}");
    assert!(!root.path().join("mistyped").exists());
}

#[test]
fn documents_downloaded_into_subdirectories_stay_shared() {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[]);
    fs::create_dir(shared.join("x")).unwrap();
    for name in ["x/sub", "x/ignored", "x/gone"] {
        fs::write(shared.join(name), name).unwrap();
    }
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--recursive", "--upload", "127.0.0.1:0", "share"];
    let holder = peer(index.address, &arguments, &shared);
    while !holder.line().starts_with("registered 3 documents") {}
    let (state, mine) = (root.path().join("state"), root.path().join("mine"));
    let address = index.address.to_string();
    let arguments = [address.as_str(), "--share", "mine", "sync"];
    let (code, output, errors) = run_peer_again(&arguments, &state, root.path());
    assert_eq!(code, 0, "{output}{errors}");
    // The commands that list the documents show the same ones.
    let arguments = [address.as_str(), "--share", "mine", "docs"];
    let (code, output, errors) = run_peer_again(&arguments, &state, root.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("FILE x%2Fsub "), "{output}");
    fs::write(mine.join(".p2pciignore"), "ignored\n").unwrap();
    fs::write(mine.join("x/own"), "was not downloaded").unwrap();
    fs::remove_file(mine.join("x/gone")).unwrap();
    // A holder that is gone leaves the records of the new session alone.
    drop(holder);
    index.wait_for_records(0);
    let arguments = [address.as_str(), "--share", "mine", "--upload", "127.0.0.1:0", "share"];
    let path = env!("CARGO_BIN_EXE_peer");
    let session = Program::start_again(path, &arguments, &state, root.path());
    while !session.line().starts_with("registered 1 document ") {}
    index.wait_for_digests("FILE x%2Fsub", 1);
}
