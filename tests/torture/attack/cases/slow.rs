//! Peers that write or read slowly, or not at all (protocol.md section 7).

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::fleet::fill;
use crate::attack::latency::Honest;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer};
use crate::common::talk::{Talk, list};
use p2p_ci::protocol::IndexReplyDecoder;
use p2p_ci::protocol::role::{IndexClient, ReplyMeaning};

pub(super) fn slow_writers(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let count = setting.size(1000, 300);
    let time = Duration::from_secs(setting.size(60, 24));
    let index = Index::start(setting.target)?;
    let honest = Honest::join(index.address, report)?;
    let before = index.usage();
    let asking = honest.keep_asking();
    let request = format!("LOOKUP RFC 1 P2P-CI/1.0\r\nHost: {}\r\n", "h".repeat(200));
    let mut writers: Vec<(Talk, Instant, Option<Duration>)> = Vec::new();
    for number in 0..count {
        let talk = Talk::from(1024 + number as u16 / 50, index.address)?;
        talk.stream.set_nonblocking(true)?;
        writers.push((talk, Instant::now(), None));
    }
    let begun = Instant::now();
    let mut most = before.map_or(0, |before| before.memory);
    for byte in request.as_bytes() {
        for (talk, since, closed) in writers.iter_mut().filter(|(_, _, closed)| closed.is_none()) {
            let is_closed = match talk.stream.read(&mut [0; 1024]) {
                Ok(_) => true,
                Err(error) => error.kind() != io::ErrorKind::WouldBlock,
            };
            if is_closed || talk.stream.write(&[*byte]).is_err() {
                *closed = Some(since.elapsed());
            }
        }
        most = most.max(index.usage().map_or(0, |usage| usage.memory));
        if begun.elapsed() > time {
            break;
        }
        thread::sleep(Duration::from_secs(1));
    }
    let closed: Vec<Duration> = writers.iter().filter_map(|(_, _, closed)| *closed).collect();
    let longest = closed.iter().max().copied().unwrap_or_default();
    report.figure("closed", closed.len() as f64, "");
    report.figure("the last of them after", longest.as_secs_f64(), "s");
    report.require("all are closed", closed.len() == count);
    // It is looked once a second.
    report.require_time("within 21 s", longest < Duration::from_millis(22_100));
    asking.held(report)?;
    if let Some(before) = before {
        let more = most.saturating_sub(before.memory) as f64 / 1048576.0;
        report.figure("memory more than before", more, "MiB");
        report.require("memory: at most 64 MiB more", more <= 64.0);
    }
    Ok(())
}

