//! Counted costs of an index server: allocations of a LOOKUP, bytes of a record, system calls of a
//! pipeline; and system calls of an upload. Times differ from machine to machine; these do not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "what was counted, and what was skipped")]

mod common;

use std::alloc::System;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use p2p_ci::index::{Attributes, Index, Owner};
use p2p_ci::protocol::{Content, Date, Document, Endpoint, Record, Title};
use p2p_ci::server::{Config, Server};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const HOLDERS: u16 = 8;
const PIPELINE: usize = 32;

fn lookup() -> String {
    "LOOKUP RFC 793 P2P-CI/1.0\r\nHost: thishost.csc.ncsu.edu\r\nPort: 5678\r\n\
     Title: Transmission Control Protocol\r\n\r\n"
        .into()
}

/// One test, for the counters are those of the whole process, in which nothing else may happen.
#[test]
fn what_it_takes() {
    // First: threads of a server may end late, and give back memory.
    a_record_takes_at_most_48_bytes();
    a_lookup_allocates_nothing();
    a_pipeline_shares_reads_and_writes();
    an_upload_takes_few_calls();
}

/// Eight records of one document, over a connection that owns them; and the reply to [`lookup`].
fn add_holders(address: SocketAddr) -> (TcpStream, usize) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    for port in 0..HOLDERS {
        let port = 5000 + port;
        let add = format!(
            "ADD RFC 793 P2P-CI/1.0\r\nHost: otherhost.csc.ncsu.edu\r\nPort: {port}\r\n\
             Title: Transmission Control Protocol\r\n\r\n"
        );
        stream.write_all(add.as_bytes()).unwrap();
        let record =
            format!("RFC 793 Transmission Control Protocol otherhost.csc.ncsu.edu {port}\r\n");
        let reply = format!("P2P-CI/1.0 200 OK\r\n\r\n{record}\r\n");
        let mut found = vec![0; reply.len()];
        stream.read_exact(&mut found).unwrap();
        assert_eq!(String::from_utf8(found).unwrap(), reply);
    }
    let record = "RFC 793 Transmission Control Protocol otherhost.csc.ncsu.edu 5000\r\n";
    (stream, "P2P-CI/1.0 200 OK\r\n\r\n\r\n".len() + record.len() * usize::from(HOLDERS))
}

/// Asks in batches, each when the replies to the one before are there; allocates nothing.
fn ask(stream: &mut TcpStream, batch: &[u8], replies: usize, batches: usize, buffer: &mut [u8]) {
    for _ in 0..batches {
        stream.write_all(batch).unwrap();
        stream.read_exact(&mut buffer[..replies]).unwrap();
    }
}

fn a_lookup_allocates_nothing() {
    let config =
        Config { listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))], ..Config::default() };
    let server = Server::bind(&config).unwrap();
    let (address, stop) = (server.addresses().unwrap()[0], server.stop());
    let running = thread::spawn(move || server.run());
    let (_holder, reply) = add_holders(address);
    let mut stream = TcpStream::connect(address).unwrap();
    // The server enters new titles into its search structure later, or when a search needs them.
    let search = "SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: nothing\r\n\r\n";
    let nothing = "P2P-CI/1.0 200 OK\r\n\r\n\r\n".len();
    ask(&mut stream, search.as_bytes(), nothing, 1, &mut vec![0; nothing]);
    let mut buffer = vec![0; reply * PIPELINE];
    let one = lookup();

    ask(&mut stream, one.as_bytes(), reply, 10, &mut buffer);
    // Other threads, such as that of the tests, may allocate meanwhile, but not each time.
    let allocates_nothing = (0..3).any(|_| {
        let region = Region::new(ALLOCATOR);
        ask(&mut stream, one.as_bytes(), reply, 1000, &mut buffer);
        let used = region.change();
        (used.allocations, used.reallocations) == (0, 0)
    });
    assert!(allocates_nothing, "1000 LOOKUPs allocate each time");

    // The replies to many together need more room than an idle connection keeps.
    let many = lookup().repeat(PIPELINE);
    ask(&mut stream, many.as_bytes(), reply * PIPELINE, 10, &mut buffer);
    let allocates_nothing = (0..3).any(|_| {
        let region = Region::new(ALLOCATOR);
        ask(&mut stream, many.as_bytes(), reply * PIPELINE, 100, &mut buffer);
        let used = region.change();
        used.allocations == 0 && used.reallocations <= 4 * 100
    });
    assert!(allocates_nothing, "3200 LOOKUPs allocate each time");

    drop(stream);
    stop.stop();
    running.join().unwrap().unwrap();
}

/// The thread of the tests may allocate meanwhile, but not each time.
fn a_record_takes_at_most_48_bytes() {
    assert!((0..5).any(|_| an_index_leaves_nothing()), "something is left of an index each time");
}

