//! The status page: its files, its events, and what other sites and other machines get.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use serde_json::Value;

use super::{get, index, sharing_peer};
use crate::common::{Index, PATIENCE, uninterrupted};

/// A stream of events.
pub(super) struct Events {
    stream: TcpStream,
    text: String,
}

impl Events {
    /// Connects, and reads the head.
    pub(super) fn open(address: SocketAddr, lines: &str) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n").unwrap();
        let mut events = Self { stream, text: String::new() };
        events.read_until("\r\n\r\n");
        events
    }

    /// Reads until this text has arrived, and returns what is before and with it.
    fn read_until(&mut self, end: &str) -> String {
        let begun = Instant::now();
        loop {
            if let Some(at) = self.text.find(end) {
                let rest = self.text.split_off(at + end.len());
                return std::mem::replace(&mut self.text, rest);
            }
            assert!(self.fill(), "{end:?} does not arrive: {}", self.text);
            assert!(begun.elapsed() < PATIENCE * 3, "{end:?} does not arrive: {}", self.text);
        }
    }

    fn fill(&mut self) -> bool {
        let mut chunk = [0; 4096];
        let count = uninterrupted(|| self.stream.read(&mut chunk)).unwrap();
        self.text.push_str(std::str::from_utf8(&chunk[..count]).unwrap());
        count > 0
    }

    /// The object of the next event with this name.
    pub(super) fn next(&mut self, name: &str) -> Value {
        self.read_until(&format!("event: {name}\ndata: "));
        let data = self.read_until("\n\n");
        serde_json::from_str(data.trim()).unwrap()
    }

    /// The next state that is as expected.
    pub(super) fn state(&mut self, is_expected: impl Fn(&Value) -> bool) -> Value {
        // Heartbeats keep a stream alive on which the state does not change.
        let begun = Instant::now();
        loop {
            let state = self.next("state");
            if is_expected(&state) {
                return state;
            }
            assert!(begun.elapsed() < PATIENCE * 3, "{state}");
        }
    }
}

#[test]
fn all_files_are_protected_and_refer_to_each_other_only() {
    let (_index, server) = index();
    let directory = tempfile::tempdir().unwrap();
    let (_peer, peer, _) = sharing_peer(_index.address, directory.path());
    for address in [server, peer] {
        let (_, page) = get(address, "/");
        assert!(page.starts_with("<!doctype html>") && !page.contains("<!-- "), "{page}");
        let mut files = vec!["/".to_string()];
        for quoted in page.split('"').filter(|text| text.starts_with('/')) {
            files.push(quoted.into());
        }
        let scripts = ["page.js", "dom.js", "connection.js", "chart.js"];
        files.extend(scripts.map(|name| format!("/{name}")));
        for file in &files {
            let (head, body) = get(address, file);
            assert!(head.starts_with("HTTP/1.1 200 "), "{file}: {head}");
            for foreign in
                ["innerHTML", "insertAdjacent", "eval(", " style=", " onclick=\"", "https:"]
            {
                assert!(!body.contains(foreign), "{file}: {foreign}");
            }
            for import in body.split(" from \"").skip(1).filter(|_| file.ends_with(".js")) {
                let path = import.split('"').next().unwrap();
                assert!(get(address, path).0.starts_with("HTTP/1.1 200 "), "{file}: {path}");
            }
        }
        files.extend(["/events", "/metrics", "/nothing", "/admin/peers"].map(Into::into));
        for file in files.iter().filter(|file| *file != "/events") {
            let (head, _) = get(address, file);
            let policy = "Content-Security-Policy: default-src 'none'; script-src 'self'; ";
            for line in [policy, "frame-ancestors 'none'", "nosniff", "no-referrer", "same-origin"]
            {
                assert!(head.contains(line), "{file}: {line}: {head}");
            }
        }
    }
}

#[test]
fn events_show_what_happens() {
    let (index, admin) = index();
    let mut events = Events::open(admin, "");
    let hello = events.next("hello");
    assert_eq!((&hello["program"], &hello["may_change"]), (&"server".into(), &false.into()));
    assert_eq!(hello["shows_addresses"], true);
    assert_eq!(events.next("state")["peers"], 0);
    let mut talk = index.connect();
    talk.add(1, "T", "h", 7);
    let request = events.next("requests")["requests"][0].clone();
    assert_eq!((&request["method"], &request["subject"]), (&"ADD".into(), &"RFC 1".into()));
    assert_eq!((&request["status"], &request["records"]), (&200.into(), &Value::Null));
    assert!(request["client"].as_str().unwrap().starts_with("127.0.0.1:"));
    events.state(|state| state["peers"] == 1 && state["records"] == 1);
    // What would be markup or another event is data.
    let hostile = "<img src=x onerror=alert(1)> \\u0022 event: state";
    talk.say(format!("SEARCH ALL P2P-CI/1.0\r\nHost: h\r\nPort: 7\r\nTitle: {hostile}\r\n\r\n"));
    talk.reply();
    let request = events.next("requests")["requests"][0].clone();
    assert_eq!((&request["method"], &request["subject"]), (&"SEARCH".into(), &hostile.into()));
    talk.say("LOOKUP RFC 9 P2P-CI/1.0\r\nHost: h\r\nPort: 7\r\n\r\n");
    talk.reply();
    let request = events.next("requests")["requests"][0].clone();
    assert_eq!((&request["subject"], &request["status"]), (&"RFC 9".into(), &404.into()));
    talk.say("LOKUP RFC 9 P2P-CI/1.0\r\nHost: h\r\nPort: 7\r\n\r\n");
    talk.reply();
    assert_eq!(events.next("requests")["requests"][0]["status"], 400);
    drop(talk);
    events.state(|state| state["peers"] == 0 && state["records"] == 0);
}

