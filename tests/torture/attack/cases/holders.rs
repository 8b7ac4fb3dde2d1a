//! Holders that never answer or stop, and false records (protocol.md section 7).

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::library::Hasher;

use crate::attack::Setting;
use crate::attack::report::Report;
use crate::common::programs::{Index, Peer, peer_command};
use crate::common::talk::{Talk, add};

/// The behaviour of a holder after a request.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Silent,
    /// A byte of the head each second.
    Drips,
    /// The head, this much of the document, and nothing more.
    Stops(usize),
    /// The head, all that was requested of 400,000 bytes but the last one, and nothing more.
    LacksLast,
    /// The head, a bit of the document, and then less than the minimum rate.
    Trickles,
    /// The head with a false digest, and false bytes as fast as they are taken.
    Lies,
    Resets,
}

const HEAD: &str = "P2P-CI/1.0 200 OK\r\nOS: test\r\nContent-Length: 9000000\r\nDigest: sha-256=\
                    cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc\r\n\r\n";

impl Kind {
    fn act(self, stream: &mut TcpStream) -> io::Result<()> {
        let mut request = [0; 4096];
        let count = stream.read(&mut request)?;
        if count == 0 {
            return Ok(());
        }
        match self {
            Self::Silent => {}
            Self::Drips => {
                for byte in HEAD.bytes() {
                    stream.write_all(&[byte])?;
                    thread::sleep(Duration::from_secs(1));
                }
            }
            Self::Stops(bytes) => {
                stream.write_all(HEAD.as_bytes())?;
                stream.write_all(&vec![b'x'; bytes])?;
            }
            Self::LacksLast => {
                let request = String::from_utf8_lossy(request.get(..count).unwrap_or_default());
                let first = request.split("bytes=").nth(1).and_then(|it| it.split('-').next());
                let first = first.and_then(|first| first.parse().ok()).unwrap_or(0);
                let count = 400_000_usize.saturating_sub(first);
                let status = match first {
                    0 => "200 OK\r\n".into(),
                    _ => format!(
                        "206 Partial Content\r\nContent-Range: bytes {first}-399999/400000\r\n"
                    ),
                };
                let digest = "ab".repeat(32);
                let head = format!(
                    "P2P-CI/1.0 {status}Content-Length: {count}\r\n\
                     Digest: sha-256={digest}\r\n\r\n"
                );
                stream.write_all(head.as_bytes())?;
                stream.write_all(&vec![b'x'; count.saturating_sub(1)])?;
            }
            Self::Trickles => {
                stream.write_all(HEAD.as_bytes())?;
                stream.write_all(&[b'x'; 17_000])?;
                loop {
                    thread::sleep(Duration::from_millis(250));
                    stream.write_all(&[b'x'; 225])?;
                }
            }
            Self::Lies => {
                stream.write_all(HEAD.as_bytes())?;
                return stream.write_all(&vec![b'x'; 9_000_000]);
            }
            Self::Resets => {
                socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
                return Ok(());
            }
        }
        // Until the peer closes.
        stream.read_to_end(&mut Vec::new()).map(drop)
    }
}

