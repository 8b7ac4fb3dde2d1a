//! Peers, each a program with a directory and an address 127.x.y.z of its own.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, thread};

use crate::common::programs::{Program, peer_command};
use crate::run::Setting;
use crate::run::transfer::documents::Documents;

/// The number of the document that everybody has. Six digits, as the others.
pub(crate) const COMMON: u32 = 100_000;
/// Bytes of a document: what half of all RFCs have at most.
pub(crate) const DOCUMENT: usize = 40_000;
/// Programs that are started or ended at the same time.
const AT_ONCE: usize = 16;

/// A peer that is registered.
pub(crate) struct Joined {
    pub(crate) program: Program,
    pub(crate) upload: SocketAddr,
    /// From its start to registered.
    pub(crate) time: Duration,
}

/// The number of a peer's own document.
pub(crate) fn number(peer: usize, documents: usize, document: usize) -> u32 {
    COMMON + 1 + (peer * documents + document) as u32
}

/// Directories with the common document, and own documents up to this number each.
pub(crate) fn directories(
    place: &Path,
    peers: usize,
    documents: usize,
    setting: &Setting,
) -> io::Result<Vec<PathBuf>> {
    let made = Documents::of_size(1, DOCUMENT, setting.seed)?;
    let document = fs::read_to_string(made.directory.join("rfc1.txt"))?;
    // A peer waits a second before it believes in a file that was just written.
    let written = SystemTime::now() - Duration::from_secs(60);
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text)?;
        fs::File::options().write(true).open(&path)?.set_modified(written)
    };
    (0..peers)
        .map(|peer| {
            let directory = place.join(peer.to_string());
            fs::create_dir(&directory)?;
            write(directory.join(format!("rfc{COMMON}.txt")), &document)?;
            for at in 1..documents {
                let number = number(peer, documents, at);
                let text = document.replacen(": 1 ", &format!(": {number} "), 1);
                let text = text.replacen("Document 1 ", &format!("Document {number} "), 1);
                write(directory.join(format!("rfc{number}.txt")), &text)?;
            }
            Ok(directory)
        })
        .collect()
}

fn address(peer: usize) -> IpAddr {
    let [high, low] = (256 + peer as u16).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low).into()
}

/// Starts a peer for each directory, some at a time, and waits until all are registered.
pub(crate) fn join_all(index: SocketAddr, directories: &[PathBuf]) -> io::Result<Vec<Joined>> {
    let mut all = Vec::with_capacity(directories.len());
    let share = directories.len().div_ceil(AT_ONCE).max(1);
    thread::scope(|scope| {
        let join_own = move |(at, own): (usize, &[PathBuf])| {
            let first = at * share;
            own.iter()
                .enumerate()
                .map(|(at, directory)| join(index, first + at, directory))
                .collect()
        };
        let threads: Vec<_> = directories
            .chunks(share)
            .enumerate()
            .map(|own| scope.spawn(move || join_own(own)))
            .collect();
        for thread in threads {
            let own: io::Result<Vec<Joined>> =
                thread.join().map_err(|_| io::Error::other("a panic"))?;
            all.extend(own?);
        }
        Ok(all)
    })
}

fn join(index: SocketAddr, peer: usize, directory: &Path) -> io::Result<Joined> {
    let host = address(peer).to_string();
    let upload = format!("{host}:0");
    let arguments = ["--host", &host, "--upload", &upload, "share"];
    let mut command = peer_command(&index.to_string(), directory, &arguments)?;
    // Each peer has the state and cache of a machine of its own.
    let state = directory.with_extension("state");
    command.env("XDG_STATE_HOME", &state).env("XDG_CACHE_HOME", &state).env("RUST_LOG", "warn");
    let begun = Instant::now();
    let mut program = Program::start(command)?;
    let line = program.line()?;
    let upload = line.strip_prefix("uploading from ").and_then(|address| address.parse().ok());
    let upload = upload.ok_or_else(|| io::Error::other(format!("found `{line}`")))?;
    program.line()?;
    Ok(Joined { program, upload, time: begun.elapsed() })
}
