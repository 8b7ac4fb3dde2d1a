//! Whole connections over pipes in memory, and over the sockets of a server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::connection::{Shared, serve};
use super::*;
use crate::limits;
use crate::net::{Outcome, Permits, Stop, pipe, pipe_of};

fn router() -> Router {
    Router::default()
        .get("/", |_| Reply::text(HttpStatus::Ok, "root"))
        .get("/where", |request| Reply::text(HttpStatus::Ok, request.client.is_on_this_machine()))
        .get("/query", |request| {
            Reply::text(HttpStatus::Ok, request.parameter("q").unwrap_or_default())
        })
        .post("/form", |request| {
            Reply::text(HttpStatus::Ok, request.field("name").unwrap_or_default())
        })
        .get("/events", |_| {
            Reply::stream("text/event-stream", |stream| {
                stream.send(b"data: 1\n\n")?;
                while stream.wait(Duration::from_secs(600)) {}
                stream.send(b"data: last\n\n")
            })
        })
}

fn shared(limits: limits::Http) -> Shared {
    let permits = Permits::new(8, limits.admission);
    Shared { router: router(), hosts: Hosts::default(), permits, stop: Stop::new(), limits }
}

/// The bytes that a client at this address receives for these requests.
fn replies_to(address: SocketAddr, requests: &str, limits: limits::Http) -> (Outcome, String) {
    let (server, client) = pipe();
    let (server, shared) = (Arc::new(server), shared(limits));
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let outcome = serve(&shared, &server, address, 0);
            let _ = server.shutdown(Shutdown::Both);
            outcome
        });
        client.write_all(requests.as_bytes()).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let text = client.read_text();
        (serving.join().unwrap(), text)
    })
}

fn replies(requests: &str) -> String {
    replies_to(([127, 0, 0, 1], 1).into(), requests, limits::Http::default()).1
}

fn get(path: &str, lines: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: localhost:1\r\n{lines}\r\n")
}

#[test]
fn requests_on_one_connection_have_replies_in_order() {
    let found = replies(
        &[
            get("/", ""),
            get("/query?x=1&q=a+b%2Fc%ff", ""),
            "HEAD / HTTP/1.1\r\nHost: [::1]\r\n\r\n".into(),
            "POST /form HTTP/1.1\r\nHost: h.localhost\r\nContent-Length: 11\r\n\r\nname=%C3%A4"
                .into(),
            get("/nothing", ""),
            "DELETE / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".into(),
            get("/", "Connection: close\r\n"),
            get("/unread", ""),
        ]
        .concat(),
    );
    let heads: Vec<&str> = found.lines().filter(|line| line.contains("HTTP/1.1 ")).collect();
    assert_eq!(heads.len(), 7, "{found}");
    for part in [
        "HTTP/1.1 200 OK\r\n",
        "Content-Length: 5\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "\r\n\r\nroot\nHTTP",
        "\r\n\r\na b/c\u{fffd}\nHTTP",
        "\r\n\r\nHTTP/1.1 200",
        "\u{e4}\n",
        "HTTP/1.1 404 Not Found\r\n",
        "HTTP/1.1 405 Method Not Allowed\r\n",
        "Allow: GET, HEAD\r\n",
    ] {
        assert!(found.contains(part), "{part:?}: {found}");
    }
    assert_eq!(found.matches("Connection: close\r\n").count(), 1);
}

#[test]
fn no_request_follows_a_reply_that_is_sent_bit_by_bit() {
    // Its bytes may be dropped during that reply, and the rest of it would be taken for a request.
    for (method, end) in [("GET", "0\r\n\r\n"), ("HEAD", "\r\n\r\n")] {
        let events = get("/events", "").replacen("GET", method, 1);
        let found = replies(&[events, get("/", "")].concat());
        assert_eq!(found.matches("HTTP/1.1 ").count(), 1, "{found}");
        assert!(found.contains("Connection: close\r\n") && found.ends_with(end), "{found}");
    }
}

