//! Holders that send wrong bytes, have left, or have only a bucket: programs without an index server.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use p2p_ci::dht::{Key, Node, Role};
use p2p_ci::library::Hasher;
use p2p_ci::protocol::{Digest, Document};

use crate::common::holders::{holder, respond};
use crate::common::is_inside;
use crate::common::{Index, Program, directory, names, peer, run_peer_again};
use crate::dht::network::{node, until};

/// Nothing listens here.
const NO_INDEX: &str = "127.0.0.1:9";

fn bytes() -> Vec<u8> {
    (0..750_000_u32).flat_map(|at| (at * 31 % 251).to_le_bytes()).collect()
}

fn digest(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// A table, and directories below a temporary one.
struct Setting {
    server: Index,
    root: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        Self { server: Index::start(&["--dht"]), root: tempfile::tempdir().unwrap() }
    }

    fn table(&self) -> SocketAddrV4 {
        self.server.address.to_string().parse().unwrap()
    }

    fn directory(&self, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
        directory(self.root.path(), name, files)
    }

    /// A peer that shares a directory at an address of its own, and its upload server.
    fn share(&self, directory: &Path, address: &str) -> (Program, String) {
        let (table, upload) = (self.table().to_string(), format!("{address}:0"));
        let arguments =
            ["--dht", "--bootstrap", &table, "--share", ".", "--upload", &upload, "share"];
        let program = peer(NO_INDEX.parse().unwrap(), &arguments, directory);
        let line = program.line();
        (program, line.strip_prefix("uploading from ").unwrap().into())
    }

    /// Runs a command of the reader, which remembers what it has done.
    fn run(&self, directory: &Path, arguments: &[&str]) -> (i32, String, String) {
        let table = self.table().to_string();
        let arguments =
            [&[NO_INDEX, "--dht", "--bootstrap", &table, "--share", "."], arguments].concat();
        run_peer_again(&arguments, &self.root.path().join("state"), directory)
    }

    /// Waits until the table names this number of holders of a document.
    fn await_holders(&self, document: &str, count: usize) {
        let until = until();
        loop {
            let (_, output, errors) =
                self.run(self.root.path(), &["--format", "raw", "lookup", document]);
            if output.lines().filter(|line| line.contains("127.")).count() >= count {
                return;
            }
            assert!(Instant::now() < until, "{output}{errors}");
        }
    }

    /// A node that announces an upload server of this behaviour for a document, and counts its requests.
    fn poison(
        &self,
        last: u8,
        document: &Document,
        digest: Digest,
    ) -> (Arc<Node>, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let address = Ipv4Addr::new(127, 9, last, 1);
        let at = holder(address, move |stream, _| {
            counted.fetch_add(1, Ordering::SeqCst);
            let body = vec![b'x'; 3_000_000];
            let headers = format!("Content-Length: {}\r\nDigest: {digest}\r\n", body.len());
            respond(stream, &headers, &body)
        });
        let node = node(SocketAddrV4::new(address, 0), &[self.table()], Role::Member);
        for key in [Key::of(document), Key::of_bucket(document)] {
            let until = until();
            while node.announce(key, at.port()).is_err() {
                assert!(Instant::now() < until);
                thread::yield_now();
            }
        }
        (node, asked)
    }
}

fn file(name: &str) -> Document {
    Document::File(name.parse().unwrap())
}

