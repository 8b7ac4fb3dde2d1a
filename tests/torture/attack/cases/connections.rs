//! Many connections: more than the limit, nothing but bad requests, and the end with all of them
//! (protocol.md sections 7 and 8.4).

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::attack::Setting;
use crate::attack::latency::{Honest, millis};
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer};
use crate::common::talk::{Talk, add, lookup, status};

/// Connections from one source address: fewer than it has ports.
const OF_ONE: usize = 4000;

fn connect(number: usize, address: SocketAddr) -> io::Result<Talk> {
    Talk::from(512 + u16::try_from(number / OF_ONE).unwrap_or(0), address)
}

/// Whether a connection was turned away: a refusal and the end.
fn is_turned_away(talk: &mut Talk) -> bool {
    let mut reply = Vec::new();
    let read = talk.stream.read_to_end(&mut reply);
    read.is_ok() && reply == b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n"
}

pub(super) fn too_many(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let (limit, all) = setting.size((10_000, 18_000), (1_000, 1_800));
    let mut index = Index::with(&["--log", "quiet", "--max-connections", &limit.to_string()])?;
    let honest = Honest::join(index.address, report)?;
    let before = index.program()?.usage()?;
    let asking = honest.keep_asking();
    let begun = Instant::now();
    let mut talks = Vec::with_capacity(all);
    for number in 0..all {
        talks.push(connect(number, index.address)?);
    }
    report.figure("connections made", all as f64, "");
    report.figure("in", begun.elapsed().as_secs_f64(), "s");
    // The honest peer has one place.
    let mut served = 0;
    let mut turned_away = 0;
    for talk in &mut talks {
        let is_asked = talk.say(lookup(793)).is_ok();
        match talk.reply() {
            Ok(reply) if is_asked && status(&reply) == "200" => served += 1,
            Ok(reply) if status(&reply) == "503" => {
                let (rest, _) = talk.rest();
                turned_away += usize::from(rest.is_empty());
            }
            _ => {}
        }
    }
    report.figure("served", f64::from(served + 1), "");
    report.figure("turned away with 503 and a close", turned_away as f64, "");
    report.require("exactly as many as the limit are served", served + 1 == limit);
    let expected = all - limit as usize + 1;
    report.require("all others get 503 and a close", turned_away == expected);
    let during = index.program()?.usage()?;
    let each = during.memory.saturating_sub(before.memory) / limit as u64;
    report.figure("memory of a connection", each as f64 / 1024.0, "KiB");
    drop(talks);
    let gone = Instant::now();
    while is_turned_away(&mut connect(0, index.address)?.asking()?) {
        thread::sleep(Duration::from_millis(1));
    }
    let normal = gone.elapsed();
    asking.held(report)?;
    report.figure("until a new peer is served", millis(normal), "ms");
    report.require_time("normal within a second after they go", normal < Duration::from_secs(1));
    Ok(())
}

impl Talk {
    /// Asks, and ends its own half, so that the other side's end follows.
    fn asking(mut self) -> io::Result<Self> {
        // A connection may be refused before it has sent a request.
        let _ = self.say(lookup(793));
        let _ = self.stream.shutdown(std::net::Shutdown::Write);
        Ok(self)
    }
}

