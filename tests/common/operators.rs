//! The address for operators of a program.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::{PATIENCE, Program};

/// The reply to GET: its head and its body.
pub fn get(address: SocketAddr, path: &str) -> (String, String) {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    exchange(
        stream,
        &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    )
}

pub fn exchange(mut stream: impl Read + Write, request: &str) -> (String, String) {
    stream.write_all(request.as_bytes()).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").expect(&reply);
    (head.into(), body.into())
}

/// The address in a line of standard output.
pub fn admin_address(program: &Program) -> SocketAddr {
    let line = program.line();
    line.strip_prefix("admin at ").expect(&line).parse().unwrap()
}

/// The value of a line of metrics.
pub fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in {text}")).parse().unwrap()
}
