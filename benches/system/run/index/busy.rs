//! The delay of other peers while one peer adds, lists or leaves.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::system::PageAligned;

use crate::common::programs::Index;
use crate::common::talk::{Talk, add, list, lookup};
use crate::run::Setting;
use crate::run::anchors::Anchor;
use crate::run::findings::Findings;
use crate::run::index::{fill, requests};
use crate::run::memory::Memory;
use crate::run::probe::{Probe, millis};

const SECTION: &str = "index, others meanwhile";
/// The number that the probe asks for, which is not in any series.
const ASKED: u32 = 500_000_000;

fn ask(_: usize) -> String {
    lookup(ASKED)
}

/// A LIST is read in such pieces, as large as those in which the plain writer writes.
const PIECE: usize = 64 * 1024;

/// An ADD of a new record each time, as long as there are not too many.
fn keep_adding(at: usize) -> String {
    add(600_000_000 + at as u32 % 30_000, "adding.example.edu", 5678, "A Title")
}

/// A holder of the requested document.
fn holder(address: SocketAddr) -> io::Result<Talk> {
    let mut talk = Talk::to(address)?;
    talk.ask(add(ASKED, "holder.example.edu", 5678, "A Title"))?;
    Ok(talk)
}

/// In flight of a peer that adds at full speed: with more it is not faster, with 32 a third slower,
/// for it and the index wait for each other then.
const FULL_SPEED: usize = 1000;

/// LOOKUP while one peer is adding at full speed: here, and at another index on this machine,
/// which shares the processors and no lock.
pub(crate) fn adding(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let (index, other) = (Index::start(None)?, Index::start(None)?);
    let _holder = holder(index.address)?;
    let peer = requests::Adding::new(1, 32, FULL_SPEED, requests::new_record);
    let measure = |address: SocketAddr| {
        let probe = Probe::start(index.address, ask)?;
        let begun = Instant::now();
        let mut added = 0;
        while begun.elapsed() < setting.time {
            // A new connection each time: what one may add is soon added.
            added += peer.run(address)?.requests;
        }
        let rate = added as f64 / begun.elapsed().as_secs_f64();
        io::Result::Ok((millis(probe.stop()?.percentile(99.0)), rate))
    };
    let (mut without, mut elsewhere) = (Vec::new(), Vec::new());
    let (mut here, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        without.push(millis(Probe::alone(index.address, setting.time, ask)?.percentile(99.0)));
        elsewhere.push(measure(other.address)?.0);
        let (p99, rate) = measure(index.address)?;
        here.push(p99);
        rates.push(rate);
    }
    let work = "LOOKUP beside a peer that adds at full speed: p99";
    findings.compared(SECTION, work, &here, "ms", "without it", &without);
    findings.compared(SECTION, work, &here, "ms", "adding elsewhere", &elsewhere);
    findings.figure(SECTION, "… which adds", &rates, "records/s");
    Ok(())
}

/// LIST of many records: its speed, what it takes of the memory, and what others notice.
pub(crate) fn listing(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let records = setting.size(1_000_000, 200_000);
    let mut index = Index::start(None)?;
    let _holder = holder(index.address)?;
    let _peers = fill::with_series(index.address, records)?;
    let bytes = read_list(index.address)?;
    let writer = Anchor::writer(bytes)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        let time = timed(|| read_list(index.address).map(drop))?;
        ours.push(bytes as f64 / time.as_secs_f64() / 1e6);
        let time = timed(|| read(writer.address, b"all", bytes))?;
        theirs.push(bytes as f64 / time.as_secs_f64() / 1e6);
    }
    let work = format!("LIST ALL of {records} records, one reader");
    findings.compared(SECTION, &work, &ours, "MB/s", "a plain writer", &theirs);

    let memory = Memory::of(index.program()?.id());
    memory.forget_peak()?;
    let before = memory.peak()?;
    read_list(index.address)?;
    let more = (memory.peak()? - before) as f64 / 1e3;
    findings.figure(SECTION, format!("{work}: memory of the index for it"), &[more], "kB");

    for (what, request) in [("LOOKUP", ask as fn(usize) -> String), ("ADD", keep_adding)] {
        let (mut without, mut with) = (Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            let alone = Probe::alone(index.address, setting.time, request)?;
            without.push(millis(alone.percentile(99.0)));
            let probe = Probe::start(index.address, request)?;
            let deadline = Instant::now() + setting.time;
            while Instant::now() < deadline {
                read_list(index.address)?;
            }
            with.push(millis(probe.stop()?.percentile(99.0)));
        }
        let work = format!("{what} beside a peer that lists {records} records: p99");
        findings.compared(SECTION, work, &with, "ms", "without it", &without);
    }
    Ok(())
}

/// A large peer leaves.
pub(crate) fn leaving(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    const RECORDS: usize = 20_000;
    let index = Index::start(None)?;
    let _holder = holder(index.address)?;
    let _others = fill::with_series(index.address, setting.size(1_000_000, 100_000))?;
    let (mut times, mut waits) = (Vec::new(), Vec::new());
    for _ in 0..setting.rounds {
        let (peers, numbers) = fill::with_holders(index.address, RECORDS, 1)?;
        let asked = [0, numbers / 2, numbers - 1].map(|at| lookup(fill::number(at)));
        let mut talk = Talk::to(index.address)?;
        let probe = Probe::start(index.address, ask)?;
        thread::sleep(Duration::from_millis(50));
        let begun = Instant::now();
        drop(peers);
        for request in &asked {
            while talk.ask(request)?.contains(" 200 ") {}
        }
        times.push(millis(begun.elapsed()));
        thread::sleep(Duration::from_millis(20));
        waits.push(millis(probe.stop()?.percentile(100.0)));
    }
    findings.figure(SECTION, format!("a peer with {RECORDS} records leaves"), &times, "ms");
    findings.figure(SECTION, "… the longest that a LOOKUP waited", &waits, "ms");
    Ok(())
}

/// Reads a whole LIST; returns its length.
fn read_list(address: SocketAddr) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(list().as_bytes())?;
    let mut chunk = PageAligned::new(PIECE);
    let mut total = 0;
    let mut end = [0; 4];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        total += count as u64;
        let known = count.min(4);
        end.rotate_left(known);
        end[4 - known..].copy_from_slice(&chunk[count - known..count]);
        // An empty line ends the head, too.
        if end == *b"\r\n\r\n" && total > 64 {
            return Ok(total);
        }
    }
}

fn read(address: SocketAddr, request: &[u8], bytes: u64) -> io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request)?;
    let mut chunk = PageAligned::new(PIECE);
    let mut left = bytes;
    while left > 0 {
        match stream.read(&mut chunk)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => left -= count as u64,
        }
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}
