//! Downloads that are interrupted, and resumed.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

use crate::common;
use crate::common::holders::request;
use crate::common::{Index, Program, peer, run_peer, run_peer_again, share};
use p2p_ci::library::Hasher;

const LENGTH: usize = 300_000;

fn document() -> Vec<u8> {
    (0..LENGTH).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// An index, a peer that has the document and says on standard error what it uploads, and a
/// directory for another peer.
struct Setting {
    _index: Index,
    honest: Program,
    from_honest: String,
    root: tempfile::TempDir,
}

impl Setting {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("honest");
        fs::create_dir(&directory).unwrap();
        fs::create_dir(root.path().join("mine")).unwrap();
        fs::write(directory.join("big.bin"), document()).unwrap();
        let index = Index::start(&[]);
        let (honest, port) = share(index.address, &directory);
        Self { _index: index, honest, from_honest: format!("127.0.0.1:{port}"), root }
    }

    fn mine(&self) -> PathBuf {
        self.root.path().join("mine")
    }

    fn get(&self, from: &str) -> (i32, String, String) {
        run_peer(&["--share", ".", "get", "big.bin", "--from", from], "", &self.mine())
    }

    /// The head that the honest peer sends, without the document.
    fn head(&self) -> Vec<u8> {
        let mut stream = TcpStream::connect(&self.from_honest).unwrap();
        stream
            .write_all(b"GET FILE big.bin P2P-CI/1.0\r\nHost: h\r\nWant-Digest: sha-256\r\n\r\n")
            .unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        self.honest.error_with("300000 of 300000 bytes");
        reply.truncate(reply.len() - LENGTH);
        reply
    }

    /// A holder that sends the head and this number of bytes, and then closes or falls silent.
    fn broken_holder(&self, count: usize, closes: bool) -> String {
        let reply = [self.head(), document()[..count].to_vec()].concat();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            let mut open = Vec::new();
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                request(&mut stream).unwrap();
                stream.write_all(&reply).unwrap();
                if !closes {
                    open.push(stream);
                }
            }
        });
        address
    }
}

/// The one file that an unfinished download has left, and its length.
fn kept(directory: &Path) -> (PathBuf, u64) {
    let paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(paths.len(), 1, "{paths:?}");
    let name = paths[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with('.') && name.ends_with(".part"), "{name}");
    (paths[0].clone(), paths[0].metadata().unwrap().len())
}

fn is_whole(directory: &Path) {
    let names: Vec<_> = fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names, ["big.bin"]);
    assert_eq!(fs::read(directory.join("big.bin")).unwrap(), document());
}

#[test]
fn a_cut_line_costs_nothing_that_has_come() {
    let setting = Setting::new();
    let broken = setting.broken_holder(100_000, true);
    let (code, _, errors) = setting.get(&broken);
    assert_eq!(code, 76, "{errors}");
    assert!(errors.contains("expected 300000 bytes, found the end after 100000"), "{errors}");
    assert!(errors.contains("100000 bytes kept"), "{errors}");
    assert_eq!(kept(&setting.mine()).1, 100_000);

    // Another holder of the same document sends the rest.
    let (code, output, errors) = setting.get(&setting.from_honest);
    assert_eq!((code, errors.as_str()), (0, ""));
    assert!(output.contains("300000 bytes") && output.contains("sha-256 checked"), "{output}");
    setting.honest.error_with("200001 of 300000 bytes");
    is_whole(&setting.mine());
}

#[test]
fn a_killed_peer_loses_nothing_that_has_come() {
    let setting = Setting::new();
    let stalled = setting.broken_holder(100_000, false);
    let unused = "127.0.0.1:1".parse().unwrap();
    let arguments = ["--share", ".", "get", "big.bin", "--from", &stalled];
    let mut program = peer(unused, &arguments, &setting.mine());
    let has_come = || {
        let mut entries = fs::read_dir(setting.mine()).unwrap().map(Result::unwrap);
        entries.any(|entry| entry.metadata().is_ok_and(|metadata| metadata.len() == 100_000))
    };
    while !has_come() {
        thread::yield_now();
    }
    program.signal("KILL");
    program.wait();
    assert_eq!(kept(&setting.mine()).1, 100_000);
    assert_eq!(setting.get(&setting.from_honest).0, 0);
    setting.honest.error_with("200001 of 300000 bytes");
    is_whole(&setting.mine());
}

/// All bytes had come when the process was killed, and only the name was missing.
#[test]
fn a_whole_document_without_its_name_costs_one_byte() {
    let setting = Setting::new();
    setting.get(&setting.broken_holder(100_000, true));
    let (path, _) = kept(&setting.mine());
    fs::write(&path, document()).unwrap();
    assert_eq!(setting.get(&setting.from_honest).0, 0);
    setting.honest.error_with(" 1 of 300000 bytes");
    is_whole(&setting.mine());
}

