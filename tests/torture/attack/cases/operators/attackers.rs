//! What attackers do on one connection, until it ends.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

type Attack = fn(TcpStream, &AtomicBool) -> io::Result<()>;

pub(super) const KINDS: [Attack; 10] = [
    silent,
    slow_head,
    endless_head,
    slow_body,
    endless_body,
    unread_pipeline,
    unread_events,
    other_host,
    other_protocol,
    huge_query,
];

const HOST: &str = "Host: localhost\r\n";

/// Waits until the connection ends, or the attack.
fn wait(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    while !stop.load(Ordering::Relaxed) {
        match stream.read(&mut [0; 1024]) {
            Ok(0) => break,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => break,
            _ => {}
        }
    }
    Ok(())
}

/// Sends this text again and again.
fn repeat(mut stream: TcpStream, text: &str, pause: Duration, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(text.as_bytes())?;
        thread::sleep(pause);
    }
    Ok(())
}

fn silent(stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    wait(stream, stop)
}

fn slow_head(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: ")?;
    repeat(stream, "h", Duration::from_millis(100), stop)
}

fn endless_head(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.write_all(format!("GET / HTTP/1.1\r\n{HOST}").as_bytes())?;
    repeat(stream, &format!("X: {}\r\n", "x".repeat(500)), Duration::ZERO, stop)
}

fn slow_body(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream
        .write_all(format!("POST / HTTP/1.1\r\n{HOST}Content-Length: 65536\r\n\r\n").as_bytes())?;
    repeat(stream, "x", Duration::from_millis(100), stop)
}

fn endless_body(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    let head = format!("POST /metrics HTTP/1.1\r\n{HOST}Content-Length: 65536\r\n\r\n");
    // Bodies as large as they may be, one after the other.
    stream.write_all(head.as_bytes())?;
    repeat(stream, &format!("{}{head}", "x".repeat(65_536)), Duration::ZERO, stop)
}

fn unread_pipeline(stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    let request = format!("GET /metrics HTTP/1.1\r\n{HOST}\r\n");
    repeat(stream, &request.repeat(100), Duration::ZERO, stop)
}

/// Reads no event, and sends more than an event stream waits for.
fn unread_events(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    let request = format!("GET /events HTTP/1.1\r\n{HOST}\r\n");
    stream.write_all(request.as_bytes())?;
    repeat(stream, &request, Duration::from_millis(500), stop)
}

fn other_host(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    while !stop.load(Ordering::Relaxed) {
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n")?;
        let mut reply = [0; 12];
        stream.read_exact(&mut reply)?;
        if &reply != b"HTTP/1.1 421" {
            break;
        }
    }
    wait(stream, stop)
}

fn other_protocol(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.write_all(b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\xaa\xbb\xcc\xdd")?;
    wait(stream, stop)
}

fn huge_query(mut stream: TcpStream, stop: &AtomicBool) -> io::Result<()> {
    stream.write_all(b"GET /metrics?q=")?;
    repeat(stream, &"x".repeat(8192), Duration::ZERO, stop)
}
