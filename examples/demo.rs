//! The whole system in one command: `cargo run --example demo`.
//!
//! An index and three peers on loopback, over real sockets. A wire tap between each two of them prints the
//! bytes of both sides, as Wireshark's "follow stream" does: the two programs, `C:` for the side that
//! connected, `S:` for the other side. The documents are in `rfc/`.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::escape::escaped;
use p2p_ci::library::{Depth, Library, PartialFile, SharedLibrary};
use p2p_ci::limits;
use p2p_ci::peer::{
    Cancel, DownloadRequest, Downloader, IndexDialect, IndexError, OwnEnd, Query, Registration,
    Source, UploadServer, Uploads, lookup, request_records,
};
use p2p_ci::protocol::{Document, Endpoint, Listing, Record, ReplyPart};
use p2p_ci::server::{Config, Server};

/// The documents that the three peers bring along.
const ALICE: [&str; 2] = ["rfc90001.txt", "rfc90002.txt"];
const BOB: [&str; 1] = ["rfc90003.txt"];

/// Lines of a document that the tap shows.
const SHOWN_LINES: usize = 8;

fn main() -> Result<(), Box<dyn Error>> {
    let root = tempfile::tempdir()?;
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("rfc");
    let screen = Screen::default();

    screen.title("The index starts, and three peers join it");
    let server = Server::bind(&Config {
        listen: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 0))],
        ..Config::default()
    })?;
    let index = server.addresses()?.first().copied().ok_or("the index server has no address")?;
    let stop = server.stop();
    let serving = thread::spawn(move || server.run());
    screen.print(&format!("index listens on {index}"));
    let start = |name, documents: &[&str]| {
        let directory = root.path().join(name);
        fs::create_dir(&directory)?;
        for document in documents {
            fs::copy(samples.join(document), directory.join(document))?;
        }
        Peer::start(name, &directory, index, &screen)
    };
    let alice = start("alice", &ALICE)?;
    let bob = start("bob", &BOB)?;
    let carol = start("carol", &[])?;

    screen.title("Carol asks what there is");
    let records = carol.list()?;
    assert_eq!(records.len(), ALICE.len() + BOB.len());

    screen.title("Carol looks for RFC 90002, fetches it, and shares it on");
    let document = Document::Rfc("90002".parse()?);
    let copy = carol.get(&document)?;
    let original = fs::read(samples.join("rfc90002.txt"))?;
    assert_eq!(fs::read(&copy)?, original, "the copy differs from the original");
    screen.print(&format!("the {} bytes that Carol has are those that Alice has", original.len()));
    assert_eq!(lookup(&carol.registration.queries(), &document, None)?.found.len(), 2);

    screen.title("Alice vanishes");
    drop(alice);
    let start = Instant::now();
    let left = loop {
        let records = bob.list()?;
        if records.len() == BOB.len() + 1 || start.elapsed() > Duration::from_secs(5) {
            break records;
        }
    };
    let holders: Vec<String> = left.iter().map(ToString::to_string).collect();
    assert_eq!(left.len(), BOB.len() + 1, "{holders:?}");
    screen.print("her records are gone; the document that Carol took over from her is still there");

    drop((bob, carol));
    stop.stop();
    let _ = serving.join();
    screen.title("Done: 3 peers, 1 download, 0 differences");
    Ok(())
}

/// A peer with taps at both of its doors.
struct Peer {
    registration: Registration,
    library: SharedLibrary,
    own: Endpoint,
    _uploads: UploadServer,
}

impl Peer {
    fn start(
        name: &'static str,
        directory: &Path,
        index: SocketAddr,
        screen: &Screen,
    ) -> Result<Self, Box<dyn Error>> {
        let library = Library::scan(directory, Depth::Directory)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let uploads = UploadServer::start(listener, library.clone(), Uploads::default())?;
        let door = tap("carol", name, uploads.address(), screen)?;
        let index = tap(name, "index", index, screen)?;
        // Only the protocol as the handout has it is to be seen here.
        let dialect = IndexDialect::plain();
        let registration = Registration::start(
            index,
            OwnEnd::at(door.port),
            library.clone(),
            dialect,
            limits::Registration::default(),
            |_| {},
        )?;
        registration.wait(&Cancel::new())?;
        let own = registration.own().ok_or("not connected")?;
        Ok(Self { registration, library, own, _uploads: uploads })
    }

