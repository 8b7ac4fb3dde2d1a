//! Whole uploads over pipes in memory (protocol.md sections 5 and 7).

use std::fs;
use std::net::Ipv4Addr;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use super::*;
use crate::library::{Depth, Library};
use crate::net::{Outcome, pipe, pipe_of};
use crate::protocol::RecordRequests;

const GET: &str = "GET RFC 1 P2P-CI/1.0\r\nHost: h\r\n\r\n";

/// A directory with one document, and the upload server of it.
struct Holder {
    document: Vec<u8>,
    sharing: Sharing,
    _directory: tempfile::TempDir,
}

impl Holder {
    fn of(length: usize) -> Self {
        Self::with(length, Uploads::default())
    }

    /// The same with these settings.
    fn with(length: usize, uploads: Uploads) -> Self {
        let document: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("rfc1.txt"), &document).unwrap();
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        let permits = Permits::new(8, uploads.admission());
        let sharing = sharing(library, uploads, &permits, 8, &Stop::new());
        Self { document, sharing, _directory: directory }
    }

    /// Serves one end of a pipe while `act` uses the other one.
    fn serve<T>(
        &self,
        (server, client): (Connection, Connection),
        clock: &mut ReadClock,
        act: impl FnOnce(Connection) -> T,
    ) -> (Outcome, T) {
        thread::scope(|scope| {
            let served = scope.spawn(move || {
                let stream = &Arc::new(server);
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
                let asked = Instant::now();
                let reader =
                    Reader { stream, address, number: 0, style: None, asked, method: totals::GET };
                self.sharing.serve(&reader, clock)
            });
            let result = act(client);
            (served.join().unwrap(), result)
        })
    }

    /// The reply to requests after which nothing more is sent.
    fn reply(&self, requests: &str) -> (Outcome, Vec<u8>) {
        self.serve(pipe(), &mut ReadClock::default(), |client| {
            client.write_all(requests.as_bytes()).unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            client.read_up_to(usize::MAX).unwrap()
        })
    }
}

/// The head of a reply, and what follows it.
fn split(reply: &[u8]) -> (&str, &[u8]) {
    let end = reply.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    (str::from_utf8(&reply[..end]).unwrap(), &reply[end..])
}

#[test]
fn a_document_of_any_length_arrives_whole() {
    for length in [0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 1 << 20] {
        let holder = Holder::of(length);
        let (outcome, reply) = holder.reply(GET);
        let (head, document) = split(&reply);
        assert_eq!(outcome, Outcome::Normal);
        assert!(head.starts_with("P2P-CI/1.0 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nContent-Length: {length}\r\n")), "{head}");
        assert!(document == holder.document, "{length}");
    }
}

#[test]
fn a_range_is_sent_alone() {
    let holder = Holder::of(200_000);
    for (range, part) in [("100000-", &holder.document[100_000..]), ("5-", &holder.document[5..])] {
        let (_, reply) =
            holder.reply(&GET.replace("\r\n\r\n", &format!("\r\nRange: bytes={range}\r\n\r\n")));
        let (head, document) = split(&reply);
        assert!(head.starts_with("P2P-CI/1.0 206 Partial Content\r\n"), "{head}");
        assert!(document == part, "{range}: {} bytes", document.len());
    }
    let (_, reply) = holder.reply(&GET.replace("\r\n\r\n", "\r\nRange: bytes=200000-\r\n\r\n"));
    assert!(reply.starts_with(b"P2P-CI/1.0 416 "), "{}", reply.escape_ascii());
}

#[test]
fn what_is_not_shared_or_not_understood_is_refused() {
    let holder = Holder::of(1);
    let missing = holder.reply(&GET.replace("RFC 1", "RFC 2"));
    assert_eq!(missing, (Outcome::Normal, b"P2P-CI/1.0 404 Not Found\r\n\r\n".to_vec()));
    let malformed = holder.reply("FETCH\r\n\r\n");
    assert_eq!(malformed, (Outcome::Abuse, b"P2P-CI/1.0 400 Bad Request\r\n\r\n".to_vec()));
    assert_eq!(holder.reply(""), (Outcome::Normal, Vec::new()));
}

#[test]
fn requests_on_a_connection_that_is_kept_open_are_answered_in_order() {
    let holder = Holder::of(3000);
    let request = GET.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n");
    let (outcome, reply) = holder.reply(&request.repeat(3));
    assert_eq!(outcome, Outcome::Normal);
    let mut rest = &reply[..];
    for _ in 0..3 {
        let (head, documents) = split(rest);
        assert!(head.contains("\r\nConnection: keep-alive\r\n"), "{head}");
        let (document, others) = documents.split_at(3000);
        assert!(document == holder.document);
        rest = others;
    }
    assert!(rest.is_empty());
}

