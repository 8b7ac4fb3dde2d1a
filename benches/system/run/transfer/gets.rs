//! Single documents, small and large, compared with nginx.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::system::PageAligned;

use crate::common::programs::{Index, Peer};
use crate::run::Setting;
use crate::run::anchors::Rounds;
use crate::run::findings::Findings;
use crate::run::processes::processor_seconds;
use crate::run::samples::Random;
use crate::run::transfer::documents::Documents;

const SECTION: &str = "transfer";

pub(crate) fn get(number: u32) -> String {
    format!("GET RFC {number} P2P-CI/1.0\r\nHost: localhost\r\nOS: Linux\r\n\r\n")
}

pub(crate) fn http_get(number: u32) -> String {
    format!("GET /rfc{number}.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
}

/// A connection for each document, as the protocol has it.
pub(crate) fn small(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let documents = Documents::of(setting)?;
    let index = Index::start(None)?;
    let peer = Peer::share_quietly(index.address, &documents.directory)?;
    let nginx = setting.nginx(&documents.directory, findings)?;
    // So that all of them are in memory, and their digests known.
    read_all(peer.upload, &documents, get)?;
    for at_once in [1, 16] {
        let (mut ours, mut theirs) = (Vec::new(), Rounds::default());
        for round in 0..setting.rounds {
            let seed = setting.seed + round as u64;
            let fetched = |address: SocketAddr, request: fn(u32) -> String| {
                let choose = |random: &mut Random| {
                    let number = documents.numbers[random.below(documents.numbers.len())];
                    (address, request(number))
                };
                rate(at_once, setting.time, seed, choose)
            };
            ours.push(fetched(peer.upload, get)?);
            for nginx in &nginx {
                theirs.push(nginx.name, fetched(nginx.address, http_get)?);
            }
        }
        let work = format!("documents, a connection each, {at_once} at a time");
        findings.compared_with_best(SECTION, work, &ours, "documents/s", theirs.highest());
    }
    Ok(())
}

fn read_all(
    address: SocketAddr,
    documents: &Documents,
    request: fn(u32) -> String,
) -> io::Result<()> {
    let mut chunk = PageAligned::new(64 * 1024);
    documents
        .numbers
        .iter()
        .try_for_each(|&number| fetch(address, &request(number), &mut chunk).map(drop))
}

/// Documents a second, each chosen at random: from where, and with which request.
pub(crate) fn rate(
    at_once: usize,
    time: Duration,
    seed: u64,
    choose: impl Fn(&mut Random) -> (SocketAddr, String) + Sync,
) -> io::Result<f64> {
    let fetched = AtomicUsize::new(0);
    let begun = Instant::now();
    let deadline = begun + time;
    let work = |number: u64| -> io::Result<()> {
        let mut random = Random::new(seed * 1000 + number);
        let mut chunk = PageAligned::new(64 * 1024);
        while Instant::now() < deadline {
            let (address, request) = choose(&mut random);
            fetch(address, &request, &mut chunk)?;
            fetched.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> =
            (0..at_once).map(|number| scope.spawn(move || work(number as u64))).collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| io::Error::other("a panic"))?)
    })?;
    Ok(fetched.into_inner() as f64 / begun.elapsed().as_secs_f64())
}

/// One document; returns how many bytes came, head included.
pub(crate) fn fetch(address: SocketAddr, request: &str, chunk: &mut [u8]) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(request.as_bytes())?;
    let mut total = 0;
    loop {
        let count = stream.read(chunk)?;
        if total == 0 && !chunk.windows(5).take(16).any(|five| five == b" 200 ") {
            let status = String::from_utf8_lossy(&chunk[..count.min(40)]).into_owned();
            return Err(io::Error::other(format!(
                "expected 200 for {request:?}, found {status:?}"
            )));
        }
        if count == 0 {
            return Ok(total);
        }
        total += count as u64;
    }
}

/// One large file, and what of the processor it takes to send it.
pub(crate) fn large(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let bytes = setting.size(1 << 30, 1 << 27);
    let documents = Documents::of_size(1, bytes, setting.seed)?;
    let index = Index::start(None)?;
    let peer = Peer::share_quietly(index.address, &documents.directory)?;
    let nginx = setting.nginx(&documents.directory, findings)?;
    read_all(peer.upload, &documents, get)?;
    wait_until_idle(peer.program.id())?;
    let mut chunk = PageAligned::new(256 * 1024);
    let mut once = |address, request: &str, process| -> io::Result<(f64, f64)> {
        let processor = processor_seconds(process)?;
        let begun = Instant::now();
        let count = fetch(address, request, &mut chunk)?;
        let time = begun.elapsed().as_secs_f64();
        if count < bytes as u64 {
            return Err(io::Error::other("expected the whole file"));
        }
        let taken = processor_seconds(process)? - processor;
        Ok((bytes as f64 / time / 1e6, taken / (bytes as f64 / 1e9)))
    };
    let (mut ours, mut theirs) = (Vec::new(), Rounds::default());
    let (mut our_time, mut their_time) = (Vec::new(), Rounds::default());
    for _ in 0..setting.rounds {
        let (rate, processor) = once(peer.upload, &get(1), peer.program.id())?;
        ours.push(rate);
        our_time.push(processor);
        for nginx in &nginx {
            let (rate, processor) = once(nginx.address, &http_get(1), nginx.program().id())?;
            theirs.push(nginx.name, rate);
            their_time.push(nginx.name, processor);
        }
    }
    let work = format!("a file of {} MiB", bytes >> 20);
    findings.compared_with_best(SECTION, &work, &ours, "MB/s", theirs.highest());
    let work = format!("{work}: of a processor");
    findings.compared_with_best(SECTION, work, &our_time, "s/GB", their_time.lowest());
    Ok(())
}

/// Until the digests are computed, which else would count as work of the upload.
pub(crate) fn wait_until_idle(process: u32) -> io::Result<()> {
    const QUIET: Duration = Duration::from_millis(200);
    let deadline = Instant::now() + Duration::from_secs(120);
    let mut before = processor_seconds(process)?;
    loop {
        thread::sleep(QUIET);
        let now = processor_seconds(process)?;
        if now - before < 0.011 || Instant::now() > deadline {
            return Ok(());
        }
        before = now;
    }
}
