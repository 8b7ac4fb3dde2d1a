//! The operations of the peers of a network, one at a time, and how long each takes.

use std::fs;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::peers::{COMMON, Joined, number};
use super::wire::Said;
use crate::common::programs::peer_command;
use crate::common::talk::{FROM, Talk, add, list, lookup, records};
use crate::run::Setting;
use crate::run::probe::millis;
use crate::run::samples::{Latencies, Random};

/// How often an operation is repeated at least and at most.
const TIMES: std::ops::Range<usize> = 20..1000;

/// A measured value: its subject, its unit, and the value of another program for comparison.
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) figure: f64,
    pub(crate) unit: &'static str,
    pub(crate) compared: Option<(&'static str, f64)>,
}

impl Figure {
    pub(crate) fn new(what: &'static str, figure: f64, unit: &'static str) -> Self {
        Self { what, figure, unit, compared: None }
    }

    fn of_time(what: &'static str, time: Duration) -> Self {
        Self::new(what, millis(time), "ms")
    }
}

/// All peers join.
pub(crate) fn join(
    figures: &mut Vec<Figure>,
    join_all: impl FnOnce() -> io::Result<Vec<Joined>>,
) -> io::Result<Vec<Joined>> {
    let begun = Instant::now();
    let joined = join_all()?;
    figures.push(Figure::of_time("all join", begun.elapsed()));
    let times = Latencies::of(joined.iter().map(|peer| peer.time).collect());
    let what = "one joins, from its start to registered";
    figures.push(Figure::of_time(what, times.percentile(50.0)));
    Ok(joined)
}

/// Each request of the protocol again and again, each kind over a connection of its own.
pub(crate) fn operations(
    figures: &mut Vec<Figure>,
    index: SocketAddr,
    joined: &[Joined],
    documents: usize,
    setting: &Setting,
) -> io::Result<Vec<Said>> {
    let mut random = Random::new(setting.seed);
    let own = number(random.below(joined.len()), documents, 1 + random.below(documents - 1));
    let search = format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: document {own}\r\n\r\n");
    let all = joined.len() * documents;
    let mut said = Vec::new();
    let mut keep = |one: Said| {
        figures.push(Figure::of_time(one.what, one.median));
        figures.push(Figure::new(one.what, one.bytes as f64 / one.exchanges as f64, "bytes"));
        said.push(one);
    };
    for (what, request, expected) in [
        ("LOOKUP of what one has", lookup(own), 1),
        ("LOOKUP of what all have", lookup(COMMON), joined.len()),
        ("LIST", list(), all),
        ("SEARCH", search, 1),
    ] {
        let mut talk = Talk::to(index)?;
        let reply = talk.ask(&request)?;
        let found = records(&reply).len();
        if found != expected {
            let message = format!("{what}: expected {expected} records, found {found}");
            return Err(io::Error::other(message));
        }
        keep(repeat(&mut talk, what, setting, &reply, |_| request.clone())?);
    }
    // Its records go with its connection.
    let mut talk = Talk::to(index)?;
    let new = |at: usize| add(900_000 + at as u32, "adding", 5678, "A Document");
    let reply = talk.ask(new(TIMES.end))?;
    keep(repeat(&mut talk, "ADD", setting, &reply, new)?);
    keep(get(joined[0].upload)?);
    Ok(said)
}

fn repeat(
    talk: &mut Talk,
    what: &'static str,
    setting: &Setting,
    reply: &str,
    request: impl Fn(usize) -> String,
) -> io::Result<Said> {
    // All replies have one length, which tells when one is whole, and costs no time.
    let mut buffer = vec![0; reply.len()];
    let begun = Instant::now();
    let deadline = begun + setting.time / 4;
    let mut times = Vec::new();
    let mut bytes = 0;
    while times.len() < TIMES.start || (Instant::now() < deadline && times.len() < TIMES.end) {
        let request = request(times.len());
        let begun = Instant::now();
        talk.say(&request)?;
        talk.stream.read_exact(&mut buffer)?;
        times.push(begun.elapsed());
        bytes += (request.len() + buffer.len()) as u64;
    }
    let (exchanges, seconds) = (times.len(), begun.elapsed().as_secs_f64());
    let (ports, median) = (vec![talk.stream.local_addr()?.port()], middle(times));
    // The request that told the length was said over this connection, too.
    let before = (request(TIMES.end).len() + reply.len()) as u64;
    Ok(Said { what, ports, bytes, before, seconds, exchanges, median })
}

/// The common document, a connection each time.
fn get(upload: SocketAddr) -> io::Result<Said> {
    let request = format!("GET RFC {COMMON} P2P-CI/1.0\r\nHost: localhost\r\n\r\n");
    let (mut times, mut ports) = (Vec::new(), Vec::new());
    let mut bytes = 0;
    let begun = Instant::now();
    for _ in 0..200 {
        let begun = Instant::now();
        let mut talk = Talk::to(upload)?;
        ports.push(talk.stream.local_addr()?.port());
        talk.say(&request)?;
        bytes += (request.len() + talk.rest().0.len()) as u64;
        times.push(begun.elapsed());
    }
    let (exchanges, seconds) = (times.len(), begun.elapsed().as_secs_f64());
    let (what, median) = ("GET of 40 KB", middle(times));
    Ok(Said { what, ports, bytes, before: 0, seconds, exchanges, median })
}

fn middle(times: Vec<Duration>) -> Duration {
    Latencies::of(times).percentile(50.0)
}

/// A peer without documents downloads all documents.
pub(crate) fn sync(figures: &mut Vec<Figure>, index: SocketAddr, place: &Path) -> io::Result<()> {
    let target = place.join("target");
    fs::create_dir(&target)?;
    let networks = ["--allow-net", "127.0.0.0/8", "sync"];
    let mut command = peer_command(&index.to_string(), &target, &networks)?;
    command.env("XDG_STATE_HOME", place).env("XDG_CACHE_HOME", place);
    let begun = Instant::now();
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if !status.success() {
        return Err(io::Error::other(format!("sync: {status}")));
    }
    figures.push(Figure::of_time("sync of all documents", begun.elapsed()));
    Ok(())
}

/// All peers are told to end.
pub(crate) fn leave(
    figures: &mut Vec<Figure>,
    index: SocketAddr,
    joined: &[Joined],
) -> io::Result<()> {
    let mut talk = Talk::to(index)?;
    let begun = Instant::now();
    for peer in joined {
        peer.program.signal(Signal::TERM)?;
    }
    while !records(&talk.ask(list())?).is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    figures.push(Figure::of_time("all leave", begun.elapsed()));
    Ok(())
}
