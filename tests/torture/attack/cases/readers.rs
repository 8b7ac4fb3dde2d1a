//! Readers of documents that are too slow, hold all slots, or do not take what is handed over
//! (protocol.md section 7).

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, SockRef, Socket, Type};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, PATIENCE, Peer};

const LENGTH: usize = 20_000_000;

/// Asks from a network of its own, with little room for what is not read.
fn ask(network: u8, address: SocketAddr, name: &str, headers: &str) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(4096)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::new(127, 7, 0, network), 0)).into())?;
    socket.connect(&address.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n");
    stream.write_all(request.as_bytes())?;
    Ok(stream)
}

/// Asks for a document many times on one connection, without waiting for the replies.
fn ask_ahead(network: u8, address: SocketAddr, name: &str, times: usize) -> io::Result<TcpStream> {
    let headers = "Connection: keep-alive\r\n";
    let mut stream = ask(network, address, name, headers)?;
    let request = format!("GET FILE {name} P2P-CI/1.0\r\nHost: h\r\n{headers}\r\n");
    stream.write_all(request.repeat(times).as_bytes())?;
    Ok(stream)
}

/// Reads at a rate until it is told to stop, or the connection ends; returns how much came.
fn read_at(stream: &mut TcpStream, bytes_per_second: usize, stop: &AtomicBool) -> usize {
    let mut chunk = vec![0; bytes_per_second];
    let mut read = 0;
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        match stream.read_exact(&mut chunk) {
            Ok(()) => read += chunk.len(),
            Err(_) => break,
        }
        thread::sleep(Duration::from_secs(1).saturating_sub(begun.elapsed()));
    }
    read
}

fn ended(peer: &Peer) -> usize {
    peer.program.errors().matches("upload ended").count()
}

pub(super) fn slow_uploads(_setting: &Setting, report: &mut Report) -> io::Result<()> {
    const BELOW: u8 = 4;
    /// 44 KiB in a minute, and 84.
    const RATES: (usize, usize) = (750, 1440);
    let index = Index::start(None)?;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("document.bin"), vec![7; LENGTH])?;
    std::fs::write(directory.path().join("small.bin"), vec![7; 40_000])?;
    let free = Peer::share(index.address, directory.path(), &[])?;
    let limited = Peer::share(index.address, directory.path(), &["--upload-limit", "2M"])?;
    // So slow that a reader lets it wait only after several minutes.
    let narrow = Peer::share(index.address, directory.path(), &["--upload-limit", "10k"])?;
    let watched = [(&free, BELOW), (&limited, BELOW), (&narrow, 1)];
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let mut last = [None; 3];
    let above = thread::scope(|scope| {
        for peer in [&free, &limited] {
            for network in 1..=BELOW {
                let (address, stop) = (peer.upload, &stop);
                scope.spawn(move || {
                    let mut stream = match network {
                        BELOW => ask_ahead(network, address, "small.bin", 200)?,
                        _ => ask(network, address, "document.bin", "")?,
                    };
                    read_at(&mut stream, RATES.0, stop);
                    io::Result::Ok(())
                });
            }
        }
        scope.spawn(|| {
            // It reads nothing.
            let mut stream = ask(BELOW + 1, narrow.upload, "document.bin", "")?;
            while !stop.load(Ordering::Relaxed) {
                thread::sleep(Duration::from_millis(250));
            }
            stream.flush()
        });
        let above = scope.spawn(|| {
            let mut stream = ask(100, free.upload, "document.bin", "")?;
            let read = read_at(&mut stream, RATES.1, &stop);
            io::Result::Ok(read)
        });
        // The reader above the rate lasts longer than data may stay unacknowledged.
        let is_done = |last: &[Option<Duration>], time| {
            time > Duration::from_secs(105) && last.iter().all(Option::is_some)
        };
        while begun.elapsed() < Duration::from_secs(150) && !is_done(&last, begun.elapsed()) {
            thread::sleep(Duration::from_millis(250));
            for ((peer, readers), last) in watched.into_iter().zip(&mut last) {
                if last.is_none() && ended(peer) >= usize::from(readers) {
                    *last = Some(begun.elapsed());
                }
            }
        }
        let time = begun.elapsed().as_secs() as usize;
        stop.store(true, Ordering::Relaxed);
        (above.join(), time)
    });
    let whats = ["44 KiB/min", "44 KiB/min, --upload-limit 2M", "nothing, --upload-limit 10k"];
    for (what, last) in whats.into_iter().zip(last) {
        let time = last.unwrap_or_default().as_secs_f64();
        report.figure(&format!("{what}: closed after"), time, "s");
        report.require("all readers below the minimum rate are closed", last.is_some());
    }
    let read = above.0.map_err(|_| io::Error::other("a panic"))??;
    report.figure("84 KiB/min: read until then", read as f64, "B");
    report.require("a reader above it is not", read + 3 * RATES.1 >= above.1 * RATES.1);
    Ok(())
}