#[test]
fn many_requests_are_counted_instead_of_shown() {
    let (index, admin) = index();
    let mut events = Events::open(admin, "");
    events.next("hello");
    let mut talk = index.connect();
    let all = 5000;
    talk.say("LOOKUP RFC 9 P2P-CI/1.0\r\nHost: h\r\nPort: 7\r\n\r\n".repeat(all));
    let (mut shown, mut dropped) = (0, 0);
    while shown + dropped < all {
        let requests = events.next("requests");
        shown += requests["requests"].as_array().unwrap().len();
        dropped += usize::try_from(requests["dropped"].as_u64().unwrap()).unwrap();
    }
    assert_eq!(shown + dropped, all);
    assert!(dropped > 0);
}

#[test]
fn streams_are_bounded_and_the_reason_is_said() {
    let (index, admin) = index();
    let attempt = || {
        let mut stream = TcpStream::connect(admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let request = "GET /events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        if &begin == b"HTTP/1.1 503" { Err(stream) } else { Ok(stream) }
    };
    let mut open = Vec::new();
    let mut refused = loop {
        assert!(open.len() <= 16, "more than 16 streams");
        match attempt() {
            Ok(stream) => open.push(stream),
            Err(stream) => break stream,
        }
    };
    let mut reason = String::new();
    refused.read_to_string(&mut reason).unwrap();
    let expected = format!("\r\n\r\n{} status pages are open already; close one", open.len());
    assert!(reason.contains(&expected), "{reason}");
    assert!(get(admin, "/healthz").0.starts_with("HTTP/1.1 200 "), "others are served");
    // The end of one makes room for another.
    drop(open.pop());
    let begun = Instant::now();
    while attempt().is_err() {
        assert!(begun.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    drop(index);
}

#[test]
fn streams_end_with_the_program() {
    let (mut index, admin) = index();
    let mut events = Events::open(admin, "");
    events.next("state");
    index.program.signal("TERM");
    events.read_until("\r\n0\r\n\r\n");
    assert!(!events.fill());
    assert!(index.program.wait().success());
}

/// A page of another site cannot read what a browser sends it.
#[test]
fn other_sites_read_nothing() {
    let (_index, admin) = index();
    for (line, code) in [
        ("Origin: http://evil.example", 403),
        ("Origin: null", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-site", 403),
        ("Origin: http://localhost:1", 403),
        ("X-P2P-CI-Token: 0123", 401),
    ] {
        let mut stream = TcpStream::connect(admin).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: localhost\r\n{line}\r\n\r\n").unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).unwrap();
        assert_eq!(begin, *format!("HTTP/1.1 {code}").as_bytes(), "{line}");
    }
    let mut events =
        Events::open(admin, "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n");
    events.next("hello");
}

/// Behind a proxy the clients are those of other machines.
#[test]
fn addresses_are_shown_on_loopback_only() {
    let (index, admin) = index();
    let everywhere = Index::start(&["--admin", "0.0.0.0:0"]);
    let port = super::admin_address(&everywhere.program).port();
    for (index, admin, line) in [
        (&index, admin, "X-Forwarded-For: 192.0.2.1\r\n"),
        (&everywhere, ([127, 0, 0, 1], port).into(), ""),
    ] {
        let mut events = Events::open(admin, line);
        let hello = events.next("hello");
        assert_eq!(hello["shows_addresses"], false, "{line}");
        events.next("state");
        index.connect().add(1, "T", "h", 7);
        assert_eq!(events.next("requests")["requests"][0]["client"], Value::Null, "{line}");
    }
}

fn object(address: SocketAddr, path: &str) -> Value {
    let (head, body) = get(address, path);
    assert!(head.starts_with("HTTP/1.1 200 "), "{head} {body}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn peers_and_titles_are_found() {
    let (index, admin) = index();
    let title = "<script>alert(1)</script> & \"quotes\"";
    let mut talk = index.connect();
    talk.add(1, title, "h.example", 7);
    let mut other = index.connect();
    other.add(1, title, "h2.example", 8);
    other.add(2, "Other", "h2.example", 8);
    let peers = object(admin, "/page/peers?q=H2.example&sort=records");
    assert_eq!((&peers["total"], &peers["matching"]), (&2.into(), &1.into()));
    let peer = &peers["peers"][0];
    assert_eq!((&peer["endpoint"], &peer["records"]), (&"h2.example:8".into(), &2.into()));
    let found = object(admin, "/page/search?q=alert");
    let document = &found["documents"][0];
    assert_eq!((&document["document"], &document["title"]), (&"RFC 1".into(), &title.into()));
    assert_eq!((&found["records"], &found["has_more"]), (&2.into(), &false.into()));
    let (head, reason) = get(admin, "/page/search?q=%20");
    assert!(head.starts_with("HTTP/1.1 400 ") && reason.contains("words of a title"), "{reason}");
    assert_eq!(object(admin, "/page/search?q=nothing")["records"], 0);
}
