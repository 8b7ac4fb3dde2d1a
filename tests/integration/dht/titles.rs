//! Titles and digests of documents that only the table knows, for which holders are asked.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use p2p_ci::dht::{Key, Node, Role};
use p2p_ci::library::Hasher;
use p2p_ci::protocol::Document;

use crate::common::{Index, directory, is_inside, peer, run_peer_again};
use crate::dht::network::{node, until};

/// Nothing listens here.
const NO_INDEX: &str = "127.0.0.1:9";
/// The first lines of an RFC, from which its holder takes the title.
const RFC: &str = "Network Working Group\nRequest for Comments: 90001\n\n\n                 An Example Of A Title\n\nText.\n";

/// The reply to requests of which nothing follows.
fn reply(at: SocketAddr, requests: &str) -> String {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.write_all(requests.as_bytes()).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).unwrap();
    reply
}

/// Starts an upload server that sends these bytes at the beginning of each connection, which it counts. A node
/// announces it for a document.
fn announce(
    last: u8,
    table: SocketAddrV4,
    document: &Document,
    bytes: &'static str,
) -> (Arc<Node>, Arc<AtomicUsize>) {
    let address = Ipv4Addr::new(127, 9, last, 1);
    let listener = TcpListener::bind((address, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let counted = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&counted);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            counter.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                // The reader may close the connection at any time.
                let _ = stream.write_all(bytes.as_bytes());
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    let node = node(SocketAddrV4::new(address, 0), &[table], Role::Member);
    let until = until();
    while node.announce(Key::of(document), port).is_err() {
        assert!(Instant::now() < until);
        thread::yield_now();
    }
    (node, counted)
}

#[test]
fn holders_are_asked_for_titles_and_digests() {
    if !is_inside("dht::titles::holders_are_asked_for_titles_and_digests") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", &[("rfc90001.txt", RFC.as_bytes())]);
    let own = directory(root.path(), "own", &[]);
    let server = Index::start(&["--dht"]);
    let table = server.address.to_string();
    let holder = peer(
        NO_INDEX.parse().unwrap(),
        &["--dht", "--bootstrap", &table, "--share", ".", "--upload", "127.8.0.1:0", "share"],
        &shared,
    );
    let line = holder.line();
    let at: SocketAddr = line.strip_prefix("uploading from ").unwrap().parse().unwrap();
    // The digest is known after some time.
    let lookup = "LOOKUP RFC 90001 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n";
    let mut hasher = Hasher::default();
    hasher.update(RFC.as_bytes());
    let (digest, length, port) = (hasher.finish(), RFC.len(), at.port());
    let expected = format!(
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 90001 An Example Of A Title 127.8.0.1 {port}\r\n\
         Digest: {digest}\r\nLength: {length}\r\n\r\n"
    );
    let deadline = until();
    while reply(at, lookup) != expected {
        assert!(Instant::now() < deadline, "{}", reply(at, lookup));
    }
    let not_found = "P2P-CI/1.0 404 Not Found\r\n\r\n";
    assert_eq!(reply(at, &lookup.replace("90001", "90002")), not_found);
    // What it shares is not listed.
    let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
    assert_eq!(reply(at, list), "P2P-CI/1.0 400 Bad Request\r\n\r\n");

    // One that is silent, and one that says something of another document.
    let document = Document::Rfc("90001".parse().unwrap());
    let table_at: SocketAddrV4 = table.parse().unwrap();
    let liar = "P2P-CI/1.0 200 OK\r\n\r\nRFC 90002 A Lie 127.8.0.1 7\r\n\r\n";
    let (_one, silent) = announce(1, table_at, &document, "");
    let (_other, lies) = announce(2, table_at, &document, liar);
    let run = |arguments: &[&str]| {
        let arguments =
            [&[NO_INDEX, "--dht", "--bootstrap", &table, "--share", "."], arguments].concat();
        run_peer_again(&arguments, &root.path().join("state"), &own)
    };
    let deadline = until();
    let output = loop {
        let (code, output, errors) = run(&["--format", "raw", "lookup", "90001"]);
        if code == 0 && output.lines().filter(|line| line.starts_with("RFC ")).count() == 3 {
            break output;
        }
        assert!(Instant::now() < deadline, "{output}{errors}");
    };
    assert!(silent.load(Ordering::SeqCst) > 0 && lies.load(Ordering::SeqCst) > 0);
    let honest = format!("RFC 90001 An Example Of A Title 127.8.0.1 {port}");
    assert!(output.lines().any(|line| line == honest), "{output}");
    for address in ["127.9.1.1", "127.9.2.1"] {
        assert!(output.contains(&format!("RFC 90001  {address} ")), "{address}: {output}");
    }
    assert!(!output.contains("A Lie"), "{output}");
    let (code, output, errors) = run(&["lookup", "90001"]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("An Example Of A Title"), "{output}");
    let (code, output, errors) = run(&["get", "90001"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(fs::read_to_string(own.join("rfc90001.txt")).unwrap(), RFC);
    let (code, output, errors) = run(&["why", "90001"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains("found: 3 holders from the distributed hash table"), "{output}");
}
