//! A shared directory that is replaced while it is shared: what is there now is announced soon.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use p2p_ci::library::{Depth, Library, SharedLibrary};
use p2p_ci::limits;
use p2p_ci::peer::Watcher;

use crate::common;

/// Less than half of the time after which a watched directory is scanned anyway.
const PATIENCE: Duration = Duration::from_secs(25);

/// Scans follow each other ten times as fast as usual.
fn limits() -> limits::Library {
    let mut limits = limits::Library::default();
    limits.rescan_delay /= 10;
    limits.scan_pause_max /= 10;
    limits
}

fn write(path: &Path) {
    fs::write(path, "text").unwrap();
    // A file counts when it was quiet for a second, or is old.
    let old = SystemTime::now() - Duration::from_secs(60);
    fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
}

fn watched(directory: &Path) -> (SharedLibrary, Watcher, Receiver<String>) {
    let library = Library::scan_quiet(directory, Depth::Directory).unwrap();
    let (sender, documents) = channel();
    let changed = move |document: &p2p_ci::protocol::Document| {
        let _ = sender.send(document.to_string());
    };
    let watching = Watcher::start(library.clone(), limits(), changed).unwrap();
    (library, watching, documents)
}

/// Waits until a document was reported, and is or is not shared.
fn await_document(shared: &(SharedLibrary, Watcher, Receiver<String>), name: &str, is_here: bool) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let document = shared.2.recv_timeout(left).unwrap_or_else(|_| panic!("no {name}"));
        let documents: Vec<String> =
            shared.0.read().documents().map(|(document, _)| document.to_string()).collect();
        if document == name && documents.iter().any(|found| found == name) == is_here {
            return;
        }
    }
}

#[test]
fn a_directory_that_is_removed_and_created_again_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("share");
    fs::create_dir(&directory).unwrap();
    write(&directory.join("one"));
    let shared = watched(&directory);
    for round in ["two", "three"] {
        fs::remove_dir_all(&directory).unwrap();
        fs::create_dir(&directory).unwrap();
        write(&directory.join(round));
        await_document(&shared, &format!("FILE {round}"), true);
        // And from then on it is watched: more arrives without another replacement.
        let later = format!("{round}-later");
        write(&directory.join(&later));
        await_document(&shared, &format!("FILE {later}"), true);
    }
}

/// Once, its documents stayed listed.
#[test]
fn documents_of_a_directory_that_a_file_or_a_loop_of_links_replaces_are_not_shared() {
    let root = tempfile::tempdir().unwrap();
    let parent = root.path().join("parent");
    let path = parent.join("shared");
    fs::create_dir_all(&path).unwrap();
    write(&path.join("one"));
    let shared = watched(&path);
    for replace in [
        |path: &Path| fs::write(path, "file"),
        |path: &Path| symlink("shared", path),
        |path: &Path| {
            fs::remove_dir(path.parent().unwrap())?;
            fs::write(path.parent().unwrap(), "file")
        },
    ] {
        fs::remove_dir_all(&path).unwrap();
        replace(&path).unwrap();
        await_document(&shared, "FILE one", false);
        fs::remove_file(&path).or_else(|_| fs::remove_file(&parent)).unwrap();
        fs::create_dir_all(&path).unwrap();
        write(&path.join("one"));
        await_document(&shared, "FILE one", true);
    }
}

#[test]
fn a_directory_that_another_one_replaces_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for (directory, file) in [("a", "of-a"), ("b", "of-b")] {
        fs::create_dir(at(directory)).unwrap();
        write(&at(directory).join(file));
    }
    symlink(at("a"), at("share")).unwrap();
    let shared = watched(&at("share"));
    // As a deployment does: the link is replaced in one step.
    symlink(at("b"), at("next")).unwrap();
    fs::rename(at("next"), at("share")).unwrap();
    await_document(&shared, "FILE of-b", true);
    assert!(!shared.0.read().documents().any(|(document, _)| document.to_string() == "FILE of-a"));
    write(&at("b").join("later"));
    await_document(&shared, "FILE later", true);
    fs::remove_file(at("b").join("later")).unwrap();
    await_document(&shared, "FILE later", false);
}

#[test]
fn a_directory_whose_parent_is_renamed_is_watched() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("parent/share")).unwrap();
    let shared = watched(&at("parent/share"));
    fs::rename(at("parent"), at("old")).unwrap();
    fs::create_dir_all(at("parent/share")).unwrap();
    write(&at("parent/share/new"));
    await_document(&shared, "FILE new", true);
    write(&at("old/share/other"));
    write(&at("parent/share/later"));
    await_document(&shared, "FILE later", true);
    assert_eq!(shared.0.read().len(), 2);
}

/// Mounting needs a namespace of its own; where that is missing the test says so.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_that_is_mounted_below_the_directory_is_scanned() {
    let namespace = ["--user", "--map-root-user", "--mount"];
    let probe = std::process::Command::new("unshare").args(namespace).arg("true").output();
    if !probe.is_ok_and(|output| output.status.success()) {
        common::skip("there are no user and mount namespaces here");
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir_all(root.path().join("shared/disk")).unwrap();
    let index = common::Index::start(&[]);
    let script = r#"
        "$1" "$2" --upload 127.0.0.1:0 --recursive --share shared share & peer=$!
        read line
        mount -t tmpfs none shared/disk && echo text > shared/disk/rfc7.txt
        read line
        umount shared/disk
        read line
        kill $peer; wait
    "#;
    let (peer, address) = (env!("CARGO_BIN_EXE_peer"), index.address.to_string());
    let arguments = [&namespace[..], &["sh", "-c", script, "sh", peer, &address]].concat();
    let mut shell = common::Program::start("unshare", &arguments, root.path());
    while !shell.line().starts_with("registered ") {}
    // `wait_for_records` gives up long before the directory is scanned anyway.
    for records in [1, 0] {
        shell.type_line("");
        index.wait_for_records(records);
    }
    shell.type_line("");
    assert!(shell.wait().success());
}
