//! Several processes that download the same document into one directory: one of them downloads it, and
//! the others wait for that.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::common;
use crate::common::holders::holder;
use crate::common::{Index, Program, directory, in_parallel, names};
use p2p_ci::library::Hasher;

/// A holder of one document, which sends the second half of it slowly until it is opened.
struct Holder {
    port: u16,
    requests: Arc<AtomicUsize>,
    gate: Arc<(Mutex<bool>, Condvar)>,
}

impl Holder {
    fn start(document: &[u8], has_digest: bool) -> Self {
        let requests = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let (count, opened, document) =
            (Arc::clone(&requests), Arc::clone(&gate), document.to_vec());
        let mut hasher = Hasher::default();
        hasher.update(&document);
        let digest = match has_digest {
            true => format!("Digest: {}\r\n", hasher.finish()),
            false => String::new(),
        };
        let address = holder(Ipv4Addr::LOCALHOST, move |stream, request| {
            count.fetch_add(1, Ordering::Relaxed);
            let range = request.lines().find_map(|line| line.strip_prefix("Range: bytes="));
            let range = range.and_then(|range| range.split_once('-'));
            let (status, first, last) = match range {
                Some((first, last)) => {
                    let last = last.parse().unwrap_or(document.len() - 1);
                    ("206 Partial Content", first.parse().unwrap(), last)
                }
                None => ("200 OK", 0, document.len() - 1),
            };
            let body = document.get(first..=last).unwrap();
            write!(
                stream,
                "P2P-CI/1.0 {status}\r\nOS: test\r\nContent-Length: {}\r\n",
                body.len()
            )?;
            if range.is_some() {
                write!(stream, "Content-Range: bytes {first}-{last}/{}\r\n", document.len())?;
            }
            write!(stream, "{digest}Content-Type: text/plain\r\n\r\n")?;
            let (begin, mut rest) = body.split_at(body.len() / 2);
            stream.write_all(begin)?;
            let mut is_open = opened.0.lock().unwrap();
            while let Some((some, more)) = rest.split_at_checked(100).filter(|_| !*is_open) {
                stream.write_all(some)?;
                rest = more;
                is_open = opened.1.wait_timeout(is_open, Duration::from_millis(50)).unwrap().0;
            }
            drop(is_open);
            stream.write_all(rest)
        });
        Self { port: address.port(), requests, gate }
    }

    fn open(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }
}

fn document(length: usize) -> Vec<u8> {
    (0_u64..).flat_map(|number| (number * number).to_le_bytes()).take(length).collect()
}

/// Lengths of documents that are held in memory at first, written as they arrive, and downloaded in
/// segments.
const LENGTHS: [usize; 3] = [200_000, 2_000_000, 9_000_000];

#[test]
fn one_process_downloads_a_document_and_the_others_wait_for_it() {
    let cases = LENGTHS.into_iter().flat_map(|length| {
        let of_digest =
            move |has_digest| [false, true].map(|is_killed| (length, has_digest, is_killed));
        [true, false].into_iter().flat_map(of_digest)
    });
    in_parallel(cases, |(length, has_digest, is_killed)| {
        let case = format!("{length} bytes, digest: {has_digest}, killed: {is_killed}");
        let root = tempfile::tempdir().unwrap();
        let (mine, document) = (directory(root.path(), "mine", &[]), document(length));
        let holder = Holder::start(&document, has_digest);
        let index = Index::start(&[]);
        let _records = index.register_files(&["a.bin"], holder.port);
        let address = index.address.to_string();
        let start = |number: u32, command: &[&str]| {
            let state = directory(root.path(), &format!("state{number}"), &[]);
            let arguments = [&[&address, "--share", "."], command].concat();
            Program::start_again(env!("CARGO_BIN_EXE_peer"), &arguments, &state, &mine)
        };
        let mut first = start(1, &["get", "a.bin"]);
        wait_for_part(&mine, length);
        let mut others = [start(2, &["get", "a.bin"]), start(3, &["sync"])];
        for other in &others {
            other.error_with("another process is downloading");
        }
        if is_killed {
            first.signal("KILL");
            first.wait();
        } else {
            // Nothing is requested while they wait.
            assert!(holder.requests.load(Ordering::Relaxed) <= 3, "{case}");
        }
        holder.open();
        if !is_killed {
            assert!(first.wait().success(), "{case}");
            let said = others.each_ref().map(Program::line);
            assert!(said.iter().all(|line| line.contains("is here already")), "{case}: {said:?}");
        }
        for other in &mut others {
            assert!(other.wait().success(), "{case}");
        }
        assert_eq!(names(&mine), ["a.bin"], "{case}");
        assert!(fs::read(mine.join("a.bin")).unwrap() == document, "{case}");
    });
}

/// Network file systems may have no locks. Once, a process waited there for itself.
#[test]
fn documents_are_downloaded_where_files_cannot_be_locked() {
    if Command::new("strace").arg("-V").output().is_err() {
        return common::skip("`strace` is not installed");
    }
    in_parallel([("ENOLCK", 9_000_000), ("EOPNOTSUPP", 2_000_000)], |(error, length)| {
        let root = tempfile::tempdir().unwrap();
        let (mine, document) = (directory(root.path(), "mine", &[]), document(length));
        let holder = Holder::start(&document, true);
        holder.open();
        let index = Index::start(&[]);
        let _records = index.register_files(&["a.bin"], holder.port);
        let inject = format!("inject=flock:error={error}");
        let address = index.address.to_string();
        let peer = [env!("CARGO_BIN_EXE_peer"), &address, "--share", ".", "get", "a.bin"];
        let strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", &inject];
        let mut program = Program::start("strace", &[&strace[..], &peer].concat(), &mine);
        assert!(program.line().contains("sha-256 checked"), "{error}");
        assert!(program.wait().success(), "{error}");
        assert_eq!(names(&mine), ["a.bin"], "{error}");
        assert!(fs::read(mine.join("a.bin")).unwrap() == document, "{error}");
    });
}

/// Waits until a download has named its part file: a small document is first held in memory.
fn wait_for_part(directory: &Path, length: usize) {
    let is_named = |name: &String| {
        let name = name.trim_end_matches(".part");
        name.len() > ".p2p-ci-XXXXXX".len()
    };
    let begun = Instant::now();
    while !names(directory).iter().any(is_named) {
        let found = names(directory);
        assert!(begun.elapsed().as_secs() < 60, "no part of {length} bytes: {found:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
