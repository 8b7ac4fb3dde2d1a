//! Uploaders of other programs: the forms of their replies (protocol.md section 5.4). `get` must store exactly the document, or nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use crate::common::{PATIENCE, in_parallel, names, run_peer};

const DOCUMENT: &str = "\n\nNetwork Working Group\n\nA document.\n";
const LENGTH: &str = "Content-Length: 37";

/// How a connection ends after a reply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum End {
    Close,
    /// After the client has ended its half.
    CloseAfterClient,
    /// The same, with another reply before it.
    RefuseAfterClient,
}

/// A running holder. It ends with the case: hundreds of them would have too many descriptors.
pub(super) struct Holder {
    pub(super) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    has_ended: Arc<AtomicBool>,
}

impl Holder {
    /// Handles each connection in this way.
    pub(super) fn start(
        handle: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            has_ended: Arc::default(),
        };
        let handle = Arc::new(handle);
        let (counted, has_ended) = (Arc::clone(&holder.connections), Arc::clone(&holder.has_ended));
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                if has_ended.load(Ordering::Relaxed) {
                    return;
                }
                counted.fetch_add(1, Ordering::Relaxed);
                let handle = Arc::clone(&handle);
                thread::spawn(move || {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_nodelay(true)?;
                    handle(&mut stream)
                });
            }
        });
        holder
    }

    /// The connections up to now.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.has_ended.store(true, Ordering::Relaxed);
        // It wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

/// One read of a request, as most programs do it.
pub(super) fn read(stream: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut request = [0; 4096];
    let count = stream.read(&mut request)?;
    Ok(request[..count].to_vec())
}

pub(super) fn answering(reply: Vec<u8>, end: End, size: usize) -> Holder {
    let answer = move |stream: &mut TcpStream| {
        read(stream)?;
        for part in reply.chunks(size) {
            stream.write_all(part)?;
        }
        if end != End::Close {
            while stream.read(&mut [0; 64])? > 0 {}
        }
        match end {
            End::RefuseAfterClient => stream.write_all(b"P2P-CI/1.0 400 Bad Request\r\n"),
            End::Close | End::CloseAfterClient => Ok(()),
        }
    };
    Holder::start(answer)
}

/// Downloads RFC 7. Returns the exit code, the document if one was saved, and the messages.
pub(super) fn get(holder: &Holder, more: &[&str]) -> (i32, Option<String>, String) {
    let directory = tempfile::tempdir().unwrap();
    let from = holder.address.to_string();
    let arguments = [&["--share", ".", "get", "7", "--from", &from], more].concat();
    let (code, _, errors) = run_peer(&arguments, "", directory.path());
    let saved = fs::read(directory.path().join("rfc7.txt")).ok();
    if saved.is_none() {
        assert_eq!(names(directory.path()), [""; 0]);
    }
    (code, saved.map(|saved| String::from_utf8(saved).unwrap()), errors)
}

