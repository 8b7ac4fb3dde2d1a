//! Holders of a large document that lie, stall and disconnect, together with an honest one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Index, Program, directory, holders, names, run_peer};

fn large() -> Vec<u8> {
    (0..12 * 1024 * 1024 + 7).map(|at: usize| (at * 31 % 251).to_le_bytes()[0]).collect()
}

/// The treatment of a piece of a reply before it is passed on.
enum Act {
    PassOn,
    Close,
    Stall,
}

/// A holder between the peer and an honest one, which changes requests and what passes. `change`
/// is told how many bytes of the reply have passed before.
fn meddler(
    honest: SocketAddr,
    keeps: impl Fn(&str) -> bool + Send + Copy + 'static,
    change: impl Fn(usize, &mut Vec<u8>) -> Act + Send + Copy + 'static,
) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            // A peer that goes away is no reason to complain.
            thread::spawn(move || meddle(near, honest, keeps, change).unwrap_or_default());
        }
    });
    port
}

fn meddle(
    mut near: TcpStream,
    honest: SocketAddr,
    keeps: impl Fn(&str) -> bool,
    change: impl Fn(usize, &mut Vec<u8>) -> Act,
) -> std::io::Result<()> {
    let mut far = TcpStream::connect(honest)?;
    let request = holders::request(&mut near)?;
    let kept: String = request.split_inclusive('\n').filter(|line| keeps(line)).collect();
    far.write_all(kept.as_bytes())?;
    let mut chunk = vec![0; 64 * 1024];
    let mut passed = 0;
    loop {
        let count = far.read(&mut chunk)?;
        if count == 0 {
            return Ok(());
        }
        let mut bytes = chunk[..count].to_vec();
        match change(passed, &mut bytes) {
            Act::PassOn => near.write_all(&bytes)?,
            Act::Close => return Ok(()),
            // Until the peer closes.
            Act::Stall => return near.read_to_end(&mut bytes).map(drop),
        }
        passed += count;
    }
}

struct Setting {
    root: tempfile::TempDir,
    index: Index,
    _honest: Program,
    port: u16,
}

impl Setting {
    /// An honest holder with this rate in bytes per second.
    fn new(limit: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let honest = directory(root.path(), "honest", &[("big.bin", &large())]);
        let index = Index::start(&[]);
        let address = index.address.to_string();
        let arguments =
            [&address, "--share", ".", "--upload", "127.0.0.1:0", "--upload-limit", limit, "share"];
        let program = Program::start(env!("CARGO_BIN_EXE_peer"), &arguments, &honest);
        let port = program.line().rsplit_once(':').unwrap().1.parse().unwrap();
        index.wait_for_digests("FILE big.bin", 1);
        Self { root, index, _honest: program, port }
    }

    fn honest(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    fn get(&self, arguments: &[&str]) -> (i32, String, String, PathBuf) {
        let mine = directory(self.root.path(), &format!("mine{}", arguments.len()), &[]);
        let address = self.index.address.to_string();
        let arguments = [&[&address, "--share", ".", "get", "big.bin"], arguments].concat();
        let (code, output, errors) = run_peer(&arguments, "", &mine);
        (code, output, errors, mine)
    }
}

/// Downloads a large document from a faulty holder and an honest one, which must replace it.
fn with_an_honest_holder(
    keeps: impl Fn(&str) -> bool + Send + Copy + 'static,
    change: impl Fn(usize, &mut Vec<u8>) -> Act + Send + Copy + 'static,
) -> String {
    let setting = Setting::new("6M");
    let port = meddler(setting.honest(), keeps, change);
    let mut talk = setting.index.connect();
    talk.say(format!(
        "ADD FILE big.bin P2P-CI/1.0\r\nHost: localhost\r\nPort: {port}\r\nTitle: big.bin\r\n\r\n"
    ));
    talk.reply();
    let begun = Instant::now();
    let (code, output, errors, mine) = setting.get(&[]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("sha-256 checked"), "{output}");
    assert!(fs::read(mine.join("big.bin")).unwrap() == large());
    assert_eq!(names(&mine), ["big.bin"]);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}\n{errors}", begun.elapsed());
    errors
}

fn all(_: &str) -> bool {
    true
}

/// One byte more than there is, in every place of the head.
fn with_another_length(bytes: &mut Vec<u8>) {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(0);
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let head = head.replace("12582919", "12582920");
    bytes.splice(..end, head.into_bytes());
}

#[test]
fn a_holder_that_stalls_loses_its_segment() {
    let errors = with_an_honest_holder(all, |passed, _| match passed {
        0..300_000 => Act::PassOn,
        _ => Act::Stall,
    });
    assert!(!errors.contains("panicked"), "{errors}");
}

#[test]
fn a_silent_holder_is_not_awaited() {
    with_an_honest_holder(all, |_, _| Act::Stall);
}

#[test]
fn a_holder_that_breaks_off_is_asked_again_later() {
    let errors = with_an_honest_holder(all, |passed, _| match passed {
        0..300_000 => Act::PassOn,
        _ => Act::Close,
    });
    assert!(errors.contains("found the end after"), "{errors}");
}

#[test]
fn a_holder_with_another_length_is_left() {
    let errors = with_an_honest_holder(all, |passed, bytes| {
        if passed == 0 {
            with_another_length(bytes);
        }
        Act::PassOn
    });
    assert!(errors.contains("another part"), "{errors}");
}

#[test]
fn a_holder_without_ranges_helps_nevertheless() {
    with_an_honest_holder(|line| !line.starts_with("Range:"), |_, _| Act::PassOn);
}

#[test]
fn a_holder_that_sends_other_bytes_is_detected() {
    let setting = Setting::new("100M");
    // It passes on every head, and turns over one byte of each document.
    let dishonest = meddler(setting.honest(), all, |passed, bytes| {
        if passed > 0 && passed < 200_000 {
            bytes[0] ^= 1;
        }
        Act::PassOn
    });
    let mut talk = setting.index.connect();
    talk.say(format!(
        "ADD FILE big.bin P2P-CI/1.0\r\nHost: localhost\r\nPort: {dishonest}\r\nTitle: big.bin\r\n\r\n"
    ));
    talk.reply();
    let (code, output, errors, mine) = setting.get(&[]);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains(&format!("from localhost:{},", setting.port)), "{output} {errors}");
    assert!(fs::read(mine.join("big.bin")).unwrap() == large());
    assert_eq!(names(&mine), ["big.bin"]);

    let (code, _, errors, alone) = setting.get(&["--from", &format!("127.0.0.1:{dishonest}")]);
    assert_eq!(code, 65, "{errors}");
    assert!(names(&alone).is_empty(), "{:?}", names(&alone));
}
