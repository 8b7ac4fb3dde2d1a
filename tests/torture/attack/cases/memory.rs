//! Records of every shape until the index refuses them, in little memory (protocol.md section 7).

use std::io;
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::attack::Setting;
use crate::attack::latency::millis;
use crate::attack::report::Report;
use crate::common::programs::{Index, Program, command};
use crate::common::talk::{FROM, Talk, lookup, records, status};

/// Requests that are sent together.
const TOGETHER: usize = 100;
/// Connections that must have been refused a record.
const REFUSED: usize = 12;

/// A kind of records: what the number of a connection and of a record make.
type Shape = fn(usize, usize) -> String;

fn add(document: &str, host: &str, port: usize, title: &str) -> String {
    format!("ADD {document} P2P-CI/1.0\r\nHost: {host}\r\nPort: {port}\r\nTitle: {title}\r\n\r\n")
}

const SHAPES: [(&str, Shape); 11] = [
    ("the longest names, hosts and titles", |peer, at| {
        let (name, host, title) = ("n".repeat(230), "h".repeat(240), "t".repeat(500));
        add(
            &format!("FILE {peer}-{at}-{name}"),
            &format!("{peer}.{host}"),
            1,
            &format!("{at}{title}"),
        )
    }),
    ("a long host for each record", |peer, at| {
        add(&format!("RFC {}", at + 1), &format!("{peer}.{at}.{}", "h".repeat(230)), 1, "T")
    }),
    ("a port for each record", |peer, at| add("RFC 1", &format!("h{peer}"), at + 1, "T")),
    ("titles of one document", |peer, at| {
        add("RFC 1", &format!("h{peer}.{at}"), 1, &format!("{peer}-{at}{}", "t".repeat(500)))
    }),
    ("documents of one holder each", |peer, at| {
        add(&format!("RFC {}", peer * 40_000 + at + 1), &format!("h{peer}"), 1, "T")
    }),
    ("equal records of all connections", |_, at| add(&format!("RFC {}", at + 1), "h", 1, "T")),
    ("pairs of titles that share all words", |peer, at| {
        let words = (0..30).map(|word| format!("{:016x}", scattered(peer, at / 2 * 30 + word)));
        with_title(peer, at, &words.collect::<Vec<_>>().join(" "))
    }),
    ("titles of words that differ in one letter", |peer, at| {
        let words = (0..30).map(|word| {
            format!("abcdefghijk{:05x}", (peer * 1_200_000 + at * 30 + word) % 0xf_ffff)
        });
        with_title(peer, at, &words.collect::<Vec<_>>().join(" "))
    }),
    ("titles of as many words as possible", |peer, at| {
        let words =
            (0..64).map(|word| format!("{:07x}", scattered(peer, at * 64 + word) % 0xfff_ffff));
        with_title(peer, at, &words.collect::<Vec<_>>().join(" "))
    }),
    ("titles of words of another script", |peer, at| {
        let word = |word| {
            let letters = (0..8).filter_map(move |letter| {
                let number = scattered(peer, (at / 2 * 30 + word) * 8 + letter) % 24;
                char::from_u32(0x3b1 + number as u32)
            });
            letters.collect::<String>()
        };
        with_title(peer, at, &(0..28).map(word).collect::<Vec<_>>().join(" "))
    }),
    ("titles that are replaced by others", |peer, at| {
        let words = (0..30).map(|word| format!("{:016x}", scattered(peer, at / 2 * 30 + word)));
        with_title(peer, at % 5000, &words.collect::<Vec<_>>().join(" "))
    }),
];

/// An ADD of a document that no other connection adds.
fn with_title(peer: usize, at: usize, title: &str) -> String {
    add(&format!("RFC {}", peer * 40_000 + at + 1), &format!("h{peer}"), 1, title)
}

/// A number that looks random.
fn scattered(peer: usize, at: usize) -> u64 {
    let seed = (peer * RECORDS * 500 + at) as u64;
    let product = u128::from(seed + 1) * 0x9e37_79b9_7f4a_7c15_f39c_c060;
    (product >> 40) as u64
}

pub(super) fn memory(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let address_space = setting.size(1 << 30, 256 << 20);
    for (name, shape) in SHAPES {
        report.figure(name, (address_space >> 20) as f64, "MiB of address space");
        feed(address_space, shape, report)?;
    }
    Ok(())
}