/// Starts a holder; `open` counts its connections.
pub(super) fn holder(
    host: Ipv4Addr,
    kind: Kind,
    open: &Arc<AtomicUsize>,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((host, 0))?;
    let address = listener.local_addr()?;
    let open = Arc::clone(open);
    let accept = move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            open.fetch_add(1, Ordering::SeqCst);
            let open = Arc::clone(&open);
            thread::spawn(move || {
                // A peer that goes away is no reason to complain.
                let _ = kind.act(&mut stream);
                drop(stream);
                open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    };
    thread::Builder::new().stack_size(64 * 1024).spawn(accept)?;
    Ok(address)
}

/// An index, an honest holder that is registered at another one, and a peer's directory.
pub(super) struct Scene {
    root: tempfile::TempDir,
    index: Index,
    talk: Talk,
    pub(super) open: Arc<AtomicUsize>,
    pub(super) honest: SocketAddr,
    _peer: Peer,
    _other: Index,
}

impl Scene {
    pub(super) fn new(documents: u32) -> io::Result<Self> {
        let root = tempfile::tempdir()?;
        let shared = root.path().join("shared");
        fs::create_dir(&shared)?;
        for number in 1..=documents {
            fs::write(shared.join(format!("rfc{number}.txt")), document(number))?;
        }
        let other = Index::with(&["--log", "quiet"])?;
        let peer = Peer::share(other.address, &shared, &[])?;
        let index = Index::with(&["--log", "quiet"])?;
        let talk = Talk::to(index.address)?;
        let (open, honest) = (Arc::default(), peer.upload);
        Ok(Self { root, index, talk, open, honest, _peer: peer, _other: other })
    }

    /// Registers a document of a holder. Of equally fast holders the newest record is asked first.
    pub(super) fn add(&mut self, number: u32, at: SocketAddr) -> io::Result<()> {
        self.talk.ask(add(number, &at.ip().to_string(), at.port(), "T")).map(drop)
    }

    /// Registers a document of a holder with a name.
    pub(super) fn add_host(&mut self, number: u32, host: &str) -> io::Result<()> {
        self.talk.ask(add(number, host, 9, "T")).map(drop)
    }

    /// A new directory of a peer.
    pub(super) fn directory(&self, name: &str) -> io::Result<PathBuf> {
        let mine = self.root.path().join(name);
        fs::create_dir(&mine)?;
        Ok(mine)
    }

    /// The command line of a peer with this directory.
    pub(super) fn command(&self, mine: &Path, arguments: &[&str]) -> io::Result<Command> {
        let mut command = peer_command(&self.index.address.to_string(), mine, arguments)?;
        let state = mine.join(".state");
        command.env("XDG_STATE_HOME", &state).env("XDG_CACHE_HOME", &state);
        Ok(command)
    }

    fn add_false(&mut self, at: SocketAddr, digest: &str, length: usize) -> io::Result<()> {
        let request = add(1, &at.ip().to_string(), at.port(), "A False Title");
        let request = request.trim_end();
        let attributes = format!("\r\nDigest: {digest}\r\nLength: {length}\r\n\r\n");
        self.talk.ask(format!("{request}{attributes}")).map(drop)
    }

    /// Runs a peer in a new directory; returns how long it took, and how many connections to other
    /// holders than the honest one there were at a time.
    pub(super) fn run(
        &self,
        name: &str,
        arguments: &[&str],
    ) -> io::Result<(PathBuf, Output, Duration, usize)> {
        let mine = self.directory(name)?;
        let mut command = self.command(&mine, arguments)?;
        let begun = Instant::now();
        let run = thread::spawn(move || command.output());
        let mut most = 0;
        while !run.is_finished() {
            let open = self.open.load(Ordering::SeqCst);
            thread::sleep(Duration::from_millis(20));
            // A connection that was closed a moment ago may not have ended here yet.
            most = most.max(open.min(self.open.load(Ordering::SeqCst)));
        }
        let output = run.join().map_err(|_| io::Error::other("a panic"))??;
        Ok((mine, output, begun.elapsed(), most))
    }
}

fn document(number: u32) -> Vec<u8> {
    format!("The document {number}, as its author wrote it.\n").repeat(40).into_bytes()
}

pub(super) fn is_right(directory: &Path, number: u32) -> bool {
    let found = fs::read(directory.join(format!("rfc{number}.txt")));
    found.is_ok_and(|bytes| bytes == document(number))
}

/// `get` and `sync` among holders that do not answer, in as many networks.
pub(super) fn silent(setting: &Setting, report: &mut Report) -> io::Result<()> {
    let count: u8 = setting.size(200, 16);
    let mut scene = Scene::new(1)?;
    scene.add(1, scene.honest)?;
    for number in 0..count {
        let kind = match number % 8 {
            0 => Kind::Drips,
            1 => Kind::Stops(0),
            2 => Kind::Stops(1000),
            3 => Kind::Resets,
            _ => Kind::Silent,
        };
        let at = holder(Ipv4Addr::new(127, 7, number, 1), kind, &scene.open)?;
        scene.add(1, at)?;
    }
    let (mine, _, time, _) = scene.run("get", &["get", "1"])?;
    report.figure("holders that do not answer", f64::from(count), "");
    report.figure("the document is here after", time.as_secs_f64(), "s");
    report.require("the honest holder is found", is_right(&mine, 1));
    report.require_time("in time", time < setting.size(60, 15) * Duration::from_secs(1));

    let mut scene = Scene::new(1)?;
    scene.add(1, scene.honest)?;
    for _ in 0..count {
        let at = holder(Ipv4Addr::new(127, 8, 0, 1), Kind::Silent, &scene.open)?;
        scene.add(1, at)?;
    }
    let (mine, _, time, _) = scene.run("get", &["get", "1"])?;
    report.figure("all of them in one network", time.as_secs_f64(), "s");
    report.require("they have one turn together", is_right(&mine, 1));
    report.require_time("in time", time < Duration::from_secs(15));

    let (documents, count) = setting.size((100, 30), (20, 12));
    let mut scene = Scene::new(documents)?;
    for number in 1..=documents {
        scene.add(number, scene.honest)?;
    }
    for number in 0..count {
        let at = holder(Ipv4Addr::new(127, 9, number, 1), Kind::Silent, &scene.open)?;
        for number in 1..=documents {
            scene.add(number, at)?;
        }
    }
    let (mine, _, time, most) = scene.run("sync", &["sync"])?;
    report.figure("documents of a sync", f64::from(documents), "");
    report.figure("are here after", time.as_secs_f64(), "s");
    report.figure("connections to silent holders at a time", most as f64, "");
    report.require("all are right", (1..=documents).all(|number| is_right(&mine, number)));
    report.require("at most 8 connections to them", most <= 8);
    report.require_time("in time", time < Duration::from_secs(30));
    Ok(())
}

/// Attributes in the index that are false, of other holders and of the honest one.
pub(super) fn false_records(_: &Setting, report: &mut Report) -> io::Result<()> {
    const FALSE: &str = "sha-256=cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc";
    let right = {
        let mut hasher = Hasher::default();
        hasher.update(&document(1));
        hasher.finish().to_string()
    };
    let dishonest_holders = [
        ("none", None),
        ("a silent holder", Some(Kind::Silent)),
        ("a holder that stops", Some(Kind::Stops(100_000))),
        ("a holder that sends false bytes", Some(Kind::Lies)),
    ];
    for (name, kind) in dishonest_holders {
        let mut scene = Scene::new(1)?;
        scene.add(1, scene.honest)?;
        let host = Ipv4Addr::new(127, 7, 0, 1);
        let at = match kind {
            Some(kind) => holder(host, kind, &scene.open)?,
            None => TcpListener::bind((host, 0))?.local_addr()?,
        };
        scene.add_false(at, FALSE, 9_000_000)?;
        let (mine, _, time, _) = scene.run("get", &["get", "1"])?;
        report.require(&format!("{name} hides no honest holder"), is_right(&mine, 1));
        report.require_time("in time", time < Duration::from_secs(40));
    }

    let mut scene = Scene::new(1)?;
    scene.add_false(scene.honest, FALSE, 9_000_000)?;
    let (mine, output, ..) = scene.run("own", &["get", "1"])?;
    report.require("false attributes of the holder are hints", is_right(&mine, 1));
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    report.require("the digest is the holder's", line.contains("as announced by its holder"));

    let mut scene = Scene::new(1)?;
    scene.add_false(scene.honest, &right, document(1).len())?;
    // Of the second network there is only the vote.
    let gone = TcpListener::bind((Ipv4Addr::new(127, 7, 0, 2), 0))?.local_addr()?;
    scene.add_false(gone, &right, document(1).len())?;
    for _ in 0..3 {
        let at = holder(Ipv4Addr::new(127, 7, 0, 1), Kind::Lies, &scene.open)?;
        scene.add_false(at, FALSE, 9_000_000)?;
    }
    let (mine, output, ..) = scene.run("votes", &["get", "1"])?;
    let line = String::from_utf8_lossy(&output.stdout).into_owned();
    report.require("three endpoints of one network have one vote", is_right(&mine, 1));
    report.require("two networks agree", line.contains("as 2 holders agree"));
    Ok(())
}