/// A reply, how it ends, and a part of the warning; an empty one means that nothing is reported. `#` stands
/// for the document, and `=` for its length.
const REPLIES: [(&str, End, &str); 31] = [
    // No empty line.
    ("P2P-CI/1.0 200 OK\n=\n#", End::Close, ""),
    ("P2P-CI/1.0 200 OK\r\nDate: x OS: y\n=\nContent-Type: text/text\n#", End::Close, ""),
    // The client must end its half before it is known that nothing is missing.
    ("P2P-CI/1.0 200 OK\r\n=\r\n#", End::CloseAfterClient, ""),
    ("P2P-CI/1.0 200 OK\r\n=\r\n#", End::RefuseAfterClient, ""),
    // Other names and values, and empty lines within the head.
    (
        "P2PCI/1.0 200 OK\r\nData: x\r\nOS: \u{1}?\r\nLast Modified: y\r\nContent Type: z\r\n=\r\n\r\n#",
        End::Close,
        "",
    ),
    ("\r\nP2P-CI/1.0 200 OK\r\n\r\nDate: x\r\n\r\n=\r\n\r\n#", End::Close, ""),
    ("P2P-CI/1.0 200 OK 7\n0007 A Title.txt\nDate: x\n=\n\n#", End::Close, ""),
    // A mark before the document.
    (
        "P2P-CI/1.0 200 OK\r\nDate:x\r\n=\r\nContent-Type: y\r\n RFC Data: #\r\n\r\n",
        End::Close,
        "sent ` RFC Data: ` before the document",
    ),
    (
        "P2P-CI/1.0 200 OK\r\nDate:x\r\n=\r\n RFC Data:\r\n#",
        End::CloseAfterClient,
        "expected 37 bytes, found 49, stored 37",
    ),
    (
        "P2P-CI/1.0 200 OK\r\nDate: x\r\nOS: y\r\nLast-Modified: z\r\n=\r\nContent-Type: t\r\n\r\nData: #",
        End::Close,
        "sent `Data: `",
    ),
    ("P2P-CI/1.0 200 OK\nDate: x\n=\nData:#", End::Close, "sent `Data:`"),
    ("P2P-CI/1.0 200 OK\nDate: x\n=\n\nEND\n#", End::Close, "sent `END\\x0a` before the document"),
    ("P2P-CI/1.0 200 OK\r\n=\r\n\r\nEND\r\n#", End::CloseAfterClient, "sent `END\\x0d\\x0a`"),
    // More bytes than announced.
    ("P2P-CI/1.0 200 OK\r\n=\r\n\r\n#\r\n", End::Close, ""),
    ("P2P-CI/1.0 200 OK\r\n=\r\n\r\n#\r\n\r\n", End::CloseAfterClient, ""),
    (
        "P2P-CI/1.0 200 OK\r\n=\r\n\r\n#~~~~~~~~~~~~~~~~",
        End::Close,
        "`~~~~~~~~~~~~~~~~` is ignored; expected 37 bytes, found 53, stored 37",
    ),
    (
        "P2P-CI/1.0 200 OK\r\n=\r\n\r\n#\0\0\0\0\0\0\0\0",
        End::CloseAfterClient,
        "found 45, stored 37",
    ),
    (
        "P2P-CI/1.0 200 OK\r\n=\r\n\r\n#P2P-CI/1.0 200 OK\r\n",
        End::Close,
        "sent more than Content-Length says",
    ),
    // The length of the head and the document.
    (
        "P2P-CI/1.0 200 OK\r\nContent-Length: 78\r\n\r\n#",
        End::Close,
        "includes the head: expected 78 bytes, found 37, stored 37",
    ),
    (
        "P2P-CI/1.0 200 OK\r\nContent-Length: 78\r\n\r\n#",
        End::CloseAfterClient,
        "expected 78 bytes, found 37, stored 37",
    ),
    // No length.
    ("P2P-CI/1.0 200 OK\r\nContent-Type: x\r\n\r\n#", End::Close, "did not send the length"),
    (
        "P2P-CI/1.0 200 OK\r\nContent-Type: x\r\n\r\n#",
        End::CloseAfterClient,
        "did not send the length",
    ),
    // A length before the head: of the whole reply, or of the head, or of both parts.
    ("0000000075P2P-CI/1.0 200 OK\n=\n\n#", End::Close, ""),
    ("0000000056P2P-CI/1.0 200 OK\n\n#", End::CloseAfterClient, ""),
    ("0000000038P2P-CI/1.0 200 OK\n=\n\n#", End::Close, ""),
    ("0000000038P2P-CI/1.0 200 OK\n=\n\n0000000037#", End::CloseAfterClient, "before the document"),
    ("38P2P-CI/1.0 200 OK\n=\n\n37#", End::Close, "before the document"),
    ("\0\u{38}P2P-CI/1.0 200 OK\n\n#", End::Close, ""),
    ("\0\u{26}P2P-CI/1.0 200 OK\n=\n\n#", End::CloseAfterClient, ""),
    ("\0\u{26}P2P-CI/1.0 200 OK\n=\n\n\0\u{25}#", End::CloseAfterClient, "before the document"),
    ("\0\0\0\u{26}P2P-CI/1.0 200 OK\n=\n\n#", End::Close, ""),
];

