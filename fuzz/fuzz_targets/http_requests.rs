//! Requests to the HTTP server for operators: a head is the same however its bytes are cut, and what it names
//! is within the limits; a connection gets the same well-formed replies however they are cut. The first byte
//! says where.

#![no_main]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::Duration;

use httparse::{EMPTY_HEADER, Response, Status};
use libfuzzer_sys::fuzz_target;
use p2p_ci::http::{
    Head, Hosts, HttpAddress, HttpListeners, HttpServer, HttpStatus, Malformed, Reply, Request,
    Router, parse_head,
};
use p2p_ci::limits;

fuzz_target!(|data: &[u8]| {
    let Some((&step, bytes)) = data.split_first() else { return };
    let step = usize::from(step).max(1);
    check_head(bytes, step);
    let whole = replies(bytes, bytes.len().max(1));
    assert_eq!(whole, replies(bytes, step), "in pieces of {step}");
});

type Parsed = Result<Option<(Head, usize)>, Malformed>;

fn check_head(bytes: &[u8], step: usize) {
    let whole = parse_head(bytes);
    let mut pieces: Parsed = Ok(None);
    let mut end = 0;
    while matches!(pieces, Ok(None)) && end < bytes.len() {
        end = (end + step).min(bytes.len());
        pieces = parse_head(&bytes[..end]);
    }
    assert_eq!(whole, pieces, "in pieces of {step}");
    let Ok(Some((head, length))) = whole else { return };
    assert!(length <= bytes.len() && length <= limits::HTTP_HEAD);
    assert!(head.body <= limits::HTTP_BODY && head.headers.len() <= limits::HTTP_HEADERS);
    assert!(head.path.is_empty() || head.path.starts_with('/'), "{head:?}");
    assert!(!head.path.contains('?') && head.path.len() + head.query.len() < length);
    assert!(head.minor == 0 || head.host.is_some());
    for name in ["host", "content-length"] {
        assert!(head.headers.iter().filter(|(found, _)| found == name).count() <= 1, "{head:?}");
    }
    let parts = head.headers.iter().flat_map(|(name, value)| [name, value]);
    for part in parts.chain([&head.path, &head.query]) {
        // Tabs are part of values. Other controls could forge lines of a log.
        assert!(!part.contains(|one: char| one.is_ascii_control() && one != '\t'), "{head:?}");
    }
    if let Some(host) = head.host {
        let known = Hosts::default();
        assert_eq!(known.permits(&host), known.permits(&host.to_ascii_uppercase()), "{host:?}");
    }
}

/// What a handler sees of a request.
fn seen(request: &Request) -> String {
    assert!(request.body.len() <= limits::HTTP_BODY);
    let mut text = format!("{:?} {}\n", request.method, request.path);
    for name in ["a", "name", ""] {
        let (parameter, field) = (request.parameter(name), request.field(name));
        let _ = writeln!(text, "{name:?}: {parameter:?} {field:?} {:?}", request.header(name));
    }
    text
}

/// A server for all inputs.
fn path() -> &'static std::path::Path {
    static SERVER: OnceLock<(HttpServer, tempfile::TempDir)> = OnceLock::new();
    static PATH: OnceLock<std::path::PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("socket");
        let see = |request: &Request| Reply::text(HttpStatus::Ok, seen(request));
        let router = Router::default().get("/", see).post("/", see).get("/events", |_| {
            Reply::stream("text/event-stream", |stream| {
                stream.send(b"data: 1\n\n")?;
                stream.wait(Duration::from_millis(1));
                stream.send(b"data: 2\n\n")
            })
        });
        let listeners = HttpListeners::bind(&[HttpAddress::Unix(path.clone())]).expect("a socket");
        let server = listeners.serve(router, Hosts::default(), limits::Http::default());
        let _ = SERVER.set((server.expect("a thread"), directory));
        path
    })
}

/// All replies on a connection.
fn replies(bytes: &[u8], step: usize) -> Vec<String> {
    let mut stream = UnixStream::connect(path()).expect("a connection");
    for piece in bytes.chunks(step) {
        // It may close before it has read everything.
        if stream.write_all(piece).is_err() {
            break;
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received);
    let mut rest = &received[..];
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (reply, length) = reply(rest);
        rest = &rest[length..];
        // Whether a client is asked for a body depends on what has arrived.
        if !reply.starts_with("100 ") {
            found.push(reply);
        }
    }
    found
}

/// The first reply, without its date, and its length.
fn reply(bytes: &[u8]) -> (String, usize) {
    let mut headers = [EMPTY_HEADER; 16];
    let mut response = Response::new(&mut headers);
    let Ok(Status::Complete(head)) = response.parse(bytes) else {
        panic!("no head of a reply: {}", String::from_utf8_lossy(bytes));
    };
    let code = response.code.expect("a status");
    let mut text = format!("{code} ");
    let (mut length, mut is_chunked) = (0, false);
    for line in response.headers {
        let value = String::from_utf8_lossy(line.value);
        match line.name {
            "Date" => continue,
            "Content-Length" => length = value.parse().expect("a number"),
            "Transfer-Encoding" => is_chunked = true,
            _ => {}
        }
        let _ = writeln!(text, "{}: {value}", line.name);
    }
    let body = &bytes[head..];
    // HTTP/1.0 has no chunks: such a reply ends with the connection.
    let is_stream = text.contains("text/event-stream");
    let used = match (is_stream, is_chunked) {
        (true, true) => chunks(body),
        (true, false) => body.len(),
        // The reply to HEAD has a length and no body.
        (false, _) if !body.is_empty() && body.starts_with(b"HTTP/1.1 ") => 0,
        (false, _) => length.min(body.len()),
    };
    let _ = write!(text, "{}", String::from_utf8_lossy(&body[..used]));
    (text, head + used)
}

/// The length of a body in chunks.
fn chunks(body: &[u8]) -> usize {
    let mut used = 0;
    while let Ok(Status::Complete((after, size))) = httparse::parse_chunk_size(&body[used..]) {
        let size = usize::try_from(size).expect("a small chunk");
        used += after + size + 2;
        if size == 0 {
            break;
        }
    }
    used.min(body.len())
}
