//! Documents that are handed over: none is lost and none is twice there, whatever its readers do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

mod kinds;
mod moves;
mod readers;
mod waiting;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use crate::common::{self, Index, PATIENCE, Program};

/// A peer that hands over what is in a directory.
fn lender(index: &Index, shared: &Path) -> (Program, SocketAddr) {
    lender_with(index, shared, &[])
}

/// The same with more options.
fn lender_with(index: &Index, shared: &Path, options: &[&str]) -> (Program, SocketAddr) {
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--hand-over"];
    let arguments = [&arguments, options, &["share"]].concat();
    let program = common::peer(index.address, &arguments, shared);
    let port = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
    program.line();
    (program, SocketAddr::from(([127, 0, 0, 1], port)))
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(name: &str, headers: &str) -> String {
    format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n")
}

fn ask(address: SocketAddr, name: &str, headers: &str) -> TcpStream {
    let mut stream = connect(address);
    stream.write_all(request(name, headers).as_bytes()).unwrap();
    stream
}

/// The next line of a head, byte by byte, so that nothing else is read.
fn line(stream: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") && stream.read(&mut byte).is_ok_and(|count| count > 0) {
        line.extend(byte);
    }
    String::from_utf8(line).unwrap().trim_end().to_string()
}

/// Status and length of the document.
fn head(stream: &mut TcpStream) -> (String, usize) {
    let status = line(stream);
    let mut length = 0;
    loop {
        let header = line(stream);
        if header.is_empty() {
            return (status, length);
        }
        if let Some(value) = header.strip_prefix("Content-Length: ") {
            length = value.parse().unwrap();
        }
    }
}