    fn list(&self) -> Result<Vec<Record>, IndexError> {
        let mut records = Vec::new();
        // An index on the same machine sends it to its end.
        let _ = request_records(
            &self.registration.queries(),
            Query::List(Listing::Rfcs),
            &mut |part| {
                if let ReplyPart::Record(record) = part {
                    records.push(record);
                }
                ControlFlow::Continue(())
            },
        )?;
        Ok(records)
    }

    /// LOOKUP, GET, save, ADD: what `get` does in the shell.
    fn get(&self, document: &Document) -> Result<PathBuf, Box<dyn Error>> {
        let mut holdings = lookup(&self.registration.queries(), document, None)?.found;
        holdings.retain(|holding| holding.record.holder != self.own);
        let sources = holdings.into_iter().map(Source::from).collect();
        let wanted = DownloadRequest { document: document.clone(), sources, digest: None };
        let path = self.library.read().target_for(document)?.path();
        let mut incoming = PartialFile::begin(&path)?;
        Downloader::default().download(&wanted, &mut incoming, &mut |_| {})?;
        incoming.commit(false)?;
        self.library.add_file(&path, None)?;
        self.registration.update(std::slice::from_ref(document), &Cancel::new())?;
        Ok(path)
    }
}

/// A wire tap: listens, connects on, and shows what passes. Returns where it listens.
fn tap(
    client: &'static str,
    server: &'static str,
    address: SocketAddr,
    screen: &Screen,
) -> Result<Endpoint, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = listener.local_addr()?.to_string().parse()?;
    let screen = screen.clone();
    thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let Ok(far) = TcpStream::connect(address) else { return };
            let (near, far) = (Arc::new(near), Arc::new(far));
            let names = format!("{client} → {server}");
            relay(&near, &far, format!("{names:<15} C: "), &screen);
            relay(&far, &near, format!("{names:<15} S: "), &screen);
        }
    });
    Ok(here)
}

/// Passes bytes on in one direction, and shows them.
fn relay(from: &Arc<TcpStream>, to: &Arc<TcpStream>, prefix: String, screen: &Screen) {
    let (from, to, screen) = (Arc::clone(from), Arc::clone(to), screen.clone());
    thread::spawn(move || {
        let mut chunk = [0; 64 * 1024];
        let mut document = Shown::default();
        while let Ok(count @ 1..) = (&*from).read(&mut chunk) {
            let Some(read) = chunk.get(..count) else { break };
            screen.show(&prefix, read, &mut document);
            if (&*to).write_all(read).is_err() {
                break;
            }
        }
        // The other side may have closed already.
        let _ = to.shutdown(Shutdown::Write);
    });
}

/// How much of a document was shown: its head, and the first lines.
#[derive(Default)]
struct Shown {
    in_document: bool,
    lines: usize,
}

impl Shown {
    /// Whether a line is to be shown.
    fn shows(&mut self, line: &str) -> bool {
        if line.starts_with("Content-Type:") {
            self.in_document = true;
        }
        if self.in_document && !line.trim().is_empty() {
            self.lines += 1;
        }
        self.lines <= SHOWN_LINES
    }
}

/// Where lines appear, one segment at a time.
#[derive(Clone, Default)]
struct Screen(Arc<Mutex<()>>);

impl Screen {
    fn title(&self, text: &str) {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        print(format_args!("\n── {text}"));
    }

    fn print(&self, text: &str) {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        print(text);
    }

    fn show(&self, prefix: &str, bytes: &[u8], document: &mut Shown) {
        let _turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(bytes);
        let mut hidden = 0;
        for line in text.lines() {
            if document.shows(line) {
                print(format_args!("{prefix}{}", escaped(line)));
            } else {
                hidden += 1;
            }
        }
        if hidden > 0 {
            let lines = if hidden == 1 { "line" } else { "lines" };
            print(format_args!("{prefix}… and {hidden} more {lines}"));
        }
    }
}

/// Prints a line. The reader of a pipe may have closed it, as `head` does; the demo then runs to its
/// end without output.
fn print(line: impl Display) {
    let _ = writeln!(io::stdout(), "{line}");
}
