//! Programs with little: a peer that may open few files works slowly, and one that has too little of
//! something says so at its start.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use crate::common::{Index, Program, directory, names, share};

#[test]
fn a_peer_downloads_with_few_descriptors() {
    let root = tempfile::tempdir().unwrap();
    let mut documents: Vec<(String, Vec<u8>)> =
        (1..=150u8).map(|number| (format!("rfc{number}.txt"), vec![number; 3000])).collect();
    // A document that comes in segments.
    documents.push(("large.bin".into(), vec![7; 20_000_000]));
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let theirs = directory(root.path(), "theirs", &files);
    let index = Index::start(&[]);
    let holders = [share(index.address, &theirs), share(index.address, &theirs)];
    index.wait_for_digests("FILE large.bin", holders.len());

    let address = index.address.to_string();
    for files in ["64", "32"] {
        let mine = directory(root.path(), files, &[]);
        let script = r#"ulimit -n "$1"; shift; exec "$@""#;
        let peer = env!("CARGO_BIN_EXE_peer");
        let arguments = ["-c", script, "sh", files, peer, &address, "--share", ".", "sync"];
        let mut sync = Program::start("sh", &arguments, &mine);
        let status = sync.wait();
        let errors = sync.errors();
        assert!(status.success(), "{files} files, {status}: {errors:#?}");
        assert_eq!(names(&mine), names(&theirs), "{files} files: {errors:#?}");
    }
}

#[test]
fn too_few_descriptors_are_named_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let peer = env!("CARGO_BIN_EXE_peer");
    for command in ["share", "sync", "list"] {
        let arguments = [
            "-c",
            r#"ulimit -n 12; exec "$@""#,
            "sh",
            peer,
            "127.0.0.1:1",
            "--share",
            ".",
            command,
        ];
        let mut program = Program::start("sh", &arguments, root.path());
        assert_eq!(program.wait().code(), Some(1), "{command}: {:?}", program.errors());
        program.error_with("open files (ulimit -n) is 12, expected at least 20; raise that limit");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn too_little_address_space_is_named_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let programs: [&[&str]; 3] = [
        &[env!("CARGO_BIN_EXE_server"), "--listen", "127.0.0.1:0"],
        &[env!("CARGO_BIN_EXE_peer"), "127.0.0.1:1", "--share", ".", "share"],
        &[env!("CARGO_BIN_EXE_peer"), "127.0.0.1:1", "--share", ".", "get", "1"],
    ];
    for program in programs {
        let mut arguments = vec!["-c", r#"ulimit -v 51000; exec "$@""#, "sh"];
        arguments.extend(program);
        let mut program = Program::start("sh", &arguments, root.path());
        assert_eq!(program.wait().code(), Some(1), "{arguments:?}: {:?}", program.errors());
        program.error_with("address space (ulimit -v) is 51000 KiB, expected at least");
    }
}