pub(super) fn slots(_setting: &Setting, report: &mut Report) -> io::Result<()> {
    let index = Index::start(None)?;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("document.bin"), vec![7; LENGTH])?;
    let peer = Peer::share(index.address, directory.path(), &["--upload-slots", "16"])?;
    let stop = AtomicBool::new(false);
    let waited = thread::scope(|scope| {
        for number in 0..16 {
            let (address, stop) = (peer.upload, &stop);
            scope.spawn(move || {
                let mut stream = ask(1 + number % 2, address, "document.bin", "")?;
                read_at(&mut stream, 2000, stop);
                io::Result::Ok(())
            });
        }
        thread::sleep(Duration::from_secs(3));
        let begun = Instant::now();
        let honest = ask(9, peer.upload, "document.bin", "").and_then(|mut stream| {
            let mut read = Vec::new();
            stream.read_to_end(&mut read)?;
            Ok((begun.elapsed(), read.len()))
        });
        // The others are still served.
        thread::sleep(Duration::from_secs(3));
        let closed = ended(&peer);
        stop.store(true, Ordering::Relaxed);
        honest.map(|honest| (honest, closed))
    });
    let ((time, read), closed) = waited?;
    report.figure("a document for a third network", time.as_secs_f64(), "s");
    report.require("it came whole", read > LENGTH);
    report.require_time("within 10 s", time < Duration::from_secs(10));
    report.figure("uploads that were closed for it", closed as f64, "");
    report.require("none", closed == 0);
    Ok(())
}

/// Readers that hold each slot, or each place, and read slowly.
pub(super) fn crowd(_setting: &Setting, report: &mut Report) -> io::Result<()> {
    /// Networks, and connections of each.
    const CROWDS: [(usize, usize); 3] = [(8, 12), (20, 3), (56, 2)];
    /// More connections than an upload server has places.
    const PLACES: usize = 100;
    let index = Index::start(None)?;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("document.bin"), vec![7; LENGTH])?;
    std::fs::write(directory.path().join("medium.bin"), vec![7; 200_000])?;
    for (networks, each) in CROWDS {
        // Until all slow readers that can have begun.
        let settled = Duration::from_secs(if networks > 32 { 20 } else { 5 });
        for name in ["document.bin", "medium.bin"] {
            let peer = Peer::share(index.address, directory.path(), &[])?;
            let stop = AtomicBool::new(false);
            let longest = thread::scope(|scope| {
                for number in 0..networks * each {
                    let network = u8::try_from(10 + number % networks).unwrap_or(0);
                    let (address, stop) = (peer.upload, &stop);
                    scope.spawn(move || {
                        while !stop.load(Ordering::Relaxed) {
                            if let Ok(mut stream) = ask(network, address, name, "") {
                                read_at(&mut stream, 2000, stop);
                            }
                            thread::sleep(Duration::from_millis(50));
                        }
                    });
                }
                thread::sleep(settled);
                let mut longest = Some(Duration::ZERO);
                for wanted in ["medium.bin", "document.bin", "document.bin"] {
                    let time = time_until_whole(peer.upload, wanted);
                    longest = longest.zip(time).map(|(longest, time)| longest.max(time));
                }
                stop.store(true, Ordering::Relaxed);
                longest
            });
            let what = format!("{networks} networks with {each} slow readers each of {name}");
            // It tries again for a time. Where there are more slow readers than places, it also depends
            // on chance when it gets one.
            match networks * each > PLACES {
                true => report.require_time("an honest reader is served", longest.is_some()),
                false => report.require("an honest reader is served", longest.is_some()),
            }
            report.figure(&what, longest.unwrap_or_default().as_secs_f64(), "s");
            let is_soon = longest.is_some_and(|time| time < Duration::from_secs(10));
            report.require_time("within 10 s", is_soon);
        }
    }
    Ok(())
}