#[test]
fn a_page_of_another_site_gets_nothing() {
    for host in ["evil.example", "evil.example:9734", ""] {
        let found = replies(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(found.starts_with("HTTP/1.1 421 ") && !found.contains("root"), "{found}");
    }
    let found = replies("GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(found.starts_with("HTTP/1.1 421 "), "{found}");
    let old = replies("GET / HTTP/1.0\r\n\r\n");
    assert!(
        old.starts_with("HTTP/1.1 200 OK\r\n") && old.contains("Connection: close\r\n"),
        "{old}"
    );
}

#[test]
fn a_handler_knows_whether_a_client_is_on_this_machine() {
    for (address, is_here) in [(([127, 0, 0, 1], 1), true), (([192, 0, 2, 1], 1), false)] {
        let (_, found) = replies_to(address.into(), &get("/where", ""), limits::Http::default());
        assert!(found.ends_with(&format!("\r\n\r\n{is_here}\n")), "{found}");
    }
    let mapped = "[::ffff:127.0.0.1]:1".parse().unwrap();
    assert!(Client::Tcp(mapped).is_on_this_machine());
}

#[test]
fn a_malformed_or_slow_request_ends_the_connection() {
    let address = ([192, 0, 2, 1], 1).into();
    let short = limits::Http {
        head_deadline: Duration::from_millis(20),
        admission: limits::Admission { linger: Duration::ZERO, ..limits::Http::DEFAULT.admission },
        ..limits::Http::DEFAULT
    };
    let (outcome, found) = replies_to(address, "LIST ALL P2P-CI/1.0\r\n\r\nGET / HTTP/1.1", short);
    assert_eq!(outcome, Outcome::Abuse);
    assert!(found.starts_with("HTTP/1.1 505 HTTP Version Not Supported\r\n"), "{found}");
    assert_eq!(found.matches("Date: ").count(), 1, "{found}");

    let (server, client) = pipe();
    let (server, shared) = (Arc::new(server), shared(short));
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            let outcome = serve(&shared, &server, address, 0);
            let _ = server.shutdown(Shutdown::Both);
            outcome
        });
        client.write_all(b"GET / HT").unwrap();
        assert!(client.read_text().starts_with("HTTP/1.1 408 "));
        assert_eq!(serving.join().unwrap(), Outcome::Abuse);
    });
}

#[test]
fn a_body_is_asked_for() {
    let (server, client) = pipe();
    let (server, shared) = (Arc::new(server), shared(limits::Http::default()));
    thread::scope(|scope| {
        scope.spawn(|| serve(&shared, &server, ([127, 0, 0, 1], 1).into(), 0));
        let head = "POST /form HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n\
                    Content-Length: 6\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        let asked = "HTTP/1.1 100 Continue\r\n\r\n";
        assert_eq!(client.read_up_to(asked.len()).unwrap(), asked.as_bytes());
        client.write_all(b"name=x").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let expected = "HTTP/1.1 200 OK\r\n";
        assert_eq!(client.read_up_to(expected.len()).unwrap(), expected.as_bytes());
    });
}

/// The events of a page that reads nothing are not kept: its connection ends.
#[test]
fn a_slow_reader_of_events_is_cut_off() {
    let (server, client) = pipe_of(1000);
    let limits = limits::Http {
        read_rate: limits::ReadRate { time: Duration::from_millis(1), ..limits::ReadRate::DEFAULT },
        ..limits::Http::DEFAULT
    };
    let (server, mut shared) = (Arc::new(server), shared(limits));
    shared.router = Router::default().get("/events", |_| {
        Reply::stream("text/event-stream", |stream| {
            // It ends only with an error.
            loop {
                stream.send(b"data: 1\n\n")?;
            }
        })
    });
    client.write_all(get("/events", "").as_bytes()).unwrap();
    // It returns although the client keeps the connection.
    assert_eq!(serve(&shared, &server, ([192, 0, 2, 1], 1).into(), 0), Outcome::Normal);
    drop(client);
}

fn server(addresses: &[&str]) -> HttpServer {
    let addresses: Vec<HttpAddress> =
        addresses.iter().map(|address| address.parse().unwrap()).collect();
    let listeners = HttpListeners::bind(&addresses).unwrap();
    listeners.serve(router(), Hosts::default(), limits::Http::default()).unwrap()
}

