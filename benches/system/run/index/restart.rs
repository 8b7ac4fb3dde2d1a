//! An index server restarts, and all peers register again.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, thread};

use p2p_ci::library::{Depth, Library};
use p2p_ci::limits;
use p2p_ci::net::Interface;
use p2p_ci::peer::{Event, IndexDialect, OwnEnd, Registration};
use p2p_ci::protocol::{Endpoint, Port};
use rustix::process::Signal;

use crate::common::programs::{PATIENCE, Program, command};
use crate::common::talk::{Talk, lookup};
use crate::run::Setting;
use crate::run::findings::Findings;

const SECTION: &str = "index, restart";
/// Time from the end of the server until its start.
const DOWN: Duration = Duration::from_secs(2);
/// Documents of each peer.
const DOCUMENTS: u32 = 20;

/// Peers that stay registered, each with a connection and a thread of its own as in a program.
struct Peers {
    registered: Arc<AtomicUsize>,
    _registrations: Vec<Registration>,
}

impl Peers {
    fn start(count: usize, index: SocketAddr, directory: &std::path::Path) -> io::Result<Self> {
        let registered = Arc::new(AtomicUsize::new(0));
        let index: Endpoint = index.to_string().parse().map_err(io::Error::other)?;
        let library = Library::scan(directory, Depth::Directory)?;
        let start = |number: usize| {
            let counter = Arc::clone(&registered);
            let count = move |event| {
                if let Event::Registered(_) = event {
                    counter.fetch_add(1, Ordering::Relaxed);
                }
            };
            let port = u16::try_from(10_000 + number).map_err(io::Error::other)?;
            let port = Port::try_from(port).map_err(io::Error::other)?;
            let own = OwnEnd { host: None, port, interface: Interface::default() };
            let (dialect, limits) = (IndexDialect::default(), limits::Registration::default());
            Registration::start(index.clone(), own, library.clone(), dialect, limits, count)
        };
        let registrations = (0..count).map(start).collect::<io::Result<_>>()?;
        Ok(Self { registered, _registrations: registrations })
    }

    /// Waits until this number of registrations has been made since the start.
    fn wait_for(&self, count: usize) -> io::Result<()> {
        let begun = Instant::now();
        while self.registered.load(Ordering::Relaxed) < count {
            if begun.elapsed() > PATIENCE * 3 {
                let found = self.registered.load(Ordering::Relaxed);
                return Err(io::Error::other(format!("expected {count} peers, found {found}")));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

fn server(address: SocketAddr) -> io::Result<Program> {
    let mut command = command("server")?;
    command.args(["--log", "quiet", "--listen", &address.to_string()]);
    let mut server = Program::start(command)?;
    server.line()?;
    Ok(server)
}

/// The time from the start of the server until the last peer is registered.
pub(crate) fn restart(setting: &Setting, findings: &mut Findings) -> io::Result<()> {
    let count = setting.size(1000, 200);
    let rounds = setting.size(setting.rounds, 1);
    let directory = tempfile::tempdir()?;
    for number in 1..=DOCUMENTS {
        fs::write(directory.path().join(format!("rfc{number}.txt")), number.to_string())?;
    }
    let (mut all, mut half) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut first = server(free)?;
        let peers = Peers::start(count, free, directory.path())?;
        peers.wait_for(count)?;
        first.signal(Signal::TERM)?;
        first.wait()?;
        thread::sleep(DOWN);
        let second = server(free)?;
        let started = Instant::now();
        peers.wait_for(count + count / 2)?;
        half.push(started.elapsed().as_secs_f64());
        peers.wait_for(2 * count)?;
        all.push(started.elapsed().as_secs_f64());
        let found = Talk::to(free)?.ask(lookup(DOCUMENTS))?.lines().count();
        if found < count {
            return Err(io::Error::other(format!("expected {count} records, found {found} lines")));
        }
        drop((peers, second));
    }
    let down = DOWN.as_secs();
    let work = format!("{count} peers registered again after {down} s without the server: half");
    findings.figure(SECTION, work, &half, "s");
    findings.figure(SECTION, "… all", &all, "s");
    Ok(())
}
