//! False records: the attributes that an index server sends are hints, and a holder's own
//! reply takes precedence (protocol.md sections 4.11 and 9).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod odd_hosts;
mod synced;
mod verified_address;

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::common::holders::{holder, honest, respond};
use crate::common::{Index, Talk, directory, run_peer};
use p2p_ci::library::Hasher;
use p2p_ci::peer::UploadServer;

const RIGHT: &[u8] = b"The document, as its author wrote it.\n";
const FALSE: &str = "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";

fn sha256(bytes: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish().to_string().replace("sha-256=", "")
}

/// An index, and the directory of a peer that downloads.
struct Scene {
    root: tempfile::TempDir,
    index: Index,
    mine: PathBuf,
    /// Records are kept while their connections are open.
    talks: Vec<Talk>,
    servers: Vec<UploadServer>,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let mine = directory(root.path(), "mine", &[]);
        let index = Index::start(&[]);
        Self { root, index, mine, talks: Vec::new(), servers: Vec::new() }
    }

    /// Starts a holder of RFC 1 that is not registered.
    fn holder(&mut self, last: u8, bytes: &[u8]) -> SocketAddr {
        let name = format!("holder-{}", self.servers.len());
        let shared = directory(self.root.path(), &name, &[("rfc1.txt", bytes)]);
        let (server, _) = honest(&shared, Ipv4Addr::new(127, 0, 0, last));
        let address = server.address();
        self.servers.push(server);
        address
    }

    /// Registers RFC 1 at an address.
    fn add(&mut self, at: SocketAddr, title: &str, digest: Option<&str>, length: Option<u64>) {
        let (host, port) = (at.ip(), at.port());
        let mut request =
            format!("ADD RFC 1 P2P-CI/1.0\r\nHost: {host}\r\nPort: {port}\r\nTitle: {title}\r\n");
        if let Some(digest) = digest {
            request += &format!("Digest: sha-256={digest}\r\n");
        }
        if let Some(length) = length {
            request += &format!("Length: {length}\r\n");
        }
        let mut talk = self.index.connect();
        talk.say(request + "\r\n");
        assert!(talk.reply().iter().any(|line| line.contains(" 200 ")));
        self.talks.push(talk);
    }

    /// Downloads RFC 1; returns the line, and what was saved.
    fn get(&self) -> (String, Vec<u8>) {
        let index = self.index.address.to_string();
        let (code, output, errors) =
            run_peer(&[&index, "--share", ".", "get", "1"], "", &self.mine);
        assert_eq!(code, 0, "{errors}");
        (output, self.saved())
    }

    fn saved(&self) -> Vec<u8> {
        fs::read(self.mine.join("rfc1.txt")).unwrap_or_default()
    }
}

/// An address where no program listens.
fn unused(last: u8) -> SocketAddr {
    TcpListener::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap().local_addr().unwrap()
}

fn dishonest(last: u8, headers: &'static str, bytes: usize) -> SocketAddr {
    holder(Ipv4Addr::new(127, 0, 0, last), move |stream, _| {
        respond(stream, headers, &vec![b'x'; bytes])?;
        // Until the peer closes.
        stream.read_to_end(&mut Vec::new()).map(drop)
    })
}

fn slow_dishonest_holder(last: u8) -> SocketAddr {
    holder(Ipv4Addr::new(127, 0, 0, last), |stream, _| {
        respond(stream, LARGE, &[b'x'; 20_000])?;
        loop {
            stream.write_all(&[b'x'; 2_000])?;
            // The rate is what is tested.
            thread::sleep(Duration::from_millis(500));
        }
    })
}

const LARGE: &str = "Content-Length: 9000000\r\nDigest: sha-256=\
                     cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\r\n";