#[test]
fn a_broken_beginning_is_found_out_and_fetched_again() {
    let setting = Setting::new();
    setting.get(&setting.broken_holder(100_000, true));
    let (path, _) = kept(&setting.mine());
    let mut bytes = fs::read(&path).unwrap();
    bytes[50_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let (code, _, errors) = setting.get(&setting.from_honest);
    assert_eq!(code, 0, "{errors}");
    setting.honest.error_with("200001 of 300000 bytes");
    setting.honest.error_with("300000 of 300000 bytes");
    is_whole(&setting.mine());
}

#[test]
fn a_document_that_changed_meanwhile_is_fetched_whole() {
    let setting = Setting::new();
    setting.get(&setting.broken_holder(100_000, true));
    let (path, _) = kept(&setting.mine());
    // As if it had been of another version: more than the document has, and another digest.
    fs::write(&path, vec![0; LENGTH + 1]).unwrap();
    fs::rename(&path, path.with_file_name(".big.bin.0123456789abcdef.part")).unwrap();
    let (code, _, errors) = setting.get(&setting.from_honest);
    assert_eq!(code, 0, "{errors}");
    is_whole(&setting.mine());

    fs::remove_file(setting.mine().join("big.bin")).unwrap();
    fs::write(setting.mine().join(".big.bin.0123456789abcdef.part"), "short").unwrap();
    assert_eq!(setting.get(&setting.from_honest).0, 0);
    is_whole(&setting.mine());
}

/// A holder that sends the beginning of a document once, and cannot be reached afterwards.
fn leaving_holder(document: &[u8]) -> u16 {
    let mut hasher = Hasher::default();
    hasher.update(document);
    let (digest, length) = (hasher.finish(), document.len());
    let head = format!(
        "P2P-CI/1.0 200 OK\r\nOS: test\r\nContent-Length: {length}\r\nDigest: {digest}\r\n\r\n"
    );
    let reply = [head.as_bytes(), &document[..2_000_000]].concat();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        drop(listener);
        request(&mut stream).unwrap();
        let _ = stream.write_all(&reply);
    });
    port
}

/// It used to be deleted as the part of a document that is given up.
#[test]
fn bytes_of_a_holder_that_is_away_are_kept_for_the_next_run() {
    let resume = |length: usize, command: &[&str]| {
        let what = format!("{length} {command:?}");
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        let document: Vec<u8> = (0..length).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect();
        fs::create_dir(path("mine")).unwrap();
        fs::create_dir(path("honest")).unwrap();
        fs::write(path("honest/big.bin"), &document).unwrap();
        let index = Index::start(&[]);
        let record = index.register_files(&["big.bin"], leaving_holder(&document));
        let address = index.address.to_string();
        let run = |command: &[&str]| {
            let arguments = [&[address.as_str(), "--share", "."], command].concat();
            run_peer_again(&arguments, &path("state"), &path("mine"))
        };
        let (code, output, errors) = run(command);
        assert_eq!(code, 69, "{what}: {output}{errors}");
        assert!(errors.contains("bytes kept"), "{what}: {errors}");
        assert!(kept(&path("mine")).1 > 0);
        let (_, history, _) = run(&["why", "big.bin"]);
        assert!(history.contains("kept: "), "{what}: {history}");
        // Neither is it deleted while its holder is not even listed, nor is all of it sent again.
        drop(record);
        index.wait_for_records(0);
        assert_eq!(run(&["sync"]).0, 0, "{what}");
        let (honest, _) = share(index.address, &path("honest"));
        let (code, output, errors) = run(&["get"]);
        assert_eq!(code, 0, "{what}: {output}{errors}");
        assert!(fs::read(path("mine/big.bin")).unwrap() == document, "{what}");
        let upload = honest.error_with(&format!("of {length} bytes"));
        assert!(!upload.contains(&format!("{length} of {length} bytes")), "{what}: {upload}");
    };
    thread::scope(|scope| {
        for length in [3_000_000, 12_000_000] {
            for command in [&["get", "big.bin"][..], &["sync"]] {
                scope.spawn(move || resume(length, command));
            }
        }
    });
}

/// A download that a signal ends: the hint is the command as it was typed, and programs read the exit
/// code of the process.
#[test]
fn an_interrupted_download_names_the_command_that_resumes_it() {
    let setting = Setting::new();
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        let from = setting.broken_holder(100_000, false);
        let target = format!("a copy {code}.bin");
        let arguments =
            ["--format", "json", "get", "big.bin", "--from", &from, "--force", "--out", &target];
        let parts = || {
            let names = common::names(&setting.mine());
            names.iter().filter(|name| name.ends_with(".part")).count()
        };
        let before = parts();
        let mut program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, &setting.mine());
        let begun = std::time::Instant::now();
        while parts() == before {
            assert!(begun.elapsed() < common::PATIENCE, "nothing is received");
            thread::yield_now();
        }
        program.signal(signal);
        assert_eq!(program.wait().code(), Some(code), "{signal}");
        let object: serde_json::Value = serde_json::from_str(&program.line()).unwrap();
        assert_eq!(object["error"]["exit"], code, "{object}");
        let typed =
            format!("`peer --format json get big.bin --from {from} --force --out '{target}'` ");
        let message = object["error"]["message"].as_str().unwrap();
        assert!(message.contains(&typed), "{message} {typed}");
    }
}

/// A document that is here and not shared stayed wanted, so each session resumed it.
#[test]
fn a_document_that_is_here_is_not_wanted() {
    let root = tempfile::tempdir().unwrap();
    let files: [(&str, &[u8]); 2] = [("rfc7.txt", b"seven"), ("rfc8.txt", b"eight")];
    let mine = common::directory(root.path(), "mine", &files);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let input = "remove 7\nget 7\nget\nremove 8\nget 7 8\nget\nquit\n";
    let (code, output, errors) = run_peer(&[&address, "--share", "."], input, &mine);
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(output.matches("is here already").count(), 3, "{output}{errors}");
    assert_eq!(output.matches("nothing to resume").count(), 2, "{output}{errors}");
    assert!(!errors.contains("still wanted"), "{errors}");
}
