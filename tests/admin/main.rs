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
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use common::{Index, Program, peer};

/// The reply to GET: its head and its body.
fn get(address: SocketAddr, path: &str) -> (String, String) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    exchange(
        stream,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
}

fn exchange(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect(&reply);
    (head.into(), body.into())
}

/// The address in a line of standard output.
fn admin_address(program: &Program) -> SocketAddr {
    let line = program.line();
    line.strip_prefix("admin at ").expect(&line).parse().unwrap()
}

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
