//! The shell as a person sees it, on a terminal that util-linux's `script` provides.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::panic,
    reason = "a test may panic and print"
)]
#![cfg(unix)]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::{Index, PATIENCE, Program, folder, names, peer, share};

/// A terminal: what is typed, and what is seen.
struct Terminal {
    child: Child,
    screen: Receiver<u8>,
    seen: String,
    everything: String,
}

impl Terminal {
    /// A peer's shell that shares an empty folder and keeps there what it knows; `None` where there
    /// is no `script` that takes these options.
    fn start(index: &Index, mine: &Path) -> Option<Self> {
        let probe = Command::new("script").args(["-qec", "true", "/dev/null"]).output();
        if !probe.is_ok_and(|output| output.status.success()) {
            common::skip("there is no `script` of util-linux");
            return None;
        }
        // Paths come through the environment: they may hold blanks.
        let command = r#"exec "$PEER" "$INDEX" --share "$MINE""#;
        let mut child = Command::new("script")
            .args(["-qefc", command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("PEER", env!("CARGO_BIN_EXE_peer"))
            .env("INDEX", index.address.to_string())
            .env("MINE", mine)
            .env("XDG_STATE_HOME", mine)
            .env("XDG_CACHE_HOME", mine)
            .env("TERM", "xterm")
            .env_remove("RUST_LOG")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = child.stdout.take().unwrap();
        let (sender, screen) = channel();
        thread::spawn(move || {
            let mut byte = [0];
            while output.read_exact(&mut byte).is_ok() && sender.send(byte[0]).is_ok() {}
        });
        let mut terminal = Self { child, screen, seen: String::new(), everything: String::new() };
        terminal.wait_for("registered ");
        terminal.wait_for("p2p-ci> ");
        Some(terminal)
    }

    /// Reads until the screen has shown `text` since the last call.
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.screen.recv_timeout(PATIENCE) {
                Ok(byte) => {
                    self.seen.push(char::from(byte));
                    self.everything.push(char::from(byte));
                }
                Err(error) => panic!("{text:?} is not on the screen, {error}: {}", self.seen),
            }
        }
        self.seen.clear();
    }

    /// Reads until the screen has shown `text` at any time since the start, because a background
    /// thread may print it before the first prompt or after it.
    fn wait_for_since_start(&mut self, text: &str) {
        if !self.everything.contains(text) {
            self.wait_for(text);
        }
    }