fn fill(reply: &str) -> Vec<u8> {
    reply.replace('=', LENGTH).replace('#', DOCUMENT).into_bytes()
}

#[test]
fn replies_of_other_programs_are_read_exactly() {
    assert_eq!(DOCUMENT.len(), 37);
    let cases = REPLIES.iter().flat_map(|reply| [(reply, 7), (reply, 4096)]);
    in_parallel(cases.collect::<Vec<_>>(), |((reply, end, warning), size)| {
        let (code, saved, errors) = get(&answering(fill(reply), *end, size), &[]);
        let what = format!("{reply:?} {end:?} in {size}: {errors}");
        assert_eq!(code, 0, "{what}");
        assert_eq!(saved.as_deref(), Some(DOCUMENT), "{what}");
        assert!(errors.contains(warning), "{what}");
        assert!(!warning.is_empty() || errors.is_empty(), "{what}");
    });
}

#[test]
fn strict_downloads_accept_the_grammar_only() {
    let head = "Date: x\r\nOS: y\r\nLast-Modified: z\r\n=\r\nContent-Type: t\r\n\r\n#";
    let grammar = format!("P2P-CI/1.0 200 OK\r\n{head}");
    for end in [End::Close, End::CloseAfterClient] {
        let (code, saved, errors) = get(&answering(fill(&grammar), end, 4096), &["--strict"]);
        assert_eq!((code, saved.as_deref(), errors.as_str()), (0, Some(DOCUMENT), ""));
    }
    // Other names of headers and empty lines within the head have no influence on the document.
    let accepted = [4, 5];
    let refused = REPLIES.iter().enumerate().filter(|(at, _)| !accepted.contains(at));
    in_parallel(refused.collect::<Vec<_>>(), |(_, (reply, end, _))| {
        let (code, saved, errors) = get(&answering(fill(reply), *end, 4096), &["--strict"]);
        let what = format!("{reply:?} {end:?}: {errors}");
        assert_eq!((code, saved), (76, None), "{what}");
        assert!(errors.contains("expected"), "{what}");
    });
}

/// Documents that begin like a head or a mark, and replies that do not determine a document.
#[test]
fn what_the_bytes_do_not_determine_is_not_stored() {
    let table: [(&str, End, Option<&str>); 11] = [
        ("P2P-CI/1.0 200 OK\nContent-Length: 8\n\nEND\nabcd", End::Close, Some("END\nabcd")),
        ("P2P-CI/1.0 200 OK\nContent-Length: 10\nData: abcd", End::Close, Some("Data: abcd")),
        ("P2P-CI/1.0 200 OK\nContent-Length: 10\n\nData: abcd\r\n", End::Close, Some("Data: abcd")),
        (
            "P2P-CI/1.0 200 OK\nContent-Length: 15\nSubject: x\n\nabc",
            End::Close,
            Some("Subject: x\n\nabc"),
        ),
        ("P2P-CI/1.0 200 OK\nContent-Length: 13\nDate: x\nDate: y", End::Close, None),
        ("P2P-CI/1.0 200 OK\nContent-Length: 10\n\nData: abcd~~~~~~", End::Close, None),
        ("P2P-CI/1.0 200 OK\nContent-Length: 8\n\nEND\nabcd\r\n\r\n", End::Close, None),
        ("P2P-CI/1.0 200 OK\nDate: x\n RFC Data: abcd", End::Close, None),
        ("P2P-CI/1.0 200 OK\nContent-Length: 37\n\nabcd", End::Close, None),
        ("P2P-CI/1.0 200 OK\nContent-Length: 36\n\nabcd", End::Close, None),
        ("0000000050P2P-CI/1.0 200 OK\n\nabcd", End::Close, None),
    ];
    in_parallel(table, |(reply, end, expected)| {
        let (code, saved, errors) = get(&answering(reply.into(), end, 4096), &[]);
        assert_eq!(saved.as_deref(), expected, "{reply:?}: {errors}");
        assert_eq!(code, if expected.is_some() { 0 } else { 76 }, "{reply:?}: {errors}");
    });
}

