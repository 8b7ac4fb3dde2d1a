//! The peer as a program: sessions, single commands, downloads, and what scripts see of them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod commands;
mod downloads;
mod indexes;
mod replies;
mod sessions;
mod silent_index;
mod uploads;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

/// A directory for each of several peers, and one document in the first.
fn directories() -> (tempfile::TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let (a, b) = (root.path().join("a"), root.path().join("b"));
    fs::create_dir(&a).unwrap();
    fs::create_dir(&b).unwrap();
    let page =
        "Network Working Group    J. Doe\nRequest for Comments: 90001\n\n   A Title\n\nText\n";
    fs::write(a.join("rfc90001.txt"), page).unwrap();
    fs::write(a.join("lecture 01.md"), "# One\n").unwrap();
    (root, a, b)
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// An address where no program listens.
fn nowhere() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
