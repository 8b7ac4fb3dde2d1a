//! Whole networks: an index and so many peers, each a program with a folder and an address
//! 127.x.y.z of its own, from the first that joins to the last that leaves.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use std::{fs, thread};

use rustix::process::Signal;

use crate::common::programs::{Index, Program, peer_command};
use crate::common::talk::{FROM, Talk, list, lookup, records};
use crate::run::findings::{Axis, Findings, Plot};
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};
use crate::run::transfer::documents::Documents;
use crate::run::{Setting, Suite};

pub(crate) const SUITES: &[Suite] =
    &[Suite { name: "network", what: "an index and up to a thousand peers", run: networks }];

const SECTION: &str = "network";
/// Documents of each peer, of which one is everybody's.
const DOCUMENTS: usize = 10;
/// The number of the document that everybody has.
const COMMON: u32 = 1;
/// Programs that are started or ended at the same time.
const AT_ONCE: usize = 16;

/// What was found in one network: what it is, how much, in which unit.
type Found = Vec<(&'static str, f64, &'static str)>;

/// A network of each size.
fn networks(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let sizes = setting.size(vec![1, 10, 100, 1000], vec![1, 4, 16]);
    let mut found = Vec::new();
    for &size in &sizes {
        let figures = network(size, setting)?;
        for (what, figure, unit) in &figures {
            findings.figure(SECTION, format!("{size} peers: {what}"), &[*figure], unit);
        }
        found.push((size as f64, figures));
    }
    let peers = Axis { label: "peers", logarithmic: true };
    for (title, unit, label) in [
        ("How each operation grows with the network", "ms", "milliseconds, median"),
        ("Bytes on the wire for one operation", "bytes", "bytes of request and reply"),
    ] {
        let line = |(at, (what, _, of)): (usize, &(&'static str, f64, &str))| {
            let points = found.iter().map(|(size, figures)| (*size, figures[at].1)).collect();
            (*of == unit).then(|| ((*what).to_string(), points))
        };
        let lines = found.first().map_or(Vec::new(), |(_, figures)| {
            figures.iter().enumerate().filter_map(line).collect()
        });
        let y = Axis { label, logarithmic: true };
        findings.plots.push(Plot { title: title.into(), x: peers, y, lines });
    }
    Ok(())
}

/// The number of a peer's own document.
fn number(peer: usize, document: usize) -> u32 {
    (1000 + peer * DOCUMENTS + document) as u32
}

/// Folders with a common document and nine of their own each.
fn folders(place: &Path, peers: usize, setting: &Setting) -> io::Result<Vec<PathBuf>> {
    let made = Documents::of_size(1, 40_000, setting.seed)?;
    let document = fs::read_to_string(made.folder.join("rfc1.txt"))?;
    // A peer waits a second before it believes in a file that was just written.
    let written = SystemTime::now() - Duration::from_secs(60);
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text)?;
        fs::File::options().write(true).open(&path)?.set_modified(written)
    };
    (0..peers)
        .map(|peer| {
            let folder = place.join(peer.to_string());
            fs::create_dir(&folder)?;
            write(folder.join(format!("rfc{COMMON}.txt")), &document)?;
            for at in 1..DOCUMENTS {
                let number = number(peer, at);
                let text = document.replacen(": 1 ", &format!(": {number} "), 1);
                let text = text.replacen("Document 1 ", &format!("Document {number} "), 1);
                write(folder.join(format!("rfc{number}.txt")), &text)?;
            }
            Ok(folder)
        })
        .collect()
}

fn address(peer: usize) -> IpAddr {
    let [high, low] = (256 + peer as u16).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low).into()
}

/// Starts a peer, and waits until it is registered; returns how long that took.
fn join(
    index: SocketAddr,
    peer: usize,
    folder: &Path,
) -> io::Result<(Program, SocketAddr, Duration)> {
    let host = address(peer).to_string();
    let upload = format!("{host}:0");
    let arguments = ["--host", &host, "--upload", &upload, "share"];
    let mut command = peer_command(&index.to_string(), folder, &arguments)?;
    command.env("RUST_LOG", "warn");
    let begun = Instant::now();
    let mut program = Program::start(command)?;
    let line = program.line()?;
    let upload = line.strip_prefix("uploading from ").and_then(|address| address.parse().ok());
    let upload = upload.ok_or_else(|| io::Error::other(format!("found `{line}`")))?;
    program.line()?;
    Ok((program, upload, begun.elapsed()))
}

