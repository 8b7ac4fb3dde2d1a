//! An index server whose replies are endless, large, late or slow, with each command that queries it
//! (protocol.md sections 4.9 and 7).

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::peer_command;

/// The kind of the replies.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Attributes,
    Records,
    LargeRecords,
    /// Attributes follow each record, and never end after record 10,000.
    LateAttributes,
    /// A record every other second.
    Trickle,
}

const KINDS: [Kind; 5] =
    [Kind::Attributes, Kind::Records, Kind::LargeRecords, Kind::LateAttributes, Kind::Trickle];

const COMMANDS: [&[&str]; 8] = [
    &["get", "7"],
    &["sync", "--dry-run"],
    &["browse", "127.0.0.1:9"],
    &["peers"],
    &["list"],
    &["lookup", "7"],
    &["search", "t"],
    &["status"],
];

/// Megabytes that a command may take.
const MOST: u64 = 512;

fn reply(kind: Kind, command: &str, stream: &mut TcpStream) -> io::Result<()> {
    stream.write_all(b"P2P-CI/1.0 200 OK\r\n\r\n")?;
    let is_lookup = command.starts_with("LOOKUP");
    // A LOOKUP is answered with records of its document.
    let number = |record: u64| if is_lookup { 7 } else { record % 5_000_000 + 1 };
    let title = match kind {
        Kind::LargeRecords => "t".repeat(512),
        _ => "t".to_string(),
    };
    let (mut record, mut output) = (0u64, Vec::new());
    loop {
        record += 1;
        let is_record = match kind {
            Kind::Attributes => record == 1,
            Kind::LateAttributes => record <= 10_000,
            Kind::Records | Kind::LargeRecords | Kind::Trickle => true,
        };
        if is_record {
            let number = number(record);
            // As many peers as there are ports. All records of a LOOKUP name one, so that they are
            // not all asked.
            let port = if is_lookup { 9 } else { 1024 + record % 60_000 };
            output.extend(format!("RFC {number} {title} 127.0.0.1 {port}\r\n").into_bytes());
        }
        if let Kind::Attributes | Kind::LateAttributes = kind {
            output.extend(b"Length: 1\r\n");
        }
        if let Kind::Trickle = kind {
            thread::sleep(Duration::from_secs(2));
            stream.write_all(&output)?;
            output.clear();
        }
        if output.len() > 64 * 1024 {
            stream.write_all(&output)?;
            output.clear();
        }
    }
}

fn index(kind: Kind) -> io::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let mut command = String::new();
                let _ = BufReader::new(&stream).read_line(&mut command);
                // It ends when the peer has enough.
                let _ = reply(kind, &command, &mut stream);
            });
        }
    });
    Ok(address)
}

/// Megabytes that a process has used at most so far.
fn peak(child: &Child) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1024
}

/// How a command has ended: its time, its memory, and what it said.
struct Outcome {
    name: String,
    has_ended: bool,
    time: Duration,
    megabytes: u64,
    errors: String,
}

fn run(kind: Kind, address: &str, command: &[&str]) -> io::Result<Outcome> {
    let root = tempfile::tempdir()?;
    let begun = Instant::now();
    let mut child = peer_command(address, root.path(), command)?
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut megabytes = 0;
    let mut pipe = child.stderr.take();
    let errors = thread::spawn(move || {
        let mut errors = Vec::new();
        let _ = pipe.as_mut().map(|pipe| pipe.read_to_end(&mut errors));
        String::from_utf8_lossy(&errors).into_owned()
    });
    let has_ended = loop {
        megabytes = megabytes.max(peak(&child));
        if child.try_wait()?.is_some() {
            break true;
        }
        if begun.elapsed() > Duration::from_secs(280) {
            child.kill()?;
            child.wait()?;
            break false;
        }
        thread::sleep(Duration::from_millis(20));
    };
    let errors = errors.join().unwrap_or_default();
    let name = format!("{kind:?} {}", command.join(" "));
    Ok(Outcome { name, has_ended, time: begun.elapsed(), megabytes, errors })
}

/// Whether a message says that something is missing.
fn is_reported(errors: &str) -> bool {
    ["only the first", "at most 64 headers", "64 KiB per minute", "the reply took more than"]
        .iter()
        .any(|reason| errors.contains(reason))
}

/// Replies without end, for each command.
#[allow(clippy::cast_precision_loss, reason = "figures of a report")]
pub(super) fn endless(setting: &Setting, report: &mut Report) -> io::Result<()> {
    // A reply that trickles takes minutes, and so do ten million records.
    let kinds = setting.size(&KINDS[..], &[Kind::Attributes, Kind::LateAttributes]);
    for kind in kinds.iter().copied() {
        let address = index(kind)?;
        let outcomes: Vec<io::Result<Outcome>> = thread::scope(|scope| {
            let start = |command| {
                let address = &address;
                scope.spawn(move || run(kind, address, command))
            };
            let started: Vec<_> = COMMANDS.iter().map(|command| start(*command)).collect();
            let lost = |_| Err(io::Error::other("a thread of the test ended"));
            started.into_iter().map(|thread| thread.join().unwrap_or_else(lost)).collect()
        });
        for outcome in outcomes {
            let Outcome { name, has_ended, time, megabytes, errors } = outcome?;
            report.figure(&format!("{name}: memory"), megabytes as f64, "MB");
            report.figure(&format!("{name}: time"), time.as_secs_f64(), "s");
            report.require("it ends", has_ended);
            report.require("within its memory", megabytes < MOST);
            // `status` only finds out whether there is an index.
            let is_told = name.ends_with("status") || is_reported(&errors);
            report.require("what is missing is reported", is_told);
        }
    }
    Ok(())
}