#[test]
fn wrong_bytes_of_a_node_that_announces_itself_do_not_become_the_document() {
    if !is_inside(
        "dht::poisoned::wrong_bytes_of_a_node_that_announces_itself_do_not_become_the_document",
    ) {
        return;
    }
    let setting = Setting::new();
    let content = bytes();
    let files: [(&str, &[u8]); 2] = [("big.bin", &content), ("other.bin", &content[1..])];
    let shared = setting.directory("shared", &files);
    let (_honest, honest) = setting.share(&shared, "127.8.0.1");
    setting.await_holders("big.bin", 1);
    // It claims the digest of the document, and sends other bytes.
    let (_node, asked) = setting.poison(1, &file("big.bin"), digest(&content));
    setting.await_holders("big.bin", 2);
    let mine = setting.directory("mine", &[]);
    let (code, output, errors) = setting.run(&mine, &["get", "big.bin"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains(&honest), "{output}{errors}");
    assert!(fs::read(mine.join("big.bin")).unwrap() == content, "{output}{errors}");
    // Others announce a version of their own; a list of digests decides, and the holder that has delivered
    // before is asked first.
    let own = vec![b'x'; 3_000_000];
    let (_one, _) = setting.poison(2, &file("other.bin"), digest(&own));
    let (_two, _) = setting.poison(3, &file("other.bin"), digest(&own));
    setting.await_holders("other.bin", 3);
    let right = digest(&content[1..]).to_string();
    let list = format!("{}  other.bin\n", right.strip_prefix("sha-256=").unwrap());
    fs::write(setting.root.path().join("SHA256SUMS"), list).unwrap();
    let (code, output, errors) =
        setting.run(&mine, &["get", "other.bin", "--digests", "../SHA256SUMS"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains(&honest), "{output}{errors}");
    assert!(fs::read(mine.join("other.bin")).unwrap() == content[1..], "{output}{errors}");
    // The holder that was caught is not asked without end.
    assert!(asked.load(Ordering::SeqCst) <= 8, "{asked:?}");
}

#[test]
fn a_killed_download_resumes_over_the_table() {
    if !is_inside("dht::poisoned::a_killed_download_resumes_over_the_table") {
        return;
    }
    let setting = Setting::new();
    let content = bytes();
    let shared = setting.directory("shared", &[("big.bin", &content)]);
    let (honest, _) = setting.share(&shared, "127.8.0.1");
    setting.await_holders("big.bin", 1);
    let mine = setting.directory("mine", &[]);
    let table = setting.table().to_string();
    let arguments = [
        NO_INDEX,
        "--dht",
        "--bootstrap",
        &table,
        "--share",
        ".",
        "--download-limit",
        "500k",
        "get",
        "big.bin",
    ];
    let state = setting.root.path().join("state");
    let mut program = Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine);
    let has_begun = |name: &String| fs::metadata(mine.join(name)).is_ok_and(|file| file.len() > 0);
    let until = until();
    while !names(&mine).iter().any(has_begun) {
        assert!(Instant::now() < until, "{:?}", program.errors());
        thread::yield_now();
    }
    program.signal("KILL");
    program.wait();
    let (code, output, errors) = setting.run(&mine, &["get", "big.bin"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(fs::read(mine.join("big.bin")).unwrap() == content);
    // The second request is for the rest.
    let line = honest.error_with("of 3000000 bytes, the requested part");
    assert!(!line.contains("3000000 of 3000000"), "{line}");
}

#[test]
fn a_holder_that_has_left_delays_a_download_and_does_not_end_it() {
    if !is_inside("dht::poisoned::a_holder_that_has_left_delays_a_download_and_does_not_end_it") {
        return;
    }
    let setting = Setting::new();
    let shared = setting
        .directory("shared", &[("rfc793.txt", b"TRANSMISSION"), ("rfc1.txt", b"Host Software")]);
    let other = setting.directory("other", &[("rfc793.txt", b"TRANSMISSION")]);
    let (leaving, gone) = setting.share(&shared, "127.8.0.1");
    let (_stays, stays) = setting.share(&other, "127.8.0.2");
    setting.await_holders("793", 2);
    setting.await_holders("1", 1);
    leaving.signal("KILL");
    drop(leaving);
    // The table names it still.
    setting.await_holders("793", 2);
    let mine = setting.directory("mine", &[]);
    let (code, output, errors) = setting.run(&mine, &["get", "793"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains(&stays), "{output}{errors}");
    let (code, output, errors) = setting.run(&mine, &["get", "1"]);
    assert_eq!(code, 69, "{output}{errors}");
    assert!(errors.contains(&gone), "{errors}");
}

#[test]
fn one_of_more_than_1000_documents_is_found_by_its_bucket() {
    if !is_inside("dht::poisoned::one_of_more_than_1000_documents_is_found_by_its_bucket") {
        return;
    }
    let setting = Setting::new();
    let names: Vec<String> = (1..=1200).map(|number| format!("rfc{number}.txt")).collect();
    let files: Vec<(&str, &[u8])> =
        names.iter().map(|name| (name.as_str(), name.as_bytes())).collect();
    let shared = setting.directory("shared", &files);
    let (_honest, honest) = setting.share(&shared, "127.8.0.1");
    setting.await_holders("1000", 1);
    let mine = setting.directory("mine", &[]);
    let (code, output, errors) = setting.run(&mine, &["get", "1000"]);
    assert_eq!(code, 0, "{output}{errors}");
    assert!(output.contains(&honest), "{output}{errors}");
    assert_eq!(fs::read(mine.join("rfc1000.txt")).unwrap(), b"rfc1000.txt");
    // The bucket of RFC 1201 has holders, and none of them has it.
    let (code, output, errors) = setting.run(&mine, &["get", "1201"]);
    assert_eq!(code, 66, "{output}{errors}");
    assert_eq!(crate::common::names(&mine), ["rfc1000.txt"]);
}

/// One holder is known to the index server alone, and another one to the table alone.
#[test]
fn holders_of_the_index_server_and_of_the_table_are_merged() {
    if !is_inside("dht::poisoned::holders_of_the_index_server_and_of_the_table_are_merged") {
        return;
    }
    let setting = Setting::new();
    let of_index = setting.directory("index", &[("rfc1.txt", b"one"), ("rfc3.txt", b"three")]);
    let of_table = setting.directory("table", &[("rfc2.txt", b"two"), ("rfc3.txt", b"three")]);
    let index = setting.server.address;
    // The index server lists it as localhost.
    let _one = peer(index, &["--share", ".", "--upload", "127.0.0.1:0", "share"], &of_index);
    let (_other, _) = setting.share(&of_table, "127.8.0.2");
    setting.server.wait_for_records(2);
    setting.await_holders("3", 1);
    setting.await_holders("2", 1);
    let mine = setting.directory("mine", &[]);
    let (index, table) = (index.to_string(), setting.table().to_string());
    let run = |arguments: &[&str]| {
        let arguments =
            [&[&*index, "--dht", "--bootstrap", &table, "--share", "."], arguments].concat();
        run_peer_again(&arguments, &setting.root.path().join("state"), &mine)
    };
    let (code, output, errors) = run(&["--format", "raw", "lookup", "3"]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("localhost ") && output.contains("127.8.0.2 "), "{output}");
    let (code, output, errors) = run(&["get", "1", "2", "3"]);
    assert_eq!(code, 0, "{output}{errors}");
    for (name, content) in [("rfc1.txt", "one"), ("rfc2.txt", "two"), ("rfc3.txt", "three")] {
        assert_eq!(fs::read_to_string(mine.join(name)).unwrap(), content);
    }
    let why = |number: &str| run(&["why", number]).1;
    let (one, two, three) = (why("1"), why("2"), why("3"));
    let of_index = format!("1 holder from the index {index}");
    assert!(!one.contains("distributed hash table"), "{one}");
    assert!(two.contains("1 holder from the distributed hash table"), "{two}");
    assert!(
        three.contains(&of_index) && three.contains("1 holder from the distributed hash table"),
        "{three}"
    );
}