/// Returns whether all memory of an index is freed with it.
fn an_index_leaves_nothing() -> bool {
    const NUMBERS: u64 = 2000;
    const PEERS: u64 = 150;
    let documents: Vec<Document> =
        (1..=NUMBERS).map(|n| Document::Rfc(n.to_string().parse().unwrap())).collect();
    let titles: Vec<Title> = (1..=NUMBERS)
        .map(|n| format!("The {n}th Document of the Series").parse().unwrap())
        .collect();
    let added = Date::clamped(UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    let region = Region::new(ALLOCATOR);
    let index = Index::default();
    for peer in 0..PEERS {
        let holder: Endpoint = format!("peer-{peer}.example.edu:5678").parse().unwrap();
        for (document, title) in documents.iter().zip(&titles) {
            let record =
                Record { document: document.clone(), title: title.clone(), holder: holder.clone() };
            let attributes = Attributes { content: Content::default(), added, address: None };
            index.add(Owner(peer), record, attributes).unwrap();
        }
    }
    let used = region.change();
    drop(index);
    let left = region.change();
    let bytes = used.bytes_allocated - used.bytes_deallocated;
    let each = bytes as f64 / (NUMBERS * PEERS) as f64;
    println!("{each:.1} bytes a record");
    assert!(each <= 48.0, "{each} bytes a record");
    left.bytes_allocated == left.bytes_deallocated
}

fn a_pipeline_shares_reads_and_writes() {
    const BATCHES: usize = 50;
    let root = tempfile::tempdir().unwrap();
    let server = [env!("CARGO_BIN_EXE_server"), "--listen", "127.0.0.1:0", "--log", "quiet"];
    let Some(program) = traced("recvfrom,sendto", &server, root.path()) else { return };
    let line = program.line();
    let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
    let (_holder, reply) = add_holders(address);
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::PATIENCE)).unwrap();
    let many = lookup().repeat(PIPELINE);
    let mut buffer = vec![0; reply * PIPELINE];
    ask(&mut stream, many.as_bytes(), reply * PIPELINE, BATCHES, &mut buffer);
    let calls = calls_of(program, root.path());
    let count = |name: &str| calls.iter().filter(|line| line.contains(name)).count();
    let (reads, writes) = (count("recvfrom("), count("sendto("));
    // A read and a write for each ADD, and a few reads until the buffer has the size that fits.
    let own = usize::from(HOLDERS) + 1;
    println!("{} requests: {reads} reads, {writes} writes", BATCHES * PIPELINE);
    assert!(reads <= own + BATCHES + 10, "{reads} reads");
    assert!(writes <= own + BATCHES + 10, "{writes} writes");
}

/// Each is accepted, read, opened and looked at; head and document are sent; there is one look for
/// more of the request, and two are closed. No other thread is woken, not by the opened file either.
fn an_upload_takes_few_calls() {
    const UPLOADS: usize = 200;
    const FOR_EACH: [(&str, usize); 10] = [
        ("accept4", 1),
        ("recvfrom", 2),
        ("open", 1),
        ("statx", 1),
        ("sendto", 1),
        ("sendfile", 1),
        ("pread64", 1),
        ("close", 2),
        ("epoll_wait", 0),
        ("read", 0),
    ];
    let root = tempfile::tempdir().unwrap();
    let directory = common::directory(root.path(), "shared", &[("file", b"a small document")]);
    let mut peer = vec![env!("CARGO_BIN_EXE_peer"), "--share", directory.to_str().unwrap()];
    peer.extend(["--upload", "127.0.0.1:0", "127.0.0.1:1", "share"]);
    // Not every processor has all of them.
    let names = FOR_EACH.map(|(name, _)| format!("?{name}")).join(",");
    let Some(program) = traced(&names, &peer, root.path()) else { return };
    let line = program.line();
    let address: SocketAddr = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
    for _ in 0..UPLOADS {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET FILE file P2P-CI/1.0\r\nHost: h\r\n\r\n").unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap();
        assert!(reply.ends_with("a small document"), "{reply}");
    }
    let calls = calls_of(program, root.path());
    let is_upload = |line: &String| line.contains("sendfile(");
    let first = calls.iter().position(is_upload).unwrap();
    let last = calls.iter().rposition(is_upload).unwrap();
    for (name, for_each) in FOR_EACH {
        let is_meant = |line: &&String| line.contains(&format!(" {name}("));
        let count = calls[first..last].iter().filter(is_meant).count();
        println!("{UPLOADS} uploads: {count} {name}");
        // A few more for what else the peer does in that time.
        assert!(count <= for_each * UPLOADS + UPLOADS / 4, "{count} {name}");
    }
}

/// A program of which strace writes down the system calls of these names; `None` if it is not
/// installed.
fn traced(names: &str, command: &[&str], directory: &Path) -> Option<common::Program> {
    if Command::new("strace").arg("-V").output().is_err() {
        common::skip("`strace` is not installed");
        return None;
    }
    let which = format!("trace={names}");
    let arguments = [&["-f", "-qq", "-o", "calls", "-e", &which], command].concat();
    Some(common::Program::start("strace", &arguments, directory))
}

/// Ends the program, and returns its calls, in the order in which they began.
fn calls_of(mut program: common::Program, directory: &Path) -> Vec<String> {
    // strace ends with the traced program; a killed strace would leave it running.
    let traced = common::child_of(program.id());
    assert!(Command::new("kill").arg(traced).status().unwrap().success());
    program.wait();
    let calls = fs::read_to_string(directory.join("calls")).unwrap();
    calls.lines().filter(|line| !line.contains("resumed>")).map(String::from).collect()
}