/// A server with this many connections at most.
fn small_server(connections: usize) -> HttpServer {
    let listeners = HttpListeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let limits = limits::Http { connections, ..limits::Http::default() };
    listeners.serve(router(), Hosts::default(), limits).unwrap()
}

fn connect(server: &HttpServer) -> TcpStream {
    let address = server.addresses()[0].to_string();
    TcpStream::connect(address).unwrap()
}

/// Reads until these bytes have arrived.
fn read_until(stream: &mut impl Read, end: &str) -> String {
    let mut found = Vec::new();
    while !found.ends_with(end.as_bytes()) {
        let mut byte = [0];
        assert_eq!(stream.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&found));
        found.extend_from_slice(&byte);
    }
    String::from_utf8(found).unwrap()
}

#[test]
fn events_are_sent_until_the_server_stops() {
    let server = server(&["127.0.0.1:0"]);
    let mut stream = connect(&server);
    stream.write_all(get("/events", "").as_bytes()).unwrap();
    let found = read_until(&mut stream, "\r\n\r\n9\r\ndata: 1\n\n\r\n");
    assert!(found.contains("Transfer-Encoding: chunked\r\n"), "{found}");
    let begun = Instant::now();
    drop(server);
    read_until(&mut stream, "c\r\ndata: last\n\n\r\n0\r\n\r\n");
    assert!(begun.elapsed() < Duration::from_secs(60));
}

#[test]
fn connections_are_bounded() {
    const MOST: usize = 4;
    let server = small_server(MOST);
    let mut streams: Vec<TcpStream> = (0..MOST).map(|_| connect(&server)).collect();
    for stream in &mut streams {
        stream.write_all(get("/events", "").as_bytes()).unwrap();
        read_until(stream, "data: 1\n\n\r\n");
    }
    let mut refused = String::new();
    connect(&server).read_to_string(&mut refused).unwrap();
    assert!(refused.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{refused}");
    // The end of a client ends its events.
    drop(streams.pop());
    loop {
        let mut stream = connect(&server);
        stream.write_all(get("/", "").as_bytes()).unwrap();
        let mut found = String::new();
        if stream.read_to_string(&mut found).is_ok() && found.starts_with("HTTP/1.1 200 OK\r\n") {
            break;
        }
    }
}

/// A connection that has sent a head without its body is closed when others need its place.
#[test]
fn a_request_without_its_body_gives_up_its_place() {
    let listeners = HttpListeners::bind(&["127.0.0.1:0".parse().unwrap()]).unwrap();
    let default = limits::Http::default();
    let long = Duration::from_secs(600);
    let limits = limits::Http { connections: 1, head_deadline: long, ..default };
    let server = listeners.serve(router(), Hosts::default(), limits).unwrap();
    let mut slow = connect(&server);
    slow.write_all(b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nname=")
        .unwrap();
    let begun = Instant::now();
    let mut found = String::new();
    while !found.starts_with("HTTP/1.1 200 OK\r\n") {
        assert!(begun.elapsed() < Duration::from_secs(60), "the place is kept: {found}");
        let mut stream = connect(&server);
        let _ = stream.write_all(get("/", "Connection: close\r\n").as_bytes());
        found.clear();
        // One that is refused may be reset.
        let _ = stream.read_to_string(&mut found);
        thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn a_unix_socket_names_the_user_and_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a b.sock");
    let name = path.to_str().unwrap();
    let router = Router::default().get("/user", |request| {
        let Client::Unix(user) = request.client else {
            return Reply::text(HttpStatus::Forbidden, "another transport");
        };
        Reply::text(HttpStatus::Ok, user.is_none_or(crate::system::LocalUser::may_control))
    });
    let listeners = HttpListeners::bind(&[name.parse().unwrap()]).unwrap();
    assert!(HttpListeners::bind(&[name.parse().unwrap()]).is_err(), "it is in use");
    let server = listeners.serve(router, Hosts::default(), limits::Http::default()).unwrap();
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    // No browser connects to it, so any host is fine.
    stream.write_all(b"GET /user HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut found = String::new();
    stream.read_to_string(&mut found).unwrap();
    assert!(found.ends_with("\r\n\r\ntrue\n"), "{found}");
    drop(server);
    assert!(!path.exists());
}
