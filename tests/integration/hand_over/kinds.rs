//! Kinds of readers, most of which do not take a document as it should be taken.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use super::{ask, connect, head, line, request};

/// Readers that do not take a document as it should be taken.
pub(super) const KINDS: usize = 20;
pub(super) fn unclean(kind: usize, address: SocketAddr, name: &str) {
    match kind {
        0 => read_all(&mut ask(address, name, "Range: bytes=0-0\r\n")),
        1 => read_all(&mut ask(address, name, "Range: bytes=4-\r\n")),
        2 => read_all(&mut ask(address, name, "Range: bytes=0-\r\nWant-Digest: sha-256\r\n")),
        3 => {
            let stream = ask(address, name, "");
            stream.shutdown(Shutdown::Write).unwrap();
            reset(stream);
        }
        4 => {
            let stream = ask(address, name, "");
            stream.shutdown(Shutdown::Write).unwrap();
            wait_for_bytes(&stream);
            reset(stream);
        }
        5 => reset(ask(address, name, "")),
        6 => drop(ask(address, name, "")),
        7 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length / 10]);
            // Closing over what was not read resets, and there is always a byte of that.
        }
        8 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length.saturating_sub(1)]);
        }
        9 => {
            let mut stream = ask(address, name, "");
            read_all(&mut stream);
            reset(stream);
        }
        10 => {
            let mut stream = ask(address, name, "");
            let (_, length) = head(&mut stream);
            let _ = stream.read_exact(&mut vec![0; length]);
            reset(stream);
        }
        11 => {
            let stream = ask(address, name, "");
            wait_for_bytes(&stream);
            reset(stream);
        }
        12 => drop(connect(address)),
        13 => connect(address).write_all(b"GET FILE").unwrap(),
        14 => connect(address).write_all(b"NOTHING THAT IS KNOWN\r\n\r\n").unwrap(),
        15 => {
            let mut stream = ask(address, name, "");
            line(&mut stream);
            reset(stream);
        }
        16 => {
            // It half-closes in the middle, and is gone.
            let mut stream = ask(address, name, "");
            line(&mut stream);
            let _ = stream.shutdown(Shutdown::Write);
            wait_for_bytes(&stream);
            reset(stream);
        }
        17 => read_all(&mut ask(address, name, "Connection: keep-alive\r\nRange: bytes=1-2\r\n")),
        18 => {
            let mut stream = ask(address, name, "Range: bytes=9999999999-\r\n");
            read_all(&mut stream);
        }
        _ => {
            let mut stream = connect(address);
            let text = request(name, "");
            for part in text.as_bytes().chunks(7) {
                let _ = stream.write_all(part);
            }
            reset(stream);
        }
    }
}

/// Clients that read all of a document: `None` if it is gone, or another client is reading it.
pub(super) fn clean(kind: usize, address: SocketAddr, name: &str) -> Result<usize, String> {
    let headers = ["", "Want-Digest: sha-256\r\n", "Connection: keep-alive\r\n"][kind % 3];
    let mut stream = ask(address, name, headers);
    let (status, length) = head(&mut stream);
    if status != "P2P-CI/1.0 200 OK" {
        return Err(status);
    }
    let mut bytes = vec![0; length];
    match kind % 2 {
        0 => stream.read_exact(&mut bytes).unwrap(),
        _ => {
            bytes.clear();
            stream.read_to_end(&mut bytes).unwrap();
        }
    }
    Ok(bytes.len())
}

/// Waits until there is something to read, or the connection has ended.
fn wait_for_bytes(stream: &TcpStream) {
    let _ = stream.peek(&mut [0]);
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

fn read_all(stream: &mut TcpStream) {
    // A refusal, or the end that another kind of reader has caused, is no matter here.
    let _ = stream.read_to_end(&mut Vec::new());
}
