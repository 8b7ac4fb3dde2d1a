//! Holders that never answer, and records that say what is not true.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{Index, folder, run_peer};
use p2p_ci::library::{Depth, Incoming, Library, PartFiles, SaveTarget};
use p2p_ci::peer::{
    Expected, FetchError, Fetched, Fetcher, Happening, Order, Source, UploadServer, Uploads,
    Wanted, fetch_all,
};
use p2p_ci::protocol::{Content, Digest, Document, Endpoint};

/// Connections to unproven holders that there may be at a time.
const CONNECTIONS: usize = 8;

const STACK: usize = 64 * 1024;

/// Holders that accept connections and never say anything. Counts how many there are at a time.
struct Silent {
    sources: Vec<Source>,
    most: Arc<AtomicUsize>,
}

fn silent(addresses: impl Iterator<Item = Ipv4Addr>) -> Silent {
    let (open, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let listen = |address: Ipv4Addr| {
        let listener = TcpListener::bind((address, 0)).unwrap();
        let source = endpoint(listener.local_addr().unwrap()).into();
        let (open, most) = (Arc::clone(&open), Arc::clone(&most));
        let accept = move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                open.fetch_add(1, Ordering::SeqCst);
                let ended = Arc::clone(&open);
                let serve = move || {
                    // Until the peer closes.
                    let _ = std::io::copy(&mut stream, &mut std::io::sink());
                    ended.fetch_sub(1, Ordering::SeqCst);
                };
                thread::Builder::new().stack_size(STACK).spawn(serve).unwrap();
                most.fetch_max(settled(&open), Ordering::SeqCst);
            }
        };
        thread::Builder::new().stack_size(STACK).spawn(accept).unwrap();
        source
    };
    Silent { sources: addresses.map(listen).collect(), most }
}

/// How many connections are open. More than the limit are counted only if they stay: a connection
/// that the peer has closed before it made the next one may not have ended here yet.
fn settled(open: &AtomicUsize) -> usize {
    let begun = Instant::now();
    while open.load(Ordering::SeqCst) > CONNECTIONS && begun.elapsed() < Duration::from_millis(500)
    {
        thread::yield_now();
    }
    open.load(Ordering::SeqCst)
}

fn endpoint(address: SocketAddr) -> Endpoint {
    address.to_string().parse().unwrap()
}

/// An honest holder of a directory.
fn honest(folder: &Path, address: Ipv4Addr) -> (UploadServer, Source) {
    let listener = TcpListener::bind((address, 0)).unwrap();
    let library = Library::scan(folder, Depth::Folder).unwrap();
    let server = UploadServer::start(listener, library, Uploads::default()).unwrap();
    let source = endpoint(server.address()).into();
    (server, source)
}

fn shared(root: &Path, documents: usize) -> PathBuf {
    let folder = folder(root, "honest", &[]);
    for number in 1..=documents {
        fs::write(folder.join(format!("rfc{number}.txt")), number.to_string()).unwrap();
    }
    folder
}

fn wanted(number: usize, sources: Vec<Source>) -> Wanted {
    let document = Document::Rfc(number.to_string().parse().unwrap());
    Wanted { document, sources, digest: None }
}

/// Fetches RFC 1 from silent holders and an honest one, which is last.
fn fetch(addresses: impl Iterator<Item = Ipv4Addr>, most: Duration) {
    let root = tempfile::tempdir().unwrap();
    let silent = silent(addresses);
    let (_server, honest) = honest(&shared(root.path(), 1), Ipv4Addr::LOCALHOST);
    let mut sources = silent.sources;
    sources.push(honest.clone());
    let mut incoming = Incoming::begin(&root.path().join("rfc1.txt")).unwrap();
    let begun = Instant::now();
    let fetched = Fetcher::default().fetch(&wanted(1, sources), &mut incoming, &mut |_| {});
    assert_eq!(fetched.unwrap().holders, [honest.holder]);
    assert!(begun.elapsed() < most, "{:?}", begun.elapsed());
    let concurrent = silent.most.load(Ordering::SeqCst);
    assert!(concurrent <= CONNECTIONS, "{concurrent} connections to unproven holders");
}

#[test]
fn a_few_silent_holders_cost_a_few_seconds() {
    fetch(std::iter::repeat_n(Ipv4Addr::LOCALHOST, 5), Duration::from_secs(10));
}

#[test]
fn many_silent_holders_in_one_network_are_one() {
    fetch(std::iter::repeat_n(Ipv4Addr::new(127, 0, 9, 9), 40), Duration::from_secs(10));
}

#[test]
fn silent_holders_in_as_many_networks_are_tried_a_few_at_a_time() {
    let addresses = (0..60u8).map(|number| Ipv4Addr::new(127, 1, number, 1));
    fetch(addresses, Duration::from_secs(25));
}