#[test]
fn an_upload_ends_when_its_reader_vanishes() {
    let holder = Holder::of(1 << 20);
    let (outcome, ()) = holder.serve(pipe(), &mut ReadClock::default(), |client| {
        client.write_all(GET.as_bytes()).unwrap();
        client.read_up_to(100_000).unwrap();
        assert_eq!(holder.sharing.running.all().len(), 1);
    });
    assert_eq!(outcome, Outcome::Normal);
    assert!(holder.sharing.running.all().is_empty());
}

/// Only the last second of its time is measured here.
#[test]
fn an_upload_ends_when_its_reader_is_below_the_minimum_rate() {
    let holder = Holder::of(1 << 20);
    let (server, client) = pipe_of(64 * 1024);
    let mut clock = ReadClock::default();
    clock.has_waited(&server, limits::ReadRate::DEFAULT.time - Duration::from_secs(1)).unwrap();
    let begun = Instant::now();
    let (outcome, read) = holder.serve((server, client), &mut clock, |client| {
        client.write_all(GET.as_bytes()).unwrap();
        let mut read = 0;
        // A hundred bytes each fifth of a second: half of the minimum rate.
        while !holder.sharing.running.all().is_empty() || read == 0 {
            read += client.read(&mut [0; 100], None).unwrap();
            thread::sleep(Duration::from_millis(200));
        }
        read
    });
    assert_eq!(outcome, Outcome::Normal);
    assert!(read < 100_000 && begun.elapsed() < limits::ReadRate::DEFAULT.time / 2, "{read}");
}

/// The time is counted from the beginning of the connection, and after a reply from its end.
#[test]
fn a_connection_without_a_request_is_closed_after_its_time() {
    let (head_deadline, kept_open) = (Duration::from_secs(1), Duration::from_millis(100));
    let limits = limits::Uploads { head_deadline, kept_open, ..limits::Uploads::DEFAULT };
    let holder = Holder::with(3, Uploads { limits, ..Uploads::default() });
    let served = |request: &str| {
        let begun = Instant::now();
        let served = holder.serve(pipe(), &mut ReadClock::default(), |client| {
            client.write_all(request.as_bytes()).unwrap();
            client.read_up_to(usize::MAX).unwrap()
        });
        (served, begun.elapsed())
    };
    for part in ["", "GET RFC 1"] {
        let ((outcome, reply), time) = served(part);
        assert_eq!(
            (outcome, &reply[..]),
            (Outcome::Abuse, &b"P2P-CI/1.0 400 Bad Request\r\n\r\n"[..])
        );
        assert!(time >= head_deadline, "{time:?}");
    }
    let ((outcome, reply), time) =
        served(&GET.replace("\r\n\r\n", "\r\nConnection: keep-alive\r\n\r\n"));
    assert_eq!((outcome, split(&reply).1.len()), (Outcome::Normal, 3));
    assert!(time >= kept_open, "{time:?}");
}

