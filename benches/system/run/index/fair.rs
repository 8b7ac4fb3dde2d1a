//! The time that a single peer waits while others request as much as they can.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use p2p_ci::system::PageAligned;

use crate::common::programs::Index;
use crate::common::talk::{FROM, Talk, add, list, lookup, search};
use crate::run::Setting;
use crate::run::findings::Findings;
use crate::run::index::fill;
use crate::run::index::requests::reply_to;
use crate::run::probe::{Probe, millis};

const SECTION: &str = "index, fairness";
/// Connections of the load.
const CONNECTIONS: u16 = 64;
/// Requests of a connection whose replies it has not read.
const IN_FLIGHT: u64 = 16;
/// Bytes that the load reads in one call.
const PIECE: usize = 64 * 1024;
/// The number that the probe asks for.
const ASKED: u32 = 500_000_000;
/// A number with very many holders.
const POPULAR: u32 = 500_000_001;

/// LOOKUP of one peer while 64 connections pipeline large requests, by the same while these
/// connections are idle.
pub(crate) fn queries(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let records = setting.size(1_000_000, 100_000);
    let holders = setting.size(20_000, 5_000);
    let index = Index::start(None)?;
    let _peers = fill::with_series(index.address, records)?;
    let _holders = fill::with(index.address, holders + 1, |_, at| {
        let number = if at == 0 { ASKED } else { POPULAR };
        add(number, "holder.example.edu", 10_000 + at as u16, "A Title")
    })?;
    // The first query enters the records that were added last.
    Talk::to(index.address)?.ask(search("first", 1))?;
    let loads = [
        (format!("LIST of {records} records"), list()),
        (format!("LOOKUP of {holders} records"), lookup(POPULAR)),
        ("SEARCH of 100 records".into(), search("document", 100)),
        (format!("SEARCH of {records} records"), search_all("document")),
        ("SEARCH without a result".into(), search("4711 4712 document", 100)),
        ("LOOKUP of a hundred records".into(), lookup(77)),
    ];
    for (what, request) in loads {
        let reply = reply_to(index.address, &request)?.len() as u64;
        let (mut idle, mut busy, mut rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..setting.rounds {
            let load = Load::connect(index.address, &request, reply)?;
            idle.push(p99(index.address, setting.time)?);
            let load = load.start();
            thread::sleep(setting.time / 10);
            let before = load.read.load(Ordering::Relaxed);
            busy.push(p99(index.address, setting.time)?);
            let bytes = load.read.load(Ordering::Relaxed) - before;
            rates.push(bytes as f64 / setting.time.as_secs_f64() / 1e6);
            load.stop()?;
        }
        let work = format!("LOOKUP while {CONNECTIONS} connections pipeline {what}: p99");
        findings.compared(SECTION, work, &busy, "ms", "while they are idle", &idle);
        findings.figure(SECTION, "… which read", &rates, "MB/s");
    }
    Ok(())
}

fn search_all(words: &str) -> String {
    format!("SEARCH ALL P2P-CI/1.0\r\n{FROM}Title: {words}\r\n\r\n")
}

fn p99(address: SocketAddr, time: Duration) -> io::Result<f64> {
    let asked = Probe::alone(address, time, |_| lookup(ASKED))?;
    Ok(millis(asked.percentile(99.0)))
}

/// Connections that pipeline one request, each with a thread that reads.
struct Load {
    streams: Vec<TcpStream>,
    request: String,
    /// Bytes of a reply.
    reply: u64,
}

/// A load that runs.
struct Running {
    streams: Vec<TcpStream>,
    threads: Vec<JoinHandle<()>>,
    /// Bytes that all connections have read.
    read: Arc<AtomicU64>,
}

impl Load {
    /// Connects; each connection has made a small request.
    fn connect(address: SocketAddr, request: &str, reply: u64) -> io::Result<Self> {
        let connect = |source| {
            let mut talk = Talk::from(256 + source, address)?;
            talk.ask(lookup(ASKED))?;
            Ok(talk.stream)
        };
        let streams = (0..CONNECTIONS).map(connect).collect::<io::Result<_>>()?;
        Ok(Self { streams, request: request.into(), reply })
    }

    fn start(self) -> Running {
        let read = Arc::new(AtomicU64::new(0));
        let mut threads = Vec::new();
        for stream in &self.streams {
            let (request, reply, read) = (self.request.clone(), self.reply, Arc::clone(&read));
            let Ok(stream) = stream.try_clone() else { continue };
            // The end of the test ends the connection.
            threads.push(thread::spawn(move || {
                let _ = pipeline(stream, &request, reply, &read);
            }));
        }
        Running { streams: self.streams, threads, read }
    }
}

impl Running {
    fn stop(self) -> io::Result<()> {
        for stream in &self.streams {
            stream.shutdown(Shutdown::Both)?;
        }
        for thread in self.threads {
            thread.join().map_err(|_| io::Error::other("a panic"))?;
        }
        Ok(())
    }
}

/// Keeps requests in flight: sends one for each reply that was read.
fn pipeline(mut stream: TcpStream, request: &str, reply: u64, read: &AtomicU64) -> io::Result<()> {
    let mut chunk = PageAligned::new(PIECE);
    let (mut total, mut sent) = (0, 0);
    loop {
        let wanted = total / reply + IN_FLIGHT;
        if wanted > sent {
            stream.write_all(request.repeat((wanted - sent) as usize).as_bytes())?;
            sent = wanted;
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            count => {
                total += count as u64;
                read.fetch_add(count as u64, Ordering::Relaxed);
            }
        }
    }
}