/// A connection that ends within a document: nothing is stored, wherever it is.
#[test]
fn truncated_documents_are_never_stored() {
    for reply in ["P2P-CI/1.0 200 OK\r\nX: y\r\n=\r\n\r\n#", "P2P-CI/1.0 200 OK\nX: y\n=\nEND\n#"] {
        let whole = fill(reply);
        let head = whole.len() - DOCUMENT.len();
        // One or two bytes are those of an omitted empty line (section 5.4).
        let ends = (head..whole.len() - 2).step_by(3);
        // Exactly as many bytes as announced are a document that begins with `END`.
        let ends = ends.filter(|end| *end != whole.len() - "END\n".len());
        in_parallel(ends.collect::<Vec<_>>(), |end| {
            let (code, saved, errors) =
                get(&answering(whole[..end].to_vec(), End::Close, 4096), &[]);
            assert_eq!((code, saved), (76, None), "{end}: {errors}");
            assert!(errors.contains("found the end after"), "{end}: {errors}");
        });
    }
}

/// With the digest of the document, readings that the numbers of bytes do not determine are verified.
#[test]
fn a_digest_decides_between_readings() {
    let directory = tempfile::tempdir().unwrap();
    let list = directory.path().join("digests");
    let digest = p2p_ci_digest(DOCUMENT);
    fs::write(&list, format!("{digest}  rfc7.txt\n")).unwrap();
    let list = list.to_str().unwrap();
    in_parallel(
        [
            // Too long a length, as `sys.getsizeof` gives it, and one in characters.
            "P2P-CI/1.0 200 OK\r\nContent-Length: 70\r\n\r\n#",
            "P2P-CI/1.0 200 OK\r\nContent-Length: 30\r\n\r\n#",
            "P2P-CI/1.0 200 OK\r\nDate: x\r\n\r\n#\r\n\r\n",
            "P2P-CI/1.0 200 OK\r\nDate: x\r\n#",
            "P2P-CI/1.0 200 OK\n=\nData: #",
            "P2P-CI/1.0 200 OK\nDate: x\nRFC Data: #~~~~~~~~~~~~~~",
        ],
        |reply| {
            let from = answering(fill(reply), End::Close, 4096);
            let (code, saved, errors) = get(&from, &["--digests", list]);
            assert_eq!((code, saved.as_deref()), (0, Some(DOCUMENT)), "{reply:?}: {errors}");
        },
    );
    // A line end after the right document is not reported, with or without a digest.
    let line_end = answering(fill("P2P-CI/1.0 200 OK\r\n=\r\n\r\n#\r\n"), End::Close, 4096);
    let (code, _, errors) = get(&line_end, &["--digests", list]);
    assert_eq!((code, errors.as_str()), (0, ""));
    let other = answering(fill("P2P-CI/1.0 200 OK\n=\n\n#").repeat(2), End::Close, 4096);
    assert_eq!(get(&other, &["--digests", list]).0, 0);
    let wrong = answering(b"P2P-CI/1.0 200 OK\n\nanother document".to_vec(), End::Close, 4096);
    let (code, saved, errors) = get(&wrong, &["--digests", list]);
    assert_eq!((code, saved), (65, None), "{errors}");
}

fn p2p_ci_digest(text: &str) -> String {
    let mut hasher = p2p_ci::library::Hasher::default();
    hasher.update(text.as_bytes());
    hasher.finish().to_string().trim_start_matches("sha-256=").to_string()
}
