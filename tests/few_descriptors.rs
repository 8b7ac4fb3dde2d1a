//! A peer that may open few files works slowly instead of failing.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{Index, Program, folder, names, share};

#[test]
fn a_peer_downloads_with_few_descriptors() {
    let root = tempfile::tempdir().unwrap();
    let mut documents: Vec<(String, Vec<u8>)> =
        (1..=150u8).map(|number| (format!("rfc{number}.txt"), vec![number; 3000])).collect();
    // A document that comes in segments.
    documents.push(("large.bin".into(), vec![7; 20_000_000]));
    let files: Vec<(&str, &[u8])> =
        documents.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let theirs = folder(root.path(), "theirs", &files);
    let index = Index::start(&[]);
    let holders = [share(index.address, &theirs), share(index.address, &theirs)];
    index.wait_for_digests("FILE large.bin", holders.len());

    let address = index.address.to_string();
    for files in ["64", "32"] {
        let mine = folder(root.path(), files, &[]);
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