/// Does something for each peer, some at a time.
fn for_each<T: Send>(
    peers: usize,
    work: impl Fn(usize) -> io::Result<T> + Sync,
) -> io::Result<Vec<T>> {
    let work = &work;
    let mut all = Vec::with_capacity(peers);
    thread::scope(|scope| {
        let share = peers.div_ceil(AT_ONCE).max(1);
        let threads: Vec<_> = (0..peers)
            .step_by(share)
            .map(|first| {
                let own = first..(first + share).min(peers);
                scope.spawn(move || own.map(work).collect::<io::Result<Vec<T>>>())
            })
            .collect();
        for thread in threads {
            all.extend(thread.join().map_err(|_| io::Error::other("a panic"))??);
        }
        Ok(all)
    })
}

fn network(size: usize, setting: &Setting) -> io::Result<Found> {
    let place = tempfile::tempdir()?;
    let folders = folders(place.path(), size, setting)?;
    let index = Index::start(None)?;
    let mut found = Found::new();

    let begun = Instant::now();
    let joined = for_each(size, |peer| join(index.address, peer, &folders[peer]))?;
    found.push(("all join", millis(begun.elapsed()), "ms"));
    let times = Latencies::of(joined.iter().map(|(_, _, time)| *time).collect());
    found.push(("one joins, from its start to registered", millis(times.percentile(50.0)), "ms"));

    let mut talk = Talk::to(index.address)?;
    let mut random = Random::new(setting.seed);
    let own = number(random.below(size), 1 + random.below(DOCUMENTS - 1));
    let search = format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: document {own}\r\n\r\n");
    for (what, request, expected) in [
        ("LOOKUP of what one has", lookup(own), 1),
        ("LOOKUP of what all have", lookup(COMMON), size),
        ("LIST", list(), size * DOCUMENTS),
        ("SEARCH", search, 1),
    ] {
        let (time, bytes) = asked(&mut talk, &request, expected, setting)?;
        found.push((what, millis(time), "ms"));
        found.push((what, bytes as f64, "bytes"));
    }

    let (_, upload, _) = &joined[random.below(size)];
    let request = format!("GET RFC {COMMON} P2P-CI/1.0\r\nHost: localhost\r\n\r\n");
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..200 {
        let begun = Instant::now();
        let mut talk = Talk::to(*upload)?;
        talk.say(&request)?;
        bytes = request.len() + talk.rest().0.len();
        times.push(begun.elapsed());
    }
    found.push(("GET of 40 KB", millis(Latencies::of(times).percentile(50.0)), "ms"));
    found.push(("GET of 40 KB", bytes as f64, "bytes"));

    let target = place.path().join("target");
    fs::create_dir(&target)?;
    let networks = ["--allow-net", "127.0.0.0/8", "sync"];
    let mut command: Command = peer_command(&index.address.to_string(), &target, &networks)?;
    command.env("XDG_STATE_HOME", place.path()).env("XDG_CACHE_HOME", place.path());
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("sync: {status}")));
    }
    found.push(("sync of all documents", millis(begun.elapsed()), "ms"));

    let begun = Instant::now();
    for (program, ..) in &joined {
        program.signal(Signal::TERM)?;
    }
    while !records(&talk.ask(list())?).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    found.push(("all leave", millis(begun.elapsed()), "ms"));
    Ok(found)
}

/// The median time of a request, and the bytes of it and its reply.
fn asked(
    talk: &mut Talk,
    request: &str,
    expected: usize,
    setting: &Setting,
) -> io::Result<(Duration, usize)> {
    let reply = talk.ask(request)?;
    let found = records(&reply).len();
    if found != expected {
        return Err(io::Error::other(format!("expected {expected} records, found {found}")));
    }
    // Nothing changes meanwhile: the length tells when it is whole, and costs no time.
    let mut buffer = vec![0; reply.len()];
    let deadline = Instant::now() + setting.time / 4;
    let mut times = Vec::new();
    while times.len() < 20 || Instant::now() < deadline {
        let begun = Instant::now();
        talk.say(request)?;
        talk.stream.read_exact(&mut buffer)?;
        times.push(begun.elapsed());
    }
    Ok((Latencies::of(times).percentile(50.0), request.len() + reply.len()))
}
