//! The same exchanges seen from the wire: what tshark counts beside what we count.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::common::programs::{Index, PATIENCE, Peer, Program};
use crate::common::talk::{FROM, Talk, add, list, lookup};
use crate::run::anchors::is_installed;
use crate::run::findings::Findings;
use crate::run::transfer::documents::Documents;
use crate::run::{Setting, Suite};

pub(crate) const SUITES: &[Suite] =
    &[Suite { name: "capture", what: "what tshark sees of it, with --capture", run: capture }];

const SECTION: &str = "on the wire";
/// How often each request is said.
const TIMES: u32 = 100;

/// What was said over one connection, as we count it.
struct Said {
    what: &'static str,
    /// The client's port.
    port: u16,
    bytes: u64,
    seconds: f64,
    exchanges: u32,
}

/// A packet, as tshark tells of it.
struct Packet {
    seconds: f64,
    source: u16,
    destination: u16,
    /// Bytes of TCP's load.
    load: u64,
    /// Bytes of the whole frame.
    frame: u64,
}

fn capture(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    if !setting.capture {
        return Ok(());
    }
    if !is_installed("tshark") {
        findings.skip("the capture: expected `tshark` to be installed");
        return Ok(());
    }
    let documents = Documents::of_size(1, 40_000, setting.seed)?;
    let index = Index::start(None)?;
    let peer = Peer::share_quietly(index.address, &documents.folder)?;
    let place = tempfile::tempdir()?;
    let file = place.path().join("packets");
    let ports = [index.address.port(), peer.upload.port()];
    let tshark = start(&file, ports)?;
    let said = talk(index.address, peer.upload)?;
    stop(tshark)?;
    let packets = read(&file)?;
    for said in said {
        compare(&said, &packets, findings);
    }
    Ok(())
}

/// Captures what goes to and from these ports of this machine.
fn start(file: &Path, ports: [u16; 2]) -> io::Result<Program> {
    // The first packets may come before the capture has begun, although it says that it has.
    const SETTLE: Duration = Duration::from_millis(500);
    let filter = format!("tcp port {} or tcp port {}", ports[0], ports[1]);
    let mut command = Command::new("tshark");
    command.args(["-i", "lo", "-f", &filter, "-w"]).arg(file);
    let tshark = Program::start(command)?;
    let deadline = Instant::now() + PATIENCE;
    while !tshark.errors().contains("Capturing on") {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("tshark does not capture: {}", tshark.errors())));
        }
        thread::sleep(Duration::from_millis(10));
    }
    thread::sleep(SETTLE);
    Ok(tshark)
}

fn stop(mut tshark: Program) -> io::Result<()> {
    // What it has been given by the kernel is written after a while.
    thread::sleep(Duration::from_secs(1));
    tshark.signal(Signal::INT)?;
    tshark.wait().map(drop)
}

/// Says everything, each kind of request over a connection of its own.
fn talk(index: SocketAddr, upload: SocketAddr) -> io::Result<Vec<Said>> {
    let search = format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: document\r\n\r\n");
    let mut said = Vec::new();
    let mut adding = Talk::to(index)?;
    said.push(repeat(&mut adding, "ADD", |at| add(2000 + at, "wire", 5678, "A Document"))?);
    for (what, request) in [("LOOKUP", lookup(2000)), ("LIST", list()), ("SEARCH", search)] {
        said.push(repeat(&mut Talk::to(index)?, what, |_| request.clone())?);
    }
    let request = "GET RFC 1 P2P-CI/1.0\r\nHost: localhost\r\n\r\n";
    let begun = Instant::now();
    let mut talk = Talk::to(upload)?;
    let port = talk.stream.local_addr()?.port();
    talk.say(request)?;
    let bytes = (request.len() + talk.rest().0.len()) as u64;
    let seconds = begun.elapsed().as_secs_f64();
    said.push(Said { what: "GET of 40 KB", port, bytes, seconds, exchanges: 1 });
    Ok(said)
}

fn repeat(
    talk: &mut Talk,
    what: &'static str,
    request: impl Fn(u32) -> String,
) -> io::Result<Said> {
    let port = talk.stream.local_addr()?.port();
    let mut bytes = 0;
    let begun = Instant::now();
    for at in 0..TIMES {
        let request = request(at);
        bytes += (request.len() + talk.ask(&request)?.len()) as u64;
    }
    Ok(Said { what, port, bytes, seconds: begun.elapsed().as_secs_f64(), exchanges: TIMES })
}

fn read(file: &Path) -> io::Result<Vec<Packet>> {
    let mut command = Command::new("tshark");
    command.arg("-r").arg(file).args(["-T", "fields", "-E", "separator=,"]);
    for field in ["frame.time_epoch", "tcp.srcport", "tcp.dstport", "tcp.len", "frame.len"] {
        command.args(["-e", field]);
    }
    let text = String::from_utf8_lossy(&command.output()?.stdout).into_owned();
    let packet = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let [seconds, source, destination, load, frame] = fields[..] else { return None };
        Some(Packet {
            seconds: seconds.parse().ok()?,
            source: source.parse().ok()?,
            destination: destination.parse().ok()?,
            load: load.parse().ok()?,
            frame: frame.parse().ok()?,
        })
    };
    let packets: Option<Vec<Packet>> = text.lines().map(packet).collect();
    packets.ok_or_else(|| io::Error::other("expected five fields of each packet from tshark"))
}

fn compare(said: &Said, packets: &[Packet], findings: &mut Findings) {
    let Said { what, port, exchanges, .. } = said;
    let own: Vec<&Packet> =
        packets.iter().filter(|p| p.source == *port || p.destination == *port).collect();
    let load: u64 = own.iter().map(|packet| packet.load).sum();
    let frames: u64 = own.iter().map(|packet| packet.frame).sum();
    // Each time the direction of what is said turns towards the server, a round trip begins.
    let towards: Vec<bool> =
        own.iter().filter(|packet| packet.load > 0).map(|packet| packet.source == *port).collect();
    let turns = towards.windows(2).filter(|two| !two[0] && two[1]).count() + 1;
    let loaded = || own.iter().filter(|packet| packet.load > 0).map(|packet| packet.seconds);
    let first = loaded().fold(f64::INFINITY, f64::min);
    let last = loaded().fold(0.0, f64::max);

    let each = |count: u64| count as f64 / f64::from(*exchanges);
    let ours = [said.bytes as f64];
    let work = format!("{what}, {exchanges} times");
    findings.compared(SECTION, format!("{work}: bytes"), &ours, "bytes", "tshark", &[load as f64]);
    let rate = said.bytes as f64 / said.seconds / 1e6;
    let seen = load as f64 / (last - first) / 1e6;
    findings.compared(SECTION, format!("{work}: throughput"), &[rate], "MB/s", "tshark", &[seen]);
    findings.figure(SECTION, format!("{what}: packets each"), &[each(own.len() as u64)], "");
    findings.figure(SECTION, format!("{what}: bytes of frames each"), &[each(frames)], "bytes");
    findings.figure(SECTION, format!("{what}: round trips each"), &[each(turns as u64)], "");
}