/// Feeds a server of this address space, without any option, until it refuses.
fn feed(address_space: u64, shape: Shape, report: &mut Report) -> io::Result<()> {
    let script = format!("ulimit -v {}; exec -a server \"$0\" \"$@\"", address_space >> 10);
    let mut server = Command::new("bash");
    server.args(["-c", &script]).arg(command("server")?.get_program());
    server.args(["--listen", "127.0.0.1:0", "--log", "quiet"]).env_remove("RUST_LOG");
    let mut index = Index::of(Program::start(server)?)?;
    let address = index.address;
    let mut peers = Vec::new();
    let (mut refused, mut added) = (0, 0);
    // The slowest shape needs a hundred connections for 1 GiB.
    while refused < REFUSED && peers.len() < 500 {
        let number = peers.len();
        let mut talk = Talk::from(2048 + number as u16, address)?;
        let count = fill(&mut talk, number, shape)?;
        added += count;
        refused += usize::from(count < RECORDS);
        peers.push(talk);
    }
    report.figure("records until it refuses", added as f64, "");
    report.require("it refuses by 503", refused == REFUSED);
    let served = others_are_served(address)?;
    report.require("meanwhile 100 new connections are accepted and LOOKUP is answered", served);
    let mut talk = Talk::to(address)?;
    let begun = std::time::Instant::now();
    for listing in ["ALL", "FILES"] {
        let is_answered = is_listed(&mut talk, listing)?;
        report.require(&format!("LIST {listing} is answered"), is_answered);
    }
    report.figure("both lists take", millis(begun.elapsed()), "ms");
    let memory = settled_memory(&mut index)?;
    let limit = address_space / 2;
    report.figure("memory", memory as f64 / f64::from(1 << 20), "MiB");
    report.require("memory is below 1.25 x the limit", memory < limit + limit / 4);
    // Records of peers that leave make room, whatever is added then.
    drop(peers);
    let mut talk = Talk::from(1024, address)?;
    let begun = std::time::Instant::now();
    let has_room = loop {
        let reply = talk.ask(add("RFC 77", "h", 1, "T"))?;
        if status(&reply) == "200" {
            break true;
        }
        if begun.elapsed() > Duration::from_secs(10) {
            break false;
        }
    };
    report.require("there is room when they have left", has_room);
    Ok(())
}

/// The memory of the server when it has entered the titles that were waiting for the search structure:
/// when it has taken no processor time for longer than its thread pauses in between.
fn settled_memory(index: &mut Index) -> io::Result<u64> {
    const POLL: Duration = Duration::from_millis(25);
    const IDLE_POLLS: usize = 8;
    let mut before = index.program()?.usage()?;
    let mut idle = 0;
    for _ in 0..1200 {
        std::thread::sleep(POLL);
        let now = index.program()?.usage()?;
        let is_idle = now.processor <= before.processor && now.memory == before.memory;
        idle = if is_idle { idle + 1 } else { 0 };
        before = now;
        if idle == IDLE_POLLS {
            break;
        }
    }
    Ok(before.memory)
}

/// Records of one connection.
const RECORDS: usize = 40_000;

/// Adds records until one is refused; returns how many were added.
fn fill(talk: &mut Talk, peer: usize, shape: Shape) -> io::Result<usize> {
    let mut added = 0;
    for first in (0..RECORDS).step_by(TOGETHER) {
        let mut requests: String = (first..first + TOGETHER).map(|at| shape(peer, at)).collect();
        // Its reply ends the others.
        requests.push_str(&lookup(999_999_999));
        talk.say(requests)?;
        // With some congestion controls the second part of the replies waits until the first is
        // acknowledged, which takes 40 ms otherwise.
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&talk.stream).set_tcp_quickack(true)?;
        let mut taken = 0;
        loop {
            let reply = talk.reply()?;
            match status(&reply) {
                "200" => taken += 1,
                "503" => {}
                "404" => break,
                _ => return Err(io::Error::other(format!("found {reply:?}"))),
            }
        }
        added += taken;
        if taken < TOGETHER {
            break;
        }
    }
    Ok(added)
}

/// Reads a list, which may be hundreds of megabytes, without storing it.
fn is_listed(talk: &mut Talk, listing: &str) -> io::Result<bool> {
    talk.say(format!("LIST {listing} P2P-CI/1.0\r\n{FROM}\r\n"))?;
    let mut first = Vec::new();
    match talk.read_reply(&mut |bytes| {
        first.extend_from_slice(&bytes[..bytes.len().min(64 - first.len())])
    }) {
        Ok(()) => Ok(status(&String::from_utf8_lossy(&first)) == "200"),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn others_are_served(address: SocketAddr) -> io::Result<bool> {
    let mut talks = (0..100).map(|_| Talk::to(address)).collect::<io::Result<Vec<_>>>()?;
    let mut served = 0;
    for talk in &mut talks {
        let reply = talk.ask(lookup(999_999_998))?;
        served += usize::from(status(&reply) == "404" && records(&reply).is_empty());
    }
    Ok(served == talks.len())
}