    /// The exit code, if the program ends within this time.
    fn end_within(&mut self, time: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    fn quit(&mut self) {
        self.type_text("quit\r");
        assert_eq!(self.end_within(PATIENCE), Some(0), "{}", self.seen);
    }

    fn type_text(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_person_chooses_among_holders() {
    let root = tempfile::tempdir().unwrap();
    let a = folder(root.path(), "a", &[("rfc7.txt", b"from a")]);
    let b = folder(root.path(), "b", &[("rfc7.txt", b"from b")]);
    let mine = folder(root.path(), "mine", &[]);
    let index = Index::start(&[]);
    let (_a, port_of_a) = share(index.address, &a);
    // A holder that tells its digest is the newest again.
    index.wait_for_digests("RFC 7", 1);
    let (_b, _) = share(index.address, &b);
    // That of folder a is known to be slow, which is no reason to ask another than the chosen one.
    fs::create_dir(mine.join("p2p-ci")).unwrap();
    let known = format!("p2p-ci neighbours 1\nlocalhost:{port_of_a} 900000 1000\n");
    fs::write(mine.join("p2p-ci/neighbours"), known).unwrap();
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };

    // Tab completes the command.
    terminal.type_text("stat\t\r");
    terminal.wait_for("known there as");
    terminal.wait_for("p2p-ci> ");

    // The newest holder is offered first; the second is that of folder a.
    terminal.type_text("get 7\r");
    terminal.wait_for("from which one, 1 to 2? [1] ");
    terminal.type_text("3\r");
    terminal.wait_for("expected a number from 1 to 2, found `3`");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("get 7\r");
    terminal.wait_for("from which one, 1 to 2? [1] ");
    terminal.type_text("2\r");
    terminal.wait_for(&format!("RFC 7: 6 bytes from localhost:{port_of_a}, sha-256 checked"));
    terminal.wait_for("p2p-ci> ");
    assert_eq!(fs::read_to_string(mine.join("rfc7.txt")).unwrap(), "from a");

    // What happens meanwhile is said, and the line that is being typed stays.
    terminal.type_text("loo");
    drop(index);
    terminal.wait_for("lost the index");
    terminal.wait_for("loo");
    terminal.type_text("\x03");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
    let history = fs::read_to_string(mine.join("p2p-ci/history")).unwrap();
    assert!(history.contains("get 7"), "{history}");
}

#[test]
fn the_chosen_holder_decides_which_version_of_a_large_document_comes() {
    // Larger than what is fetched from a single holder.
    const LENGTH: usize = 9 * 1024 * 1024;
    let root = tempfile::tempdir().unwrap();
    let (one, most) = (vec![b'o'; LENGTH], vec![b'm'; LENGTH]);
    let index = Index::start(&[]);
    let mut holders = Vec::new();
    for (name, bytes) in [("one", &one), ("most", &most), ("most too", &most)] {
        holders.push(share(index.address, &folder(root.path(), name, &[("big.bin", bytes)])));
        // A holder that tells its digest is the newest again.
        index.wait_for_digests("FILE big.bin", holders.len());
    }
    let mine = folder(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get big.bin\r");
    terminal.wait_for("from which one, 1 to 3? [1] ");
    terminal.type_text("3\r");
    terminal.wait_for("sha-256 checked");
    assert!(fs::read(mine.join("big.bin")).unwrap() == one, "the version of most came");
}

/// A holder of one document of 6 MB that sends 400 KB per second, and a shell that shares another
/// document.
fn slow_download(root: &Path) -> Option<(Index, Program, Terminal)> {
    let bytes: Vec<u8> = (0..6_000_000u32).map(|at| at.to_le_bytes()[0]).collect();
    let shared = folder(root, "shared", &[("big.bin", &bytes)]);
    let mine = folder(root, "mine", &[("rfc90001.txt", b"own")]);
    let index = Index::start(&[]);
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0", "--upload-limit", "400k", "share"];
    let holder = peer(index.address, &arguments, &shared);
    index.wait_for_digests("FILE big.bin", 1);
    let terminal = Terminal::start(&index, &mine)?;
    Some((index, holder, terminal))
}

/// The room that unfinished downloads take in a folder.
fn received(folder: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(folder).unwrap().flatten();
    let parts = entries.filter(|one| one.file_name().to_string_lossy().ends_with(".part"));
    parts.filter_map(|one| Some(one.metadata().ok()?.blocks())).sum()
}

/// Waits until more was received into a folder than before.
fn wait_for_part(folder: &Path, before: u64) {
    let begun = Instant::now();
    while received(folder) <= before {
        assert!(begun.elapsed() < PATIENCE, "nothing is received");
        thread::yield_now();
    }
}

#[test]
fn ctrl_c_cancels_a_download_and_the_session_stays() {
    let root = tempfile::tempdir().unwrap();
    let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
    let mine = root.path().join("mine");
    index.wait_for_digests("RFC 90001", 1);
    for command in ["get big.bin\r", "sync\r", "get big.bin 90001\r"] {
        let before = received(&mine);
        terminal.type_text(command);
        wait_for_part(&mine, before);
        terminal.type_text("\x03");
        terminal.wait_for("interrupted");
        terminal.wait_for("resumes");
        terminal.wait_for("p2p-ci> ");
    }
    // The session goes on, and so does its registration.
    terminal.type_text("status\r");
    terminal.wait_for("known there as");
    terminal.wait_for("p2p-ci> ");
    index.wait_for_digests("RFC 90001", 1);
    // A single Ctrl-C later throws the line away.
    thread::sleep(Duration::from_millis(1100));
    terminal.type_text("nonsense");
    terminal.wait_for("nonsense");
    terminal.type_text("\x03");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("why big.bin\r");
    terminal.wait_for("wanted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
    assert!(names(&mine).iter().any(|name| name.ends_with(".part")), "{:?}", names(&mine));
}

#[test]
fn a_second_ctrl_c_within_a_second_ends_the_session_in_order() {
    // The second one comes while the command is being cancelled, or at the prompt.
    for is_at_prompt in [false, true] {
        let root = tempfile::tempdir().unwrap();
        let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
        let mine = root.path().join("mine");
        index.wait_for_digests("RFC 90001", 1);
        let begun = Instant::now();
        let code = loop {
            let before = received(&mine);
            terminal.type_text("get big.bin\r");
            wait_for_part(&mine, before);
            terminal.type_text("\x03");
            if is_at_prompt {
                terminal.wait_for("interrupted");
                terminal.wait_for("p2p-ci> ");
            } else {
                // Two signals at the same moment are one.
                thread::sleep(Duration::from_millis(20));
            }
            terminal.type_text("\x03");
            // On a busy machine there may be more than a second between the two.
            match terminal.end_within(Duration::from_secs(5)) {
                Some(code) => break code,
                None => assert!(begun.elapsed() < 3 * PATIENCE, "the session does not end"),
            }
        };
        assert_eq!(code, 130);
        assert_eq!(index.list(), Vec::<String>::new());
        let history = fs::read_to_string(mine.join("p2p-ci/history")).unwrap();
        assert!(history.contains("get big.bin"), "{history}");
    }
}

#[test]
fn get_waits_for_the_background_download_that_status_shows() {
    let root = tempfile::tempdir().unwrap();
    let Some((index, _holder, mut terminal)) = slow_download(root.path()) else { return };
    let mine = root.path().join("mine");
    terminal.type_text("get big.bin\r");
    wait_for_part(&mine, 0);
    terminal.type_text("\x03");
    terminal.wait_for("interrupted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();

    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.wait_for_since_start("resuming 1 unfinished download");
    let before = received(&mine);
    wait_for_part(&mine, before);
    terminal.type_text("status\r");
    terminal.wait_for("downloading     FILE big.bin: 0 of 1 complete");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("get big.bin\r");
    terminal.wait_for("being downloaded in the background");
    terminal.type_text("\x03");
    terminal.wait_for("still being downloaded in the background");
    terminal.wait_for("p2p-ci> ");
    terminal.type_text("status\r");
    terminal.wait_for("downloading     FILE big.bin: 0 of 1 complete");
    terminal.quit();
}

#[test]
fn a_range_asks_once_for_a_holder() {
    let root = tempfile::tempdir().unwrap();
    let index = Index::start(&[]);
    let files: [(&str, &[u8]); 3] =
        [("rfc1.txt", b"one"), ("rfc2.txt", b"two"), ("rfc3.txt", b"three")];
    let mut holders = Vec::new();
    for name in ["a", "b"] {
        holders.push(share(index.address, &folder(root.path(), name, &files)));
        index.wait_for_digests("RFC 3", holders.len());
    }
    let mine = folder(root.path(), "mine", &[]);
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    terminal.type_text("get 1-3 2 2\r");
    terminal.wait_for("from which one first, 1 to 2? [the fastest] ");
    terminal.type_text("\r");
    for _ in 0..3 {
        terminal.wait_for("sha-256 checked");
    }
    terminal.wait_for("p2p-ci> ");
    assert!(!terminal.everything.contains("3? [1]"), "{}", terminal.everything);
    assert_eq!(terminal.everything.matches("from which one").count(), 1);
    assert_eq!(terminal.everything.matches("sha-256 checked").count(), 3);
    // Ctrl-C answers a question, too.
    terminal.type_text("get 1 --force\r");
    terminal.wait_for("from which one, 1 to 2? [1] ");
    terminal.type_text("\x03");
    terminal.wait_for("interrupted");
    terminal.wait_for("p2p-ci> ");
    terminal.quit();
}

/// An index whose replies to queries never end: a record now and then.
fn endless_index() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut first = String::new();
                let _ = BufReader::new(&stream).read_line(&mut first);
                let mut outcome = stream.write_all(b"P2P-CI/1.0 200 OK\r\n\r\n");
                while outcome.is_ok() && !first.is_empty() {
                    outcome = stream.write_all(b"RFC 7 T 192.0.2.1 1\r\n");
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
    });
    address
}

#[test]
fn ctrl_c_cancels_queries() {
    let root = tempfile::tempdir().unwrap();
    let mine = folder(root.path(), "mine", &[]);
    let Index { program, .. } = Index::start(&[]);
    let index = Index { program, address: endless_index() };
    let Some(mut terminal) = Terminal::start(&index, &mine) else { return };
    for command in [
        "list",
        "lookup 7",
        "lookup 7 --probe",
        "search t",
        "browse 192.0.2.1:1",
        "peers",
        "get 7",
        "sync",
    ] {
        terminal.type_text(&format!("{command}\r"));
        // The command has begun when its line was taken.
        terminal.wait_for("\r\n");
        thread::sleep(Duration::from_millis(300));
        terminal.type_text("\x03");
        terminal.wait_for("interrupted");
        terminal.wait_for("p2p-ci> ");
        // A second one within a second would end the session.
        thread::sleep(Duration::from_millis(1000));
    }
    terminal.quit();
}