/// Bytes that the kernel keeps for all TCP connections of this machine.
fn kernel_memory() -> u64 {
    const PAGE: u64 = 4096;
    let text = std::fs::read_to_string("/proc/net/sockstat").unwrap_or_default();
    let words: Vec<&str> = text.split_whitespace().collect();
    let after = words.iter().position(|word| *word == "TCP:").unwrap_or(0);
    let memory = words[after..].iter().position(|word| *word == "mem");
    let pages = memory.and_then(|at| words.get(after + at + 1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * PAGE
}

pub(super) fn silent_readers(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const READERS: usize = 200;
    let records = setting.size(1_000_000, 100_000);
    let mut index = Index::start(setting.target)?;
    let fleet = fill(index.address, records)?;
    let honest = Honest::join(index.address, report)?;
    let before = index.usage();
    let kernel_before = kernel_memory();
    let asking = honest.keep_asking();
    let mut readers = Vec::new();
    for number in 0..READERS {
        let mut talk = Talk::from(2048 + number as u16 / 50, index.address)?;
        talk.say(list())?;
        readers.push(talk);
    }
    let begun = Instant::now();
    let (mut most, mut kernel_most) = (0, 0);
    let mut adding = Talk::from(2047, index.address)?;
    let mut longest_add = Duration::ZERO;
    let mut gone = None;
    while begun.elapsed() < Duration::from_secs(110) {
        thread::sleep(Duration::from_millis(250));
        let add_begun = Instant::now();
        adding.ask(crate::common::talk::add(7777, "adding", 5678, "a"))?;
        longest_add = longest_add.max(add_begun.elapsed());
        if let Some(usage) = index.usage() {
            most = most.max(usage.memory);
            kernel_most = kernel_most.max(kernel_memory());
            let at_rest = before.map_or(0, |before| before.threads) + 1;
            if usage.threads <= at_rest {
                gone = Some(begun.elapsed());
                break;
            }
        }
    }
    asking.held(report)?;
    report.figure("the longest ADD meanwhile", longest_add.as_secs_f64() * 1e3, "ms");
    report.require_time(
        "ADD held, too: never more than 50 ms",
        longest_add < Duration::from_millis(50),
    );
    if let Some(before) = before {
        let more = most.saturating_sub(before.memory) as f64 / 1048576.0;
        let kernel = kernel_most.saturating_sub(kernel_before) as f64 / 1048576.0;
        report.figure("memory more than before", more, "MiB");
        report.figure("the kernel's, of both sides", kernel, "MiB");
        report.require("memory: at most 48 MiB more", more <= 48.0);
        report.figure("all gone after", gone.unwrap_or_default().as_secs_f64(), "s");
        let in_time = gone.is_some_and(|gone| gone < Duration::from_secs(95));
        report.require("all gone within 95 s", in_time);
        index.program()?;
    }
    drop((readers, fleet));
    Ok(())
}

pub(super) fn slow_readers(setting: &Setting, report: &mut Report) -> io::Result<()> {
    const READERS: usize = 10;
    // Records of some 90 bytes: 30 MB.
    let records = setting.size(330_000, 100_000);
    let length = setting.size(30_000_000, 9_000_000);
    // In the small size the rest is read fast, when a reader at this pace would have been cut.
    let time = setting.size(Duration::MAX, Duration::from_secs(75));
    let index = Index::start(setting.target)?;
    let fleet = fill(index.address, records)?;
    let directory = tempfile::tempdir()?;
    std::fs::write(directory.path().join("document.bin"), vec![7; length])?;
    let slots = ["--upload-slots", "16"];
    let peer = Peer::share(index.address, directory.path(), &slots)?;
    let get = "GET FILE document.bin P2P-CI/1.0\r\nHost: h\r\n\r\n".to_string();
    let begun = Instant::now();
    let readers: Vec<_> = (0..2 * READERS)
        .map(|number| {
            let (address, request) =
                if number % 2 == 0 { (index.address, list()) } else { (peer.upload, get.clone()) };
            thread::spawn(move || read_slowly(address, &request, time))
        })
        .collect();
    let (mut lists, mut documents) = (0, 0);
    for (number, reader) in readers.into_iter().enumerate() {
        let read = reader.join().map_err(|_| io::Error::other("a panic"))?;
        if number % 2 == 0 {
            let lines = read.iter().filter(|byte| **byte == b'\n').count();
            lists += usize::from(lines == records + 3);
        } else {
            documents += usize::from(read.ends_with(&[7]) && read.len() > length);
        }
    }
    report.figure("lists that came whole", f64::from(u32::try_from(lists).unwrap_or(0)), "");
    report.figure("documents that came whole", documents as f64, "");
    report.figure("in", begun.elapsed().as_secs_f64(), "s");
    report.require("20 of 20 are whole", lists + documents == 2 * READERS);
    drop(fleet);
    Ok(())
}

/// Reads a list or a document at 10 KB/s for a while, and then the rest.
fn read_slowly(address: SocketAddr, request: &str, time: Duration) -> Vec<u8> {
    const RATE: usize = 10_000;
    let mut read = Vec::new();
    let Ok(mut talk) = Talk::to(address) else { return read };
    if talk.say(request).is_err() {
        return read;
    }
    let is_list = request.starts_with("LIST");
    let begun = Instant::now();
    let mut chunk = vec![0; RATE / 4];
    let (mut role, mut start) = (IndexClient::new(IndexReplyDecoder::default()), 0);
    // Up to the end of the list, or of the connection.
    loop {
        match talk.stream.read(&mut chunk) {
            Ok(count @ 1..) => read.extend_from_slice(&chunk[..count]),
            _ => return read,
        }
        while is_list && let Some(event) = role.next(&read[start..], || Duration::ZERO) {
            start += event.used;
            if !matches!(event.meaning, ReplyMeaning::Part(_)) {
                return read;
            }
        }
        if begun.elapsed() < time {
            thread::sleep(Duration::from_millis(250));
        } else {
            chunk.resize(64 * 1024, 0);
        }
    }
}
