//! Connections that stay open for one document after the other (protocol.md section 5.7): what an
//! uploader promises, and what a downloader makes of holders that keep them open, or do not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{self, Index, Requests, Talk, directory, holders, names, run_peer, share};

const DOCUMENTS: u32 = 40;

fn text(number: u32) -> String {
    format!("This is document {number}.\r\n").repeat(usize::try_from(number).unwrap() % 700 + 1)
}

/// Asks for a document, and returns the head of the reply.
fn ask(talk: &mut Talk, keep: bool) -> Vec<String> {
    let header = if keep { "Connection: keep-alive\r\n" } else { "" };
    talk.say(format!("GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n{header}\r\n"));
    std::iter::from_fn(|| talk.line()).take_while(|line| !line.is_empty()).collect()
}

fn is_kept(head: &[String]) -> bool {
    assert_eq!(head[0], "P2P-CI/1.0 200 OK");
    head.contains(&"Connection: keep-alive".to_string())
}

fn shared(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Index, common::Program, u16) {
    let root = tempfile::tempdir().unwrap();
    let shared = directory(root.path(), "shared", files);
    let index = Index::start(&[]);
    let (program, port) = share(index.address, &shared);
    (root, index, program, port)
}

#[test]
fn an_uploader_waits_five_seconds_for_the_next_request() {
    let (_root, _index, _program, port) = shared(&[("rfc1.txt", b"")]);
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    assert!(is_kept(&ask(&mut talk, true)));
    let begun = Instant::now();
    assert!(is_kept(&ask(&mut talk, true)));
    assert!(talk.is_closed());
    let waited = begun.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&waited), "{waited:?}");
}

/// Other clients would wait for a connection as long as one client fetches.
#[test]
fn an_uploader_keeps_nothing_open_when_more_than_half_of_its_places_are_taken() {
    let (_root, _index, _program, port) = shared(&[("rfc1.txt", b"")]);
    let mut talks: Vec<Talk> = (0..40).map(|_| Talk::to(([127, 0, 0, 1], port).into())).collect();
    let kept = talks.iter_mut().map(|talk| is_kept(&ask(talk, true))).filter(|kept| *kept).count();
    assert!((1..=32).contains(&kept), "{kept}");
}

/// The action of a scripted holder after the requested document.
#[derive(Clone, Copy)]
enum Then {
    KeepOpen,
    Close,
    /// Promises to keep it open, and does not.
    Break,
}

/// A request that a scripted holder has received: its connection, its document, and how
/// many more requests had been sent when it had not yet replied.
struct Seen {
    connection: usize,
    number: u32,
    ahead: usize,
}

/// A holder of all documents.
fn holder(
    then: impl Fn(usize, u32) -> Then + Send + Copy + 'static,
    reply: impl Fn(u32) -> String + Send + Copy + 'static,
) -> (u16, Receiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, seen) = channel();
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let sender = sender.clone();
            // A peer that goes away is no reason to complain.
            let serve = move || serve(connection, &stream, then, reply, &sender);
            thread::spawn(move || serve().unwrap_or_default());
        }
    });
    (port, seen)
}

fn serve(
    connection: usize,
    stream: &TcpStream,
    then: impl Fn(usize, u32) -> Then,
    reply: impl Fn(u32) -> String,
    seen: &Sender<Seen>,
) -> std::io::Result<()> {
    let mut requests = Requests::to_holder(stream);
    for count in 0.. {
        let Some(request) = requests.next() else { return Ok(()) };
        assert!(request.contains("\r\nConnection: keep-alive\r\n"), "{request}");
        let number = request.split(' ').nth(2).unwrap().parse().unwrap();
        let ahead = requests.ahead();
        seen.send(Seen { connection, number, ahead }).unwrap();
        let then = then(count, number);
        let header = match then {
            Then::KeepOpen | Then::Break => "Connection: keep-alive\r\n",
            Then::Close => "",
        };
        let mut stream = stream;
        stream.write_all(reply(number).replace("{then}", header).as_bytes())?;
        if !matches!(then, Then::KeepOpen) {
            return Ok(());
        }
    }
    Ok(())
}

fn honest(number: u32) -> String {
    let text = text(number);
    // Ours has all five headers, so that nothing of a document is taken for one.
    format!(
        "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: x\r\n\
         Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: {}\r\n\
         Content-Type: text/plain\r\n{{then}}\r\n{text}",
        text.len()
    )
}

/// Fetches all documents that the index server lists for holders at these ports.
fn sync(ports: &[u16], directory: &Path) -> (i32, String, String) {
    let index = Index::start(&[]);
    let mut talk = index.connect();
    for port in ports {
        (1..=DOCUMENTS).for_each(|number| talk.add(number, "T", "127.0.0.1", *port));
    }
    run_peer(&[&index.address.to_string(), "--share", ".", "sync"], "", directory)
}

fn assert_all_are_there(directory: &Path) {
    for number in 1..=DOCUMENTS {
        let found = fs::read_to_string(directory.join(format!("rfc{number}.txt"))).unwrap();
        assert_eq!(found, text(number), "{number}");
    }
    assert_eq!(
        names(directory).len(),
        usize::try_from(DOCUMENTS).unwrap(),
        "{:?}",
        names(directory)
    );
}