pub(super) fn bad_requests(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let mut index = Index::start(setting.target)?;
    let honest = Honest::join(index.address, report)?;
    let before = index.usage();
    let time = Duration::from_secs(setting.size(60, 10));
    let asking = honest.keep_asking();
    let (sent, closed, stop) = (
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicBool::new(false)),
    );
    let address = index.address;
    let attackers: Vec<_> = (0..4)
        .map(|_| {
            let (sent, closed, stop) = (Arc::clone(&sent), Arc::clone(&closed), Arc::clone(&stop));
            thread::spawn(move || {
                let bad = "NONSENSE\r\n\r\n".repeat(12);
                while !stop.load(Ordering::Relaxed) {
                    // All from one address, which is not that of the honest peer.
                    let Ok(mut talk) = Talk::from(9 << 8, address) else { continue };
                    let _ = talk.stream.write_all(bad.as_bytes());
                    sent.fetch_add(12, Ordering::Relaxed);
                    let (rest, _) = talk.rest();
                    let refusals = rest.windows(7).filter(|seven| seven == b" 400 Ba").count();
                    if refusals == 10 || rest.windows(5).any(|five| five == b" 503 ") {
                        closed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        })
        .collect();
    thread::sleep(time);
    stop.store(true, Ordering::Relaxed);
    for attacker in attackers {
        attacker.join().map_err(|_| io::Error::other("a panic"))?;
    }
    asking.held(report)?;
    let (sent, closed) = (sent.load(Ordering::Relaxed), closed.load(Ordering::Relaxed));
    report.figure("bad requests a second", sent as f64 / time.as_secs_f64(), "");
    report.require_time("at least 50,000 a second", sent as f64 / time.as_secs_f64() >= 50_000.0);
    report.require("each connection ends after ten, or is refused", closed == sent / 12);
    if let (Some(before), Some(after)) = (before, index.usage()) {
        let more = after.memory.saturating_sub(before.memory);
        report.figure("memory more than before", more as f64 / 1024.0, "KiB");
        report.require("the table of offenders is bounded: less than 4 MiB", more < 4 << 20);
        index.program()?;
    }
    // Of an unused number: the honest peer may not be gone yet.
    let reply = Talk::from(10 << 8, address)?.ask(lookup(1))?;
    report.require("others are served", status(&reply) == "404");
    Ok(())
}

pub(super) fn stop(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let all = setting.size(10_000, 1_000);
    let mut idle = Index::with(&["--log", "quiet"])?;
    let begun = Instant::now();
    idle.program()?.signal(Signal::TERM)?;
    let status = idle.program()?.wait()?;
    report.figure("an idle server ends in", millis(begun.elapsed()), "ms");
    report.require("exit code 0, within 2 s", {
        status.code() == Some(0) && begun.elapsed() < Duration::from_secs(2)
    });

    let mut index = Index::with(&["--log", "quiet"])?;
    let mut talks = Vec::new();
    for number in 0..all - 1 {
        let mut talk = connect(number, index.address)?;
        talk.ask(add(1, "h", 5678, "a"))?;
        talks.push(talk);
    }
    let begun = Instant::now();
    index.program()?.signal(Signal::TERM)?;
    let status = index.program()?.wait()?;
    report.figure("a server with all connections ends in", millis(begun.elapsed()), "ms");
    report.require("exit code 0, within 5 s", {
        status.code() == Some(0) && begun.elapsed() < Duration::from_secs(5)
    });
    let closed = talks.iter_mut().filter_map(|talk| talk.stream.read(&mut [0; 1]).ok());
    report.require(
        "every connection is closed",
        closed.filter(|count| *count == 0).count() == talks.len(),
    );
    uploads_at_the_end(report)
}

/// Uploads that need three seconds are finished, one that needs a minute is cut.
fn uploads_at_the_end(report: &mut Report) -> io::Result<()> {
    const LENGTH: usize = 3_000_000;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("document.bin"), vec![7; LENGTH])?;
    let index = Index::with(&["--log", "quiet"])?;
    let arguments = ["--upload-limit", "1M"];
    let mut peer = Peer::share(index.address, directory.path(), &arguments)?;
    let mut talk = Talk::to(peer.upload)?;
    talk.say("GET FILE document.bin P2P-CI/1.0\r\nHost: h\r\n\r\n")?;
    let mut first = [0; 1024];
    talk.stream.read_exact(&mut first)?;
    let begun = Instant::now();
    peer.program.signal(Signal::TERM)?;
    let (rest, _) = talk.rest();
    let status = peer.program.wait()?;
    report.figure("a peer with an upload of 3 s ends in", begun.elapsed().as_secs_f64(), "s");
    report.require("the upload is finished", first.len() + rest.len() > LENGTH);
    report.require("exit code 0", status.code() == Some(0));

    let mut peer = Peer::share(index.address, directory.path(), &["--upload-limit", "50k"])?;
    let mut talk = Talk::to(peer.upload)?;
    talk.say("GET FILE document.bin P2P-CI/1.0\r\nHost: h\r\n\r\n")?;
    talk.stream.read_exact(&mut first)?;
    let begun = Instant::now();
    peer.program.signal(Signal::TERM)?;
    let status = peer.program.wait()?;
    report.figure("a peer with an upload of a minute ends in", begun.elapsed().as_secs_f64(), "s");
    report.require("it is cut after 5 s, exit code 0", {
        status.code() == Some(0) && begun.elapsed() < Duration::from_secs(7)
    });
    Ok(())
}