#[test]
fn a_false_record_of_a_large_document_does_not_hide_a_small_one() {
    let dishonest_holders: [fn() -> SocketAddr; 6] = [
        || unused(3),
        || dishonest(3, LARGE, 0),
        || dishonest(3, LARGE, 100_000),
        || dishonest(3, LARGE, 9_000_000),
        // Faster than the minimum rate, and slower than what is worth waiting for.
        || slow_dishonest_holder(3),
        // It closes.
        || holder(Ipv4Addr::new(127, 0, 0, 3), |_, _| Ok(())),
    ];
    let runs = dishonest_holders.map(|dishonest| {
        thread::spawn(move || {
            let mut scene = Scene::new();
            let right = scene.holder(1, RIGHT);
            scene.add(right, "T", None, None);
            scene.add(dishonest(), "T", Some(FALSE), Some(9_000_000));
            let (line, bytes) = scene.get();
            assert_eq!(bytes, RIGHT, "{line}");
            assert!(line.contains("(as announced by its holder)"), "{line}");
        })
    });
    runs.into_iter().for_each(|run| run.join().unwrap());
}

/// A program that knows no extension, and refuses a request with one or closes the connection,
/// is asked without any: also when the beginning of another version is here.
#[test]
fn a_strict_holder_is_asked_plainly_for_its_own_version() {
    let refusals: [&[u8]; 3] = [b"P2P-CI/1.0 400 Bad Request\r\n\r\n", b"", b"What?\r\n\r\n"];
    let runs = refusals.map(|refusal| {
        ["Range:", "Want-Digest:"].map(|unknown| {
            thread::spawn(move || {
                let mut scene = Scene::new();
                let strict = holder(Ipv4Addr::LOCALHOST, move |stream, request| {
                    match request.contains("Range:") || request.contains(unknown) {
                        true => stream.write_all(refusal),
                        false => {
                            respond(stream, &format!("Content-Length: {}\r\n", RIGHT.len()), RIGHT)
                        }
                    }
                });
                scene.add(strict, "T", None, None);
                scene.add(dishonest(3, LARGE, 100_000), "T", Some(FALSE), Some(9_000_000));
                let index = scene.index.address.to_string();
                for command in [&["get", "1"][..], &["sync"]] {
                    let arguments = [&[index.as_str(), "--share", "."], command].concat();
                    let (code, output, errors) = run_peer(&arguments, "", &scene.mine);
                    let case = format!("{refusal:?} to {unknown} {command:?}: {output}{errors}");
                    assert_eq!((code, scene.saved().as_slice()), (0, RIGHT), "{case}");
                    fs::remove_file(scene.mine.join("rfc1.txt")).unwrap();
                }
            })
        })
    });
    runs.into_iter().flatten().for_each(|run| run.join().unwrap());
}

#[test]
fn false_attributes_of_the_holder_itself_are_hints() {
    let other = sha256(b"another document");
    let claims = [
        (Some(FALSE), Some(9_000_000)),
        (Some(FALSE), None),
        (None, Some(9_000_000)),
        (None, Some(1)),
        (Some(other.as_str()), Some(16)),
    ];
    for (digest, length) in claims {
        let mut scene = Scene::new();
        let right = scene.holder(1, RIGHT);
        // From another connection, before and after the holder's own record.
        scene.add(right, "T", digest, length);
        scene.add(right, "T", None, None);
        scene.add(right, "T", digest, length);
        let (line, bytes) = scene.get();
        assert_eq!(bytes, RIGHT, "{line}");
        assert!(line.contains("(as announced by its holder)"), "{line}");
    }
}

#[test]
fn endpoints_of_one_network_do_not_outvote_two_networks() {
    let wrong = b"What one dishonest holder sends.\n";
    let mut scene = Scene::new();
    let (one, two) = (scene.holder(1, RIGHT), scene.holder(2, RIGHT));
    for at in [one, two] {
        scene.add(at, "T", Some(&sha256(RIGHT)), Some(RIGHT.len() as u64));
    }
    for _ in 0..3 {
        let at = scene.holder(3, wrong);
        scene.add(at, "T", Some(&sha256(wrong)), Some(wrong.len() as u64));
    }
    let (line, bytes) = scene.get();
    assert_eq!(bytes, RIGHT, "{line}");
    assert!(line.contains("(as 2 holders agree)"), "{line}");
}