/// The only slot is taken for as long as the test runs.
#[test]
fn an_upload_without_a_slot_is_refused_after_its_time() {
    let slot_wait = Duration::from_millis(50);
    let limits = limits::Uploads { slot_wait, ..limits::Uploads::DEFAULT };
    let slots = crate::upload::Slots::new(NonZeroUsize::MIN);
    let holder = Holder::with(1 << 20, Uploads { limits, slots, ..Uploads::default() });
    holder.serve(pipe_of(64 * 1024), &mut ReadClock::default(), |client| {
        client.write_all(GET.as_bytes()).unwrap();
        client.read_up_to(1000).unwrap();
        let (outcome, reply) = holder.reply(GET);
        assert_eq!(outcome, Outcome::Normal);
        assert_eq!(reply, b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n");
    });
}

#[test]
fn a_list_is_sent_where_it_is_switched_on() {
    let list = |kind: &str| format!("LIST {kind} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    let (rfcs, files) = (list("ALL"), list("FILES"));
    let without = Holder::of(3);
    let (outcome, reply) = without.reply(&rfcs);
    assert_eq!(outcome, Outcome::Abuse);
    assert_eq!(reply, b"P2P-CI/1.0 400 Bad Request\r\n\r\n");

    let bandwidth = crate::net::Bandwidth::new(std::num::NonZeroU64::new(100_000_000));
    let holder =
        Holder::with(3, Uploads { records: RecordRequests::All, bandwidth, ..Uploads::default() });
    let (outcome, reply) = holder.reply(&format!("{files}{rfcs}{GET}"));
    assert_eq!(outcome, Outcome::Normal);
    let reply = String::from_utf8(reply).unwrap();
    let none = "P2P-CI/1.0 200 OK\r\n\r\n\r\n";
    let rest = reply.strip_prefix(none).expect(&reply);
    let (one, document) = rest.split_once("\r\n\r\nP2P-CI/1.0 200 OK\r\nDate: ").expect(&reply);
    let rows: Vec<&str> = one.lines().collect();
    assert_eq!(rows[..2], ["P2P-CI/1.0 200 OK", ""]);
    assert!(rows[2].starts_with("RFC 1 ") && rows[2].ends_with(" 1"), "{reply}");
    assert_eq!(rows[3..], ["Length: 3"], "{reply}");
    assert!(document.ends_with("\u{0}\u{1}\u{2}"), "{reply}");
    assert_eq!(holder.sharing.totals.requests().counts[totals::LIST][0], 2);

    // The digest is listed when it is known, for which the file must not be too young.
    let with_digest = GET.replace("\r\n\r\n", "\r\nWant-Digest: sha-256\r\n\r\n");
    let mut hasher = crate::library::Hasher::default();
    hasher.update(&holder.document);
    let digest = hasher.finish();
    let end = format!("\r\nDigest: {digest}\r\nLength: 3\r\n\r\n");
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holder.reply(&rfcs).1.ends_with(end.as_bytes()) {
        assert!(Instant::now() < deadline);
        holder.reply(&with_digest);
    }
}

#[test]
fn a_lookup_is_answered_where_it_is_switched_on() {
    let lookup = |document: &str| {
        format!("LOOKUP {document} P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nWant-Attributes: 1\r\n\r\n")
    };
    let refused = b"P2P-CI/1.0 400 Bad Request\r\n\r\n".to_vec();
    assert_eq!(Holder::of(3).reply(&lookup("RFC 1")), (Outcome::Abuse, refused.clone()));

    let holder = Holder::with(3, Uploads { records: RecordRequests::Lookup, ..Uploads::default() });
    let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n";
    assert_eq!(holder.reply(list), (Outcome::Abuse, refused));
    let (outcome, reply) = holder.reply(&format!("{}{GET}", lookup("RFC 1")));
    assert_eq!(outcome, Outcome::Normal);
    let reply = String::from_utf8(reply).unwrap();
    let (one, document) = reply.split_once("\r\n\r\nP2P-CI/1.0 200 OK\r\nDate: ").expect(&reply);
    let rows: Vec<&str> = one.split("\r\n").collect();
    assert_eq!(rows[..2], ["P2P-CI/1.0 200 OK", ""], "{reply}");
    assert!(rows[2].starts_with("RFC 1 ") && rows[2].ends_with(" 1"), "{reply}");
    assert_eq!(rows[3..], ["Length: 3"], "{reply}");
    assert!(document.ends_with("\u{0}\u{1}\u{2}"), "the connection stays open: {reply}");
    // A refusal ends the connection.
    for document in ["RFC 2", "FILE a.pdf"] {
        let refused = b"P2P-CI/1.0 404 Not Found\r\n\r\n".to_vec();
        let requests = format!("{}{GET}", lookup(document));
        assert_eq!(holder.reply(&requests), (Outcome::Normal, refused), "{document}");
    }
    let counts = holder.sharing.totals.requests().counts;
    assert_eq!(counts[totals::LOOKUP].iter().sum::<u64>(), 3, "{counts:?}");
    assert_eq!(counts[totals::LIST].iter().sum::<u64>(), 0, "{counts:?}");
}

/// More documents than are written while the library is locked once.
#[test]
fn a_long_list_has_each_document_once() {
    let holder = Holder::with(3, Uploads { records: RecordRequests::All, ..Uploads::default() });
    let count = 2 * limits::UPLOAD_LIST_ROWS + 1;
    for number in 2..=count {
        fs::write(holder._directory.path().join(format!("rfc{number}.txt")), "x").unwrap();
    }
    let library = Library::scan(holder._directory.path(), Depth::Directory).unwrap();
    let permits = Permits::new(8, holder.sharing.uploads.admission());
    let sharing = sharing(library, holder.sharing.uploads.clone(), &permits, 8, &Stop::new());
    let holder = Holder { sharing, ..holder };
    let (_, reply) = holder.reply("LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n");
    let reply = String::from_utf8(reply).unwrap();
    let rows = reply.lines().filter(|line| line.starts_with("RFC "));
    let numbers = rows.map(|row| row.split(' ').nth(1).unwrap().parse::<usize>().unwrap());
    assert!(numbers.eq(1..=count));
}
