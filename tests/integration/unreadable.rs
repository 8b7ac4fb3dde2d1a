//! Shared files that cannot be read for a while are withdrawn, and shared again when they can be read.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may panic")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Instant;

use crate::common::{self, Index, PATIENCE, Program, directory, run_peer};

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Whether this user can read what its permissions forbid.
fn may_read_everything(root: &Path) -> bool {
    let file = root.join("probe");
    fs::write(&file, "text").unwrap();
    set_mode(&file, 0);
    let may = fs::read(&file).is_ok();
    if may {
        common::skip("this user can read every file");
    }
    may
}

/// Waits until the index lists exactly these documents.
fn await_list(index: &Index, here: &Path, expected: &[&str]) {
    let address = index.address.to_string();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, list, errors) = run_peer(&[&address, "list", "--files"], "", here);
        let listed = |name: &str| list.lines().any(|line| line.starts_with(name));
        let is_expected = expected.iter().all(|name| listed(name))
            && list.lines().filter(|line| line.starts_with("FILE ")).count() == expected.len();
        if is_expected {
            return;
        }
        assert!(Instant::now() < deadline, "{expected:?} {list} {errors}");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[test]
fn files_that_cannot_be_read_are_withdrawn_until_they_can() {
    let root = tempfile::tempdir().unwrap();
    if may_read_everything(root.path()) {
        return;
    }
    let mine = directory(root.path(), "mine", &[("a.md", b"a"), ("b.md", b"b")]);
    let elsewhere = directory(root.path(), "elsewhere", &[("added.md", b"added")]);
    let here = directory(root.path(), "here", &[]);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let added = elsewhere.join("added.md");
    let mut peer = Program::start(
        env!("CARGO_BIN_EXE_peer"),
        &[&address, "--share", ".", "--upload", "127.0.0.1:0"],
        &mine,
    );
    peer.type_line(&format!("add '{}'", added.display()));
    let all = ["FILE a.md", "FILE added.md", "FILE b.md"];
    await_list(&index, &here, &all);

    set_mode(&mine.join("a.md"), 0);
    peer.error_with("`a.md` is not shared: Permission denied");
    await_list(&index, &here, &["FILE added.md", "FILE b.md"]);
    set_mode(&mine.join("a.md"), 0o600);
    await_list(&index, &here, &all);

    // A change in the shared directory is a reason to look at what was added from elsewhere.
    set_mode(&elsewhere, 0);
    set_mode(&mine.join("a.md"), 0);
    peer.error_with("added.md` is not shared: Permission denied");
    await_list(&index, &here, &["FILE b.md"]);
    set_mode(&elsewhere, 0o700);
    set_mode(&mine.join("a.md"), 0o600);
    await_list(&index, &here, &all);

    set_mode(&mine, 0);
    peer.error_with("is not shared: Permission denied");
    await_list(&index, &here, &["FILE added.md"]);
    set_mode(&mine, 0o700);
    await_list(&index, &here, &all);
}