#[test]
fn two_networks_are_believed_before_one_but_only_if_they_deliver() {
    let wrong = b"What two dishonest holders send.\n";
    let mut scene = Scene::new();
    let right = scene.holder(1, RIGHT);
    scene.add(right, "T", Some(&sha256(RIGHT)), None);
    for last in [2, 3] {
        let at = scene.holder(last, wrong);
        scene.add(at, "T", Some(&sha256(wrong)), None);
    }
    let (line, bytes) = scene.get();
    assert_eq!(bytes, wrong, "{line}");
    assert!(line.contains("(as 2 holders agree)"), "{line}");

    // Two that announce a version and have another one.
    let mut scene = Scene::new();
    let right = scene.holder(1, RIGHT);
    scene.add(right, "T", Some(&sha256(RIGHT)), None);
    for last in [2, 3] {
        scene.add(unused(last), "T", Some(FALSE), None);
    }
    let (line, bytes) = scene.get();
    assert_eq!(bytes, RIGHT, "{line}");
    assert!(line.contains("(as announced by its holder)"), "{line}");
}

#[test]
fn a_holder_that_sends_other_bytes_than_it_announces_is_not_believed() {
    let mut scene = Scene::new();
    let right = scene.holder(1, RIGHT);
    scene.add(right, "T", None, None);
    for last in [2, 3, 4] {
        let headers = "Content-Length: 5\r\nDigest: sha-256=\
                       cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\r\n";
        scene.add(dishonest(last, headers, 5), "T", Some(FALSE), Some(5));
    }
    let (line, bytes) = scene.get();
    assert_eq!(bytes, RIGHT, "{line}");
}

#[test]
fn a_reply_without_a_digest_is_not_called_checked() {
    let mut scene = Scene::new();
    let at = holder(Ipv4Addr::LOCALHOST, |stream, _| {
        respond(stream, &format!("Content-Length: {}\r\n", RIGHT.len()), RIGHT)
    });
    // A digest in the index does not check the bytes of the holder.
    scene.add(at, "T", Some(FALSE), Some(1));
    let (line, bytes) = scene.get();
    assert_eq!(bytes, RIGHT);
    assert!(line.contains("no digest to check"), "{line}");
}

#[test]
fn the_title_of_a_holder_that_has_not_delivered_is_not_used() {
    let mut scene = Scene::new();
    let right = scene.holder(1, RIGHT);
    scene.add(right, "The Right Title", None, None);
    scene.add(unused(2), "A False Title", None, None);
    scene.add(dishonest(3, LARGE, 0), "Another False Title", Some(FALSE), Some(9_000_000));
    let index = scene.index.address.to_string();
    let arguments = [index.as_str(), "--upload", "127.0.0.1:0", "--share", "."];
    let (code, output, errors) = run_peer(&arguments, "get 1\ndocs\n", &scene.mine);
    assert_eq!(code, 0, "{errors}");
    assert_eq!(scene.saved(), RIGHT);
    assert!(output.contains("The Right Title"), "{output}");
    assert!(!output.contains("False Title"), "{output}");
}

#[test]
fn the_line_names_the_list_of_digests() {
    let mut scene = Scene::new();
    let right = scene.holder(1, RIGHT);
    scene.add(right, "T", Some(FALSE), None);
    fs::write(scene.mine.join("SUMS"), format!("{}  rfc1.txt\n", sha256(RIGHT))).unwrap();
    let index = scene.index.address.to_string();
    let arguments = [&index, "--share", ".", "get", "1", "--digests", "SUMS"];
    let (code, output, errors) = run_peer(&arguments, "", &scene.mine);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("sha-256 checked (as in SUMS)"), "{output}");
}
