//! Clients that attack the address for operators (`--admin`), all from one address, while Prometheus asks for the
//! metrics and a peer asks the index (RFC 9112).
//!
//! It runs in a network namespace: clients on loopback are exempt from the limits of a network.

mod attackers;
mod forms;

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use crate::attack::Setting;
use crate::attack::latency::millis;
use crate::attack::namespace::{is_inside, run_inside};
use crate::attack::report::Report;
use crate::common::programs::{Index, Usage};
use crate::common::talk::{Talk, add, lookup, records};
use attackers::KINDS;

/// Each address of 10.9.0.0/16 is one of this machine.
const SCRIPT: &str = r#"
set -e
ip link set lo up
ip addr add 10.9.0.1/16 dev lo
exec "$@"
"#;

/// The address of all attackers.
const ATTACKER: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 7);
/// Connections of each kind: more in all than one network may have.
const EACH: usize = 5;
/// An honest client gets its reply in this time. It is long for a machine that is busy with other cases.
const SOON: Duration = Duration::from_secs(3);

pub(super) fn operators(setting: &Setting, report: &mut Report) -> io::Result<()> {
    match is_inside() {
        true => attacked(setting, report),
        false => run_inside("operators", SCRIPT, setting, report),
    }
}

fn attacked(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let mut index = Index::with(&["--log", "quiet", "--admin", "0.0.0.0:0"])?;
    let line = index.program()?.line()?;
    let port = line.rsplit(':').next().and_then(|port| port.parse().ok());
    let port: u16 = port.ok_or_else(|| io::Error::other(format!("found `{line}`")))?;
    let admin = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut honest = Honest::join(index.address, admin)?;
    forms::refused(admin, report);
    honest.ask()?;
    let before = index.program()?.usage()?;
    let stop = AtomicBool::new(false);
    let time = Duration::from_secs(setting.size(60, 12));
    let most = thread::scope(|scope| {
        for attack in KINDS.iter().flat_map(|kind| [kind; EACH]) {
            let stop = &stop;
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    // The server may refuse it or close it at any time.
                    let _ = connect(ATTACKER.into(), admin).and_then(|stream| attack(stream, stop));
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
        let most = honest.ask_for(time, &mut || index.program()?.usage());
        stop.store(true, Ordering::Relaxed);
        most
    })?;
    let Honest { count, scrape, lookup, .. } = honest;
    report.figure("scrapes and LOOKUPs meanwhile", count as f64, "");
    report.figure("the longest scrape, on a new connection each time", millis(scrape), "ms");
    report.figure("the longest LOOKUP", millis(lookup), "ms");
    report.require("each scrape is answered within 3 s", scrape < SOON);
    report.require("each LOOKUP is answered within 3 s", lookup < SOON);
    let more = most.memory.saturating_sub(before.memory) as f64 / 1_048_576.0;
    report.figure("memory more than before", more, "MiB");
    report.require("memory: at most 16 MiB more", more <= 16.0);
    report.figure(
        "threads more than before",
        most.threads.saturating_sub(before.threads) as f64,
        "",
    );
    report.require("threads: at most 40 more", most.threads <= before.threads + 40);
    let begun = Instant::now();
    let mut threads = most.threads;
    while threads > before.threads + 4 && begun.elapsed() < Duration::from_secs(30) {
        thread::sleep(Duration::from_millis(100));
        threads = index.program()?.usage()?.threads;
    }
    report.figure(
        "threads after the attack, more than before",
        threads as f64 - before.threads as f64,
        "",
    );
    report.require("its connections have ended", threads <= before.threads + 4);
    Ok(())
}

/// Connects from an address.
fn connect(from: IpAddr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    // Little room for what is not read.
    socket.set_recv_buffer_size(4096)?;
    socket.bind(&SocketAddr::new(from, 0).into())?;
    socket.connect(&SocketAddr::new(from, to.port()).into())?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.set_write_timeout(Some(Duration::from_secs(1)))?;
    Ok(stream)
}

/// Prometheus, and a peer with one record.
struct Honest {
    admin: SocketAddr,
    talk: Talk,
    count: usize,
    /// The longest times until a reply.
    scrape: Duration,
    lookup: Duration,
}

impl Honest {
    fn join(index: SocketAddr, admin: SocketAddr) -> io::Result<Self> {
        let mut talk = Talk::to(index)?;
        talk.ask(add(793, "honest", 5678, "Transmission Control Protocol"))?;
        Ok(Self { admin, talk, count: 0, scrape: Duration::ZERO, lookup: Duration::ZERO })
    }

    fn ask(&mut self) -> io::Result<()> {
        let begun = Instant::now();
        let mut stream = connect(Ipv4Addr::LOCALHOST.into(), self.admin)?;
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut reply = String::new();
        stream.read_to_string(&mut reply)?;
        if !reply.starts_with("HTTP/1.1 200 ") || !reply.contains("\np2p_ci_index_records 1.0\n") {
            return Err(io::Error::other(format!("expected metrics, found {reply}")));
        }
        self.scrape = self.scrape.max(begun.elapsed());
        let begun = Instant::now();
        let reply = self.talk.ask(lookup(793))?;
        if records(&reply).len() != 1 {
            return Err(io::Error::other(format!("expected a record, found {reply}")));
        }
        self.lookup = self.lookup.max(begun.elapsed());
        self.count += 1;
        Ok(())
    }

    /// Asks for this time, and returns the most that the program has used meanwhile.
    fn ask_for(
        &mut self,
        time: Duration,
        usage: &mut dyn FnMut() -> io::Result<Usage>,
    ) -> io::Result<Usage> {
        let begun = Instant::now();
        let mut most = usage()?;
        while begun.elapsed() < time {
            self.ask()?;
            let now = usage()?;
            most.memory = most.memory.max(now.memory);
            most.threads = most.threads.max(now.threads);
            thread::sleep(Duration::from_millis(50));
        }
        Ok(most)
    }
}