#[test]
fn many_documents_with_silent_holders() {
    let root = tempfile::tempdir().unwrap();
    let silent = silent((0..30u8).map(|number| Ipv4Addr::new(127, 3, number, 1)));
    let (_server, honest) = honest(&shared(root.path(), 100), Ipv4Addr::LOCALHOST);
    let mut sources = silent.sources;
    sources.push(honest);
    let mine = folder(root.path(), "mine", &[]);
    let orders = (1..=100).map(|number| Order {
        wanted: wanted(number, sources.clone()),
        target: SaveTarget::file(&mine.join(format!("rfc{number}.txt"))),
        overwrite: false,
    });
    let begun = Instant::now();
    let mut count = 0;
    let parts = PartFiles::in_folder(&mine);
    let outcome =
        fetch_all(
            &Fetcher::default(),
            &parts,
            orders.collect(),
            &mut |happening| match happening {
                Happening::Fetched(..) => count += 1,
                Happening::GivenUp(_, error) => panic!("{error}"),
                _ => {}
            },
        );
    outcome.unwrap();
    assert_eq!(count, 100);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    let concurrent = silent.most.load(Ordering::SeqCst);
    assert!(concurrent <= CONNECTIONS, "{concurrent} connections to unproven holders");
}

/// Fetches RFC 1 of this content; `change` makes sources of the honest ones at 127.0.0.1 and
/// 127.0.0.2, which have a document each.
fn fetch_from(
    one: &[u8],
    other: &[u8],
    change: impl FnOnce(Source, Source) -> Vec<Source>,
) -> (Result<Fetched, FetchError>, Vec<u8>) {
    let root = tempfile::tempdir().unwrap();
    let holder = |name, bytes, last| {
        let folder = folder(root.path(), name, &[("rfc1.txt", bytes)]);
        honest(&folder, Ipv4Addr::new(127, 0, 0, last))
    };
    let ((_one, first), (_other, second)) = (holder("one", one, 1), holder("other", other, 2));
    let target = root.path().join("rfc1.txt");
    let mut incoming = Incoming::begin(&target).unwrap();
    let sources = change(first, second);
    let fetched = Fetcher::default().fetch(&wanted(1, sources), &mut incoming, &mut |_| {});
    if fetched.is_ok() {
        incoming.finish(false).unwrap();
    }
    (fetched, fs::read(&target).unwrap_or_default())
}

fn claiming(source: &Source, byte: u8, length: u64) -> Source {
    let content = Content { digest: Some(Digest::new([byte; 32])), length: Some(length) };
    Source { content, ..source.clone() }
}

#[test]
fn a_false_digest_of_another_holder_hides_nothing() {
    let (fetched, bytes) = fetch_from(b"right", b"wrong", |one, other| {
        // The other one is claimed to have a large document, and is gone.
        let gone = TcpListener::bind("127.0.0.3:0").unwrap().local_addr().unwrap();
        drop(other);
        vec![claiming(&endpoint(gone).into(), 0xcc, 9_000_000), one]
    });
    assert_eq!(fetched.unwrap().expected, Expected::Holder);
    assert_eq!(bytes, b"right");
}

#[test]
fn a_false_digest_for_the_holder_itself_is_a_hint() {
    for length in [5, 9_000_000] {
        let (fetched, bytes) =
            fetch_from(b"right", b"wrong", |one, _| vec![claiming(&one, 0xcc, length)]);
        assert_eq!(fetched.unwrap().expected, Expected::Holder);
        assert_eq!(bytes, b"right");
    }
}

#[test]
fn endpoints_of_one_network_do_not_outvote_two_networks() {
    let (fetched, bytes) = fetch_from(b"wrong", b"right", |liar, honest| {
        let third = Endpoint { host: "127.0.0.3".parse().unwrap(), ..honest.holder.clone() };
        let again = |number: u16| {
            let port = number.try_into().unwrap();
            claiming(&Endpoint { port, ..liar.holder.clone() }.into(), 1, 5)
        };
        let right = claiming(&honest, 2, 5);
        vec![claiming(&liar, 1, 5), again(9), again(11), claiming(&third.into(), 2, 5), right]
    });
    assert!(fetched.is_ok());
    assert_eq!(bytes, b"right");
}

#[test]
fn the_line_names_the_source_of_the_expected_digest() {
    let root = tempfile::tempdir().unwrap();
    let bytes: &[u8] = b"abc";
    let holder = folder(root.path(), "a", &[("rfc1.txt", bytes)]);
    let mine = folder(root.path(), "mine", &[]);
    let (_server, source) = honest(&holder, Ipv4Addr::LOCALHOST);
    let index = Index::start(&[]);
    let address = index.address.to_string();
    let mut talk = index.connect();
    talk.add(1, "T", "127.0.0.1", source.holder.port.value());
    let (code, output, errors) = run_peer(&[&address, "get", "1"], "", &mine);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("sha-256 checked (as announced by its holder)"), "{output}");

    let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    fs::write(mine.join("SUMS"), format!("{sum}  rfc1.txt\n")).unwrap();
    let arguments = [&address, "get", "1", "--force", "--digests", "SUMS"];
    let (code, output, errors) = run_peer(&arguments, "", &mine);
    assert_eq!(code, 0, "{errors}");
    assert!(output.contains("sha-256 checked (as in SUMS)"), "{output}");
}