fn connections(seen: &[Seen]) -> usize {
    let mut connections: Vec<usize> = seen.iter().map(|seen| seen.connection).collect();
    connections.sort_unstable();
    connections.dedup();
    connections.len()
}

#[test]
fn documents_are_requested_ahead_once_the_holder_has_agreed() {
    let directory = tempfile::tempdir().unwrap();
    let (port, seen) = holder(|_, _| Then::KeepOpen, honest);
    let (code, _, errors) = sync(&[port], directory.path());
    assert_eq!(code, 0, "{errors}");
    assert_all_are_there(directory.path());
    let seen: Vec<Seen> = seen.try_iter().collect();
    assert_eq!(seen.len(), usize::try_from(DOCUMENTS).unwrap(), "none was asked for twice");
    assert!(connections(&seen) <= 8, "{}", connections(&seen));
    let mut known = Vec::new();
    for one in &seen {
        if !known.contains(&one.connection) {
            assert_eq!(one.ahead, 0, "before the first reply of connection {}", one.connection);
            known.push(one.connection);
        }
        assert!(one.ahead <= 7, "{}", one.ahead);
    }
    assert!(seen.iter().any(|one| one.ahead > 0), "nothing was asked for ahead");
}

#[test]
fn a_holder_that_keeps_nothing_open_is_asked_once_on_each_connection() {
    let directory = tempfile::tempdir().unwrap();
    let (port, seen) = holder(|_, _| Then::Close, honest);
    let (code, _, errors) = sync(&[port], directory.path());
    assert_eq!(code, 0, "{errors}");
    assert_all_are_there(directory.path());
    let seen: Vec<Seen> = seen.try_iter().collect();
    assert_eq!(connections(&seen), usize::try_from(DOCUMENTS).unwrap());
    assert!(seen.iter().all(|one| one.ahead == 0));
}

/// Every holder may close between two documents, whatever it has said.
#[test]
fn a_document_without_a_reply_is_requested_again() {
    for breaks in [Then::Close, Then::Break] {
        let directory = tempfile::tempdir().unwrap();
        let then = move |count, _| if count == 2 { breaks } else { Then::KeepOpen };
        let (port, seen) = holder(then, honest);
        let (code, _, errors) = sync(&[port], directory.path());
        assert_eq!((code, errors.as_str()), (0, ""), "no holder is blamed");
        assert_all_are_there(directory.path());
        let mut numbers: Vec<u32> = seen.try_iter().map(|one| one.number).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (1..=DOCUMENTS).collect::<Vec<_>>(), "each has got one reply");
    }
}

/// One bad document between others: the next holder is asked for it, and nothing else is lost.
#[test]
fn a_bad_document_between_others_is_fetched_from_the_next_holder() {
    const BAD: u32 = 17;
    let bad: [fn(u32) -> String; 3] = [
        |number| match number {
            BAD => "P2P-CI/1.0 404 Not Found\r\n\r\n".into(),
            _ => honest(number),
        },
        |number| match number {
            BAD => {
                honest(number).replace("{then}", &format!("Digest: sha-256={:064}\r\n{{then}}", 7))
            }
            _ => honest(number),
        },
        |number| match number {
            BAD => "nonsense\r\n\r\n".into(),
            _ => honest(number),
        },
    ];
    for (kind, reply) in bad.into_iter().enumerate() {
        let directory = tempfile::tempdir().unwrap();
        let (good, _seen) = holder(|_, _| Then::KeepOpen, honest);
        let refuses = move |_, number| match (kind, number) {
            (0 | 2, BAD) => Then::Close,
            _ => Then::KeepOpen,
        };
        let (worse, _seen) = holder(refuses, reply);
        let (code, _, errors) = sync(&[good, worse], directory.path());
        assert_eq!(code, 0, "{kind}: {errors}");
        assert_all_are_there(directory.path());
    }
}

/// A small document is not written before it is whole, but what has come of it is not lost.
#[test]
fn the_rest_of_a_small_document_is_requested() {
    let (_root, _index, _program, port) = shared(&[("notes.md", b"0123456789")]);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let cutting = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        let (mut near, _) = listener.accept().unwrap();
        // Closing over what was not read would reset the connection.
        holders::request(&mut near).unwrap();
        let mut far = Talk::to(([127, 0, 0, 1], port).into());
        far.say("GET FILE notes.md P2P-CI/1.0\r\nHost: h\r\nWant-Digest: sha-256\r\n\r\n");
        let reply = far.rest();
        near.write_all(&reply[..reply.len() - 4]).unwrap();
    });
    let directory = tempfile::tempdir().unwrap();
    let get = |from: &str| {
        run_peer(&["--share", ".", "get", "notes.md", "--from", from], "", directory.path())
    };
    let (code, _, errors) = get(&cutting);
    assert_ne!(code, 0);
    assert!(errors.contains("expected 10 bytes, found the end after 6"), "{errors}");
    let left = names(directory.path());
    let [part] = &left[..] else { panic!("{left:?}") };
    assert_eq!(fs::read(directory.path().join(part)).unwrap(), b"012345");
    let (code, output, errors) = get(&format!("127.0.0.1:{port}"));
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(names(directory.path()), ["notes.md"]);
    assert_eq!(fs::read(directory.path().join("notes.md")).unwrap(), b"0123456789");
}
