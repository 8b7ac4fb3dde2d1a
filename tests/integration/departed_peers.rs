//! An index server keeps nothing of peers that came and went (protocol.md section 4.6): the bytes in use after
//! some of them equal the bytes after eleven times as many. The resident memory shows less: the C library
//! keeps freed memory, and hash tables grow once by what is left of removed entries.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::alloc::System;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Talk};
use p2p_ci::server::{Config, Server};
use socket2::{Domain, Socket, Type};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Peers after which the tables have their sizes.
const FIRST: usize = 300;
/// The peers that are connected at the same time while the tables get their sizes.
const FIRST_CONNECTED: usize = 60;
/// The same afterwards. Some more are counted for a moment, since the server notices later that a peer has left.
const CONNECTED: usize = 20;
/// Threads that have served a connection wait for half a second for the next one.
const QUIET: Duration = Duration::from_secs(1);

/// Bytes in use. Other threads count meanwhile, so that the difference could be negative for a moment.
fn in_use() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated.saturating_sub(stats.bytes_deallocated)
}

/// The bytes in use when they have not changed for a while.
fn in_use_when_quiet() -> usize {
    let end = Instant::now() + PATIENCE;
    let (mut last, mut since) = (in_use(), Instant::now());
    while since.elapsed() < QUIET && Instant::now() < end {
        thread::sleep(Duration::from_millis(10));
        let now = in_use();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
    last
}

/// A connection from a network of its own, where loopback has many.
fn connect(address: SocketAddr, number: usize) -> Talk {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if cfg!(target_os = "linux") {
        let own = Ipv4Addr::from(0x7f01_0000 + u32::try_from(number).unwrap());
        socket.bind(&SocketAddr::new(IpAddr::V4(own), 0).into()).unwrap();
    }
    socket.connect(&address.into()).unwrap();
    Talk::on(TcpStream::from(socket))
}

/// A peer whose host, documents and titles no other peer has. Every third one sends a malformed request, too.
fn come(address: SocketAddr, number: usize) -> Talk {
    let mut peer = connect(address, number);
    let sender = format!("P2P-CI/1.0\r\nHost: peer-{number}.example.edu\r\nPort: 5678\r\n");
    let rfc = 70_000 + number * 2;
    for document in
        [format!("RFC {rfc}"), format!("RFC {}", rfc + 1), format!("FILE notes-{number}")]
    {
        let (word, rest) = document.split_once(' ').unwrap();
        peer.say(format!("ADD {word} {rest} {sender}Title: Title {number} of {document}\r\n\r\n"));
        assert_eq!(peer.reply().first().unwrap(), "P2P-CI/1.0 200 OK");
    }
    peer.say(format!("REMOVE RFC {rfc} {sender}\r\n"));
    assert_eq!(peer.reply().first().unwrap(), "P2P-CI/1.0 200 OK");
    if number.is_multiple_of(3) {
        peer.say("NONSENSE\r\n\r\n");
        assert_eq!(peer.reply().first().unwrap(), "P2P-CI/1.0 400 Bad Request");
    }
    peer
}

/// Peers come, and each leaves when some others have come. Then the rest leaves, and its records are gone.
fn come_and_go(address: SocketAddr, numbers: std::ops::Range<usize>, at_once: usize) {
    let mut connected = Vec::new();
    for number in numbers {
        connected.push(come(address, number));
        if connected.len() > at_once {
            connected.swap_remove(number * 31 % at_once);
        }
    }
    drop(connected);
    let end = Instant::now() + PATIENCE;
    let mut observer = connect(address, 0);
    loop {
        observer.say("LIST ALL P2P-CI/1.0\r\nHost: observer\r\nPort: 1\r\n\r\n");
        let listed = observer.reply();
        // The status, and an empty line.
        if listed.iter().skip(1).all(String::is_empty) {
            return;
        }
        assert!(Instant::now() < end, "{} lines are left", listed.len());
    }
}

#[test]
fn nothing_is_kept_of_peers_that_came_and_went() {
    let config =
        Config { listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))], ..Config::default() };
    let server = Server::bind(&config).unwrap();
    let (address, stop) = (*server.addresses().unwrap().first().unwrap(), server.stop());
    let running = thread::spawn(move || server.run());

    come_and_go(address, 1..FIRST, FIRST_CONNECTED);
    let before = in_use_when_quiet();
    come_and_go(address, FIRST..FIRST * 11, CONNECTED);
    let end = Instant::now() + PATIENCE;
    while in_use() > before {
        let kept = in_use().saturating_sub(before);
        assert!(Instant::now() < end, "{kept} bytes are kept of {} peers", FIRST * 10);
        thread::sleep(Duration::from_millis(10));
    }

    stop.stop();
    running.join().unwrap().unwrap();
}