/// The time until an honest reader, which tries again after a refusal, has a document.
fn time_until_whole(address: SocketAddr, name: &str) -> Option<Duration> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        let mut read = Vec::new();
        let result = ask(9, address, name, "").and_then(|mut stream| stream.read_to_end(&mut read));
        if result.is_ok() && read.starts_with(b"P2P-CI/1.0 200") {
            return Some(begun.elapsed());
        }
        thread::sleep(Duration::from_millis(100));
    }
    None
}

fn reset(stream: &TcpStream) -> io::Result<()> {
    SockRef::from(stream).set_linger(Some(Duration::ZERO))
}

/// Takes a document as it should not be taken.
fn take_badly(kind: usize, address: SocketAddr, name: &str) -> io::Result<()> {
    let headers = match kind {
        0 => "Range: bytes=0-0\r\n",
        1 => "Range: bytes=0-\r\n",
        _ => "",
    };
    let mut stream = ask(1, address, name, headers)?;
    match kind {
        0 | 1 => drop(io::copy(&mut stream, &mut io::sink())?),
        2 => stream.shutdown(Shutdown::Write)?,
        3 => drop(stream.read(&mut [0; 100])?),
        4 => drop(io::copy(&mut stream, &mut io::sink())?),
        5 => thread::sleep(Duration::from_millis(200)),
        6 => {
            stream.read_exact(&mut [0; 20])?;
            stream.shutdown(Shutdown::Write)?;
            thread::sleep(Duration::from_millis(100));
        }
        // It reads nothing, closes one direction after all was sent, and the other one later.
        7..=9 => {
            thread::sleep(Duration::from_millis([100, 300, 2500][kind % 3]));
            stream.shutdown(Shutdown::Write)?;
            thread::sleep(Duration::from_millis(1200));
        }
        _ => {}
    }
    if kind > 1 { reset(&stream) } else { Ok(()) }
}

pub(super) fn hand_over(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const KINDS: usize = 11;
    const LENGTHS: [usize; 5] = [1, 900, 65_536, 300_000, 3_000_000];
    let (documents, readers) = setting.size((100, 4000), (20, 200));
    let index = Index::start(None)?;
    let directory = tempfile::tempdir()?;
    let name = |number: usize| format!("document-{number}");
    for number in 0..documents {
        let bytes = vec![7; LENGTHS[number % LENGTHS.len()]];
        std::fs::write(directory.path().join(name(number)), bytes)?;
    }
    let peer = Peer::share(index.address, directory.path(), &["--hand-over"])?;
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= readers {
                        break;
                    }
                    let document = name((number / KINDS + number) % documents);
                    // The result of the reader itself is not checked.
                    let _ = take_badly(number % KINDS, peer.upload, &document);
                }
            });
        }
    });
    thread::sleep(Duration::from_secs(1));
    let there = |directory: &Path| {
        (0..documents)
            .filter(|number| {
                let length = directory.join(name(*number)).metadata().map(|file| file.len());
                length.is_ok_and(|length| length == LENGTHS[number % LENGTHS.len()] as u64)
            })
            .count()
    };
    report.figure("documents after bad readers", there(directory.path()) as f64, "");
    report.require("all of them are still here", there(directory.path()) == documents);
    for number in 0..documents {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let mut read = Vec::new();
            ask(2, peer.upload, &name(number), "")?.read_to_end(&mut read)?;
            // A reader that closes too late has the document, and so does the peer.
            if read.starts_with(b"P2P-CI/1.0 404") {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
    let begun = Instant::now();
    let given = directory.path().join("handed-over");
    while there(&given) < documents && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(50));
    }
    report.figure("documents that good readers have taken", there(&given) as f64, "");
    report.require("each is handed over", there(&given) == documents);
    report.require("and is here no more", there(directory.path()) == 0);
    Ok(())
}
