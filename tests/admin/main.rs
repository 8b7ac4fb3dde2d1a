//! The address for operators of both programs: health, metrics, Prometheus, commands, and the status page.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]

mod changes;
mod commands;
#[path = "../common/mod.rs"]
mod common;
mod health;
mod metrics;
mod page;
mod peer_page;
mod prometheus;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use common::operators::{admin_address, exchange, get, value};
use common::{Index, Program, peer};

/// An index server with an address for operators.
fn index() -> (Index, SocketAddr) {
    let index = Index::start(&["--admin", "127.0.0.1:0"]);
    let admin = admin_address(&index.program);
    (index, admin)
}

/// A peer that shares one document, with an address for operators, and the address of its uploads.
fn sharing_peer(index: SocketAddr, directory: &Path) -> (Program, SocketAddr, SocketAddr) {
    fs::write(directory.join("rfc1.txt"), "one").unwrap();
    let options = ["--upload", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--share", ".", "share"];
    let program = peer(index, &options, directory);
    let line = program.line();
    let uploads = line.strip_prefix("uploading from ").expect(&line).parse().unwrap();
    let admin = admin_address(&program);
    (program, admin, uploads)
}
