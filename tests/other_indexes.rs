//! Index servers of other programs, as they were captured: what our peer sends to them, and what
//! it makes of their replies (protocol.md sections 4.9 and 8.5).

#![allow(clippy::unwrap_used, clippy::string_slice, reason = "a test may panic")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use common::{PATIENCE, Program, run_peer};

/// What a server does after one request.
enum Act {
    Say(Vec<u8>),
    SayAndClose(Vec<u8>),
}

fn say(reply: impl AsRef<[u8]>) -> Act {
    Act::Say(reply.as_ref().to_vec())
}

/// A server that remembers what it was sent.
struct Other {
    address: SocketAddr,
    requests: Receiver<String>,
}

impl Other {
    /// `act` gets each request and its number on its connection.
    fn start(act: impl Fn(&str, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = channel();
        let act = std::sync::Arc::new(act);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (act, sender) = (act.clone(), sender.clone());
                thread::spawn(move || serve(stream, &*act, &sender));
            }
        });
        Self { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.try_iter().collect()
    }

    fn run(&self, arguments: &[&str], folder: &Path) -> (i32, String, String) {
        run_peer(&[&[&*self.address.to_string()], arguments].concat(), "", folder)
    }
}

fn serve(mut stream: TcpStream, act: &dyn Fn(&str, usize) -> Act, sender: &Sender<String>) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap());
    let (mut request, mut number) = (String::new(), 0);
    loop {
        let before = request.len();
        if !lines.read_line(&mut request).is_ok_and(|count| count > 0) {
            return;
        }
        if !request[before..].trim().is_empty() {
            continue;
        }
        let whole = std::mem::take(&mut request);
        let _ = sender.send(whole.clone());
        match act(&whole, number) {
            Act::Say(reply) => drop(stream.write_all(&reply)),
            Act::SayAndClose(reply) => {
                let _ = stream.write_all(&reply);
                let _ = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
        }
        number += 1;
    }
}

/// A document server that sends the same four bytes to everybody; returns its port.
fn uploader() -> u16 {
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody".to_vec())
    });
    other.address.port()
}

fn temporary() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// What no unknown server may be sent.
fn has_extension(request: &str) -> bool {
    let headers = ["Digest:", "Length:", "Limit:"];
    let lines = ["FILE", "SEARCH", "REMOVE"];
    headers.iter().any(|header| request.contains(header))
        || lines.iter().any(|word| request.lines().next().unwrap().contains(word))
}

#[test]
fn a_refusal_is_no_empty_answer() {
    let folder = temporary();
    for (code, expected) in [(400, 76), (416, 76), (503, 69), (505, 76), (404, 66)] {
        let refusing = move |_: &str, _| {
            say(format!("P2P-CI/1.0 {code} No\r\nReason: because of the test\r\n\r\n"))
        };
        let commands: [&[&str]; 9] = [
            &["--share", ".", "sync"],
            &["--share", ".", "get", "7"],
            &["--share", ".", "get", "7", "8"],
            &["lookup", "7", "--probe"],
            &["lookup", "7"],
            &["list"],
            &["peers"],
            &["search", "x"],
            &["status"],
        ];
        for command in commands {
            let is_lookup = command.iter().any(|word| ["get", "lookup"].contains(word));
            // 404 is the answer to LIST and SEARCH of servers with an empty list.
            let expected = if code == 404 && !is_lookup { 0 } else { expected };
            let other = Other::start(refusing);
            let (found, output, errors) = other.run(command, folder.path());
            assert_eq!(found, expected, "{code} {command:?}: {output}{errors}");
            let says = format!("{output}{errors}");
            if expected != 0 && code != 404 {
                assert!(says.contains(&code.to_string()), "{code} {command:?}: {says}");
                assert!(says.contains("because of the test"), "{code} {command:?}: {says}");
            }
        }
    }
}

#[test]
fn a_refusal_keeps_what_is_wanted() {
    let folder = temporary();
    let state = temporary();
    let other = Other::start(|_, _| say("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"));
    let index = other.address.to_string();
    let get = |arguments: &[&str]| {
        let arguments = [&[index.as_str(), "--share", "."], arguments].concat();
        common::run_peer_again(&arguments, state.path(), folder.path())
    };
    assert_eq!(get(&["get", "7"]).0, 69);
    // Without an argument: what is unfinished.
    let (code, output, errors) = get(&["get"]);
    assert_eq!(code, 69, "{output}{errors}");
}

/// No final empty line, no record, and no line end: what is complete is used, and soon.
#[test]
fn replies_without_an_end() {
    let port = uploader();
    let rows = format!("RFC 7 T localhost {port}\n");
    for (reply, seconds, is_complete) in [
        (format!("P2P-CI/1.0 200 OK\n{rows}"), 1, false),
        (format!("P2P-CI/1.0 200 OK\n\n{rows}"), 5, false),
        (format!("P2P-CI/1.0 200 OK\n{rows}\n"), 0, true),
    ] {
        let said = reply.clone();
        let other = Other::start(move |_, _| say(&said));
        let folder = temporary();
        let begun = Instant::now();
        let (code, output, errors) = other.run(&["--format", "json", "list"], folder.path());
        let took = begun.elapsed();
        assert_eq!(code, 0, "{reply:?}: {errors}");
        assert_eq!(output.contains(r#""complete":false"#), !is_complete, "{reply:?}: {output}");
        assert_eq!(errors.contains("may be incomplete"), !is_complete, "{reply:?}: {errors}");
        assert!(output.contains(r#""rfc":7"#), "{reply:?}: {output}");
        assert!(took >= Duration::from_secs(seconds), "{reply:?}: {took:?}");
        assert!(took < Duration::from_secs(25), "{reply:?}: {took:?}");
        if seconds != 5 {
            let (code, _, errors) = other.run(&["--share", ".", "sync"], folder.path());
            assert_eq!(code, if is_complete { 0 } else { 76 }, "{reply:?}: {errors}");
            assert_eq!(fs::read_to_string(folder.path().join("rfc7.txt")).unwrap(), "body");
        }
        assert!(other.requests().iter().all(|request| !has_extension(request)));
    }
}

#[test]
fn a_refusal_is_complete_at_its_status_line() {
    let folder = temporary();
    let other = Other::start(|_, _| say("P2P-CI/1.0 404 Not Found\n"));
    let begun = Instant::now();
    assert_eq!(other.run(&["lookup", "7"], folder.path()).0, 66);
    assert_eq!(other.run(&["list"], folder.path()).0, 0);
    assert!(begun.elapsed() < Duration::from_secs(15));
}

#[test]
fn a_search_is_answered_by_the_list_if_the_400_has_no_empty_line() {
    let folder = temporary();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("SEARCH") => say("P2P-CI/1.0 400 Bad Request\n"),
        _ => say("P2P-CI/1.0 200 OK\nRFC 8 A House h 1\nRFC 9 A Tree h 1\n"),
    });
    let (code, output, errors) = other.run(&["search", "house"], folder.path());
    assert_eq!((code, output.as_str()), (0, "RFC 8 A House h 1\n"), "{errors}");
}

/// What is missing, and what was there.
#[test]
fn a_message_says_what_is_missing() {
    let folder = temporary();
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\nRFC 8 The".to_vec())
    });
    let (code, output, errors) = other.run(&["list"], folder.path());
    assert_eq!(code, 76);
    assert!(output.contains("RFC 7 T h 1"), "{output}");
    assert!(errors.contains("expected the rest of the reply"), "{errors}");
    assert!(errors.contains("`RFC 8 The`"), "{errors}");
}

/// A server that answers one request with two refusals, and titles with what follows them.
#[test]
fn nothing_is_shifted_by_a_second_refusal() {
    let port = uploader();
    let other = Other::start(move |request, _| {
        if request.contains("Want-Attributes") {
            return say("P2P-CI/1.0 400 Bad Request\r\n\r\nP2P-CI/1.0 400 Bad Request\r\n\r\n");
        }
        say(format!("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\n\r\n"))
    });
    let folder = temporary();
    let (code, output, errors) = other.run(&["--share", ".", "get", "7"], folder.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert!(errors.contains("expected nothing, found"), "{errors}");
    assert!(errors.contains("the connection is replaced"), "{errors}");
}

/// A server that finds documents by title, or not at all: its list is requested once.
#[test]
fn the_list_is_requested_once_where_lookup_finds_nothing() {
    let port = uploader();
    for refusal in ["404 Not Found", "400 Bad Request"] {
        let other = Other::start(move |request, _| match request.split(' ').next() {
            Some("LOOKUP") => say(format!("P2P-CI/1.0 {refusal}\r\n\r\n")),
            _ => say(format!(
                "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T localhost {port}\r\nRFC 8 U localhost {port}\r\n\r\n"
            )),
        });
        let folder = temporary();
        let (code, output, errors) = other.run(&["--share", ".", "get", "7", "8"], folder.path());
        assert_eq!(code, 0, "{output}{errors}");
        let requests = other.requests();
        let lists = requests.iter().filter(|request| request.starts_with("LIST ")).count();
        assert_eq!(lists, 1, "{requests:#?}");
        assert!(requests.iter().all(|request| !has_extension(request)), "{requests:#?}");
        let (code, output, errors) = other.run(&["lookup", "8"], folder.path());
        assert_eq!((code, output), (0, format!("RFC 8 U localhost {port}\n")), "{errors}");
    }
}

#[test]
fn one_request_on_a_connection() {
    let port = uploader();
    let other = Other::start(move |request, _| {
        let row = match request.split(' ').nth(2) {
            Some("8") => format!("RFC 8 U localhost {port}\n"),
            _ => format!("RFC 7 T localhost {port}\n"),
        };
        Act::SayAndClose(format!("P2P-CI/1.0 200 OK\n{row}").into_bytes())
    });
    let folder = temporary();
    let (code, output, errors) = other.run(&["--share", ".", "get", "7", "8"], folder.path());
    assert_eq!(code, 0, "{output}{errors}");
    assert_eq!(other.run(&["peers"], folder.path()).0, 0);
}

#[test]
fn line_feeds_after_a_505() {
    let other = Other::start(|request, _| match request.contains('\r') {
        true => say("P2P-CI/1.0 505 P2P-CI Version Not Supported\n"),
        false => say("P2P-CI/1.0 200 OK\nRFC 7 T h 1\n\n"),
    });
    let folder = temporary();
    let (code, output, errors) = other.run(&["lookup", "7"], folder.path());
    assert_eq!(code, 0, "{errors}");
    assert!(output.ends_with("RFC 7 T h 1\n\n"), "{output:?}");
    assert_eq!(other.requests().len(), 2);
    // Registration, too; and both line ends are tried once.
    fs::write(folder.path().join("rfc7.txt"), "seven").unwrap();
    let other_share = share(&other, folder.path());
    assert!(other_share.line().starts_with("registered 1 "));
    let refusing = Other::start(|_, _| say("P2P-CI/1.0 505 No\n"));
    assert_eq!(refusing.run(&["lookup", "7"], folder.path()).0, 76);
    assert_eq!(refusing.requests().len(), 2);
}

fn share(other: &Other, folder: &Path) -> Program {
    let program =
        common::peer(other.address, &["--share", ".", "--upload", "127.0.0.1:0", "share"], folder);
    program.line();
    program
}

/// A server that takes every header for part of the title is sent no header that it does not know,
/// and one whose ADD has no record, no empty line or no line end is waited for a second once.
#[test]
fn registering_with_servers_of_every_form() {
    let replies = [
        "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 T h 1\r\n\r\n",
        "P2P-CI/1.0 200 OK\nRFC 1 T h 1\n",
        "P2P-CI/1.0 200 OK\r\nRFC 1 T h 1",
        "P2P-CI/1.0 200 OK\r\n",
        "P2P-CI/1.0 200 OK\r\n\n",
        "P2P-CI/1.0 404 Not Found\n",
    ];
    for reply in replies {
        let folder = temporary();
        for number in 1..=9 {
            fs::write(folder.path().join(format!("rfc{number}.txt")), "text").unwrap();
        }
        fs::write(folder.path().join("lecture.pdf"), "text").unwrap();
        let other = Other::start(move |request, _| match request.split(' ').next() {
            Some("LOOKUP") => say("P2P-CI/1.0 404 Not Found\r\n\r\n"),
            _ => say(reply),
        });
        let program = share(&other, folder.path());
        let expected = if reply.contains("404") { 0 } else { 9 };
        let line = program.line();
        assert!(line.starts_with(&format!("registered {expected} ")), "{reply:?}: {line}");
        program.error_with("1 document not registered");
        let requests = other.requests();
        assert_eq!(requests.len(), 10, "{reply:?}: {requests:#?}");
        assert!(requests[0].starts_with("ADD RFC 1 "), "{requests:#?}");
        assert!(requests[1].starts_with("LOOKUP RFC 1 "), "{requests:#?}");
        let probe = "Title: rfc1.txt\r\nWant-Attributes: 1\r\n\r\n";
        assert!(requests[1].ends_with(probe), "{requests:#?}");
        assert!(requests.iter().all(|request| !has_extension(request)), "{requests:#?}");
    }
}

/// Bytes that nobody has asked for end the connection, which is made again.
#[test]
fn registration_survives_unsolicited_bytes() {
    let folder = temporary();
    fs::write(folder.path().join("rfc7.txt"), "seven").unwrap();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("LOOKUP") => say(
            "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\nAdded: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n",
        ),
        _ => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n\r\nP2P-CI/1.0 200 OK\r\n\r\n\r\n"),
    });
    let program = share(&other, folder.path());
    program.line();
    program.error_with("expected nothing, found `P2P-CI/1.0 200 OK`");
}

/// A full index: it is told why, once, and does not come back four times a second.
#[test]
fn a_full_index_is_contacted_with_backoff() {
    let folder = temporary();
    fs::write(folder.path().join("rfc7.txt"), "seven").unwrap();
    let other = Other::start(|_, _| {
        Act::SayAndClose(b"P2P-CI/1.0 503 Service Unavailable\r\n\r\n".to_vec())
    });
    let program = share(&other, folder.path());
    program.error_with("503 Service Unavailable");
    let begun = Instant::now();
    let mut attempts = 1;
    while begun.elapsed() < Duration::from_secs(4) {
        let left = Duration::from_secs(4).saturating_sub(begun.elapsed());
        attempts += usize::from(other.requests.recv_timeout(left).is_ok());
    }
    // After 0.25, 0.5, 1 and 2 seconds, each a quarter less or more.
    assert!(attempts <= 8, "{attempts} attempts in 4 s");
}

/// An index that has room for three records of a connection: the rest waits until there is room.
#[test]
fn documents_beyond_the_limit_are_told_once_and_tried_again() {
    let folder = temporary();
    for number in 1..=5 {
        fs::write(folder.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    let held = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let other = Other::start(move |request, _| {
        let mut words = request.split(' ');
        let (method, number) = (words.next().unwrap(), words.nth(1).unwrap().to_string());
        let mut held = held.lock().unwrap();
        let row = format!("P2P-CI/1.0 200 OK\r\n\r\nRFC {number} T h 1\r\n");
        match method {
            "LOOKUP" => say(row + "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"),
            "REMOVE" => {
                held.remove(&number);
                say(row + "\r\n")
            }
            _ if held.len() < 3 || held.contains(&number) => {
                held.insert(number);
                say(row + "\r\n")
            }
            _ => say("P2P-CI/1.0 503 Service Unavailable\r\n\r\n"),
        }
    });
    let program = share(&other, folder.path());
    assert!(program.line().starts_with("registered 3 "));
    program.error_with("the index did not register RFC 4 and 1 others: 503");
    fs::remove_file(folder.path().join("rfc1.txt")).unwrap();
    program.error_with("registered 1 more");
    fs::remove_file(folder.path().join("rfc2.txt")).unwrap();
    program.error_with("registered 1 more");
    // Everything was registered: what is refused now is news.
    fs::write(folder.path().join("rfc6.txt"), "text").unwrap();
    program.error_with("the index did not register RFC 6");
}

/// A server that ends the connection when it is asked something that it does not know.
#[test]
fn a_search_where_the_connection_is_closed() {
    let folder = temporary();
    let other = Other::start(|request, _| match request.split(' ').next() {
        Some("SEARCH") => Act::SayAndClose(Vec::new()),
        _ => say("P2P-CI/1.0 200 OK\r\n\r\nRFC 8 A House h 1\r\n\r\n"),
    });
    let (code, output, errors) = other.run(&["search", "house"], folder.path());
    assert_eq!((code, output.as_str()), (0, "RFC 8 A House h 1\n"), "{errors}");
}

/// A server that sends a status, and then one line again and again until nobody reads.
fn endless(first: &'static str, line: &'static str) -> (SocketAddr, Receiver<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, sent) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let sender = sender.clone();
            thread::spawn(move || {
                let lines = line.repeat(64 * 1024 / line.len());
                let mut count = 0;
                let _ = BufReader::new(&stream).read_line(&mut String::new());
                let _ = stream.write_all(first.as_bytes());
                while count < 400 << 20 && stream.write_all(lines.as_bytes()).is_ok() {
                    count += lines.len();
                }
                let _ = sender.send(count);
            });
        }
    });
    (address, sent)
}

const FOUND: &str = "P2P-CI/1.0 200 OK\r\n\r\n";

#[test]
fn attributes_without_end_are_a_breach() {
    let folder = temporary();
    let first = "P2P-CI/1.0 200 OK\r\n\r\nRFC 7 T h 1\r\n";
    for line in ["Length: 1\r\n", "X-Unknown: 1\r\n", "Added: Sun, 06 Nov 1994 08:49:37 GMT\r\n"] {
        let (address, _) = endless(first, line);
        for command in [&["lookup", "7"][..], &["list"], &["peers"], &["browse", "h:2"]] {
            let index = address.to_string();
            let arguments = [&[&*index], command].concat();
            let (code, _, errors) = run_peer(&arguments, "", folder.path());
            // Where the record is what is wanted, it is used.
            let expected = if command[0] == "peers" { 0 } else { 76 };
            assert_eq!(code, expected, "{line:?} {command:?}: {errors}");
            assert!(errors.contains("at most 64 headers"), "{line:?} {command:?}: {errors}");
        }
    }
}

#[test]
fn holders_without_end_are_cut_off() {
    let folder = temporary();
    let (address, sent) = endless(FOUND, "RFC 7 T h 1\r\nLength: 1\r\n");
    let index = address.to_string();
    let arguments = [&*index, "--share", ".", "get", "7"];
    let (code, _, errors) = run_peer(&arguments, "", folder.path());
    assert_ne!(code, 0);
    assert!(errors.contains("only the first 10000 were read"), "{errors}");
    assert!(sent.recv_timeout(PATIENCE).unwrap() < 20 << 20);
}

/// `list | head -1`: a reader that has enough ends the request.
#[test]
fn a_closed_pipe_ends_the_request() {
    let folder = temporary();
    let (address, sent) = endless(FOUND, "RFC 7 A Title host.example 1\r\n");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_peer"))
        .args([&*address.to_string(), "list"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("P2P-CI/1.0 200 OK"), "{line}");
    assert!(sent.recv_timeout(PATIENCE).unwrap() < 100 << 20);
    child.wait().unwrap();
}

/// A query does not use the connection of the registration, and closes its own when it is done.
#[test]
fn queries_have_a_connection_of_their_own() {
    let folder = temporary();
    fs::write(folder.path().join("rfc7.txt"), "seven").unwrap();
    let index = common::Index::start(&[]);
    let state = temporary();
    let arguments = [&*index.address.to_string(), "--share", "."];
    let peer = env!("CARGO_BIN_EXE_peer");
    let mut shell = Program::start_again(peer, &arguments, state.path(), folder.path());
    shell.line();
    assert!(shell.line().starts_with("registered 1 "));
    let connections = |index: &common::Index| {
        let path = format!("/proc/{}/fd", index.program.id());
        let Ok(files) = fs::read_dir(path) else { return 0 };
        let files = files.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        files.filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    };
    let before = connections(&index);
    shell.type_line("list");
    while !shell.line().starts_with("RFC 7 ") {}
    shell.type_line("docs");
    while !shell.line().starts_with("RFC 7 rfc7") {}
    // The query's connection is gone, and the registration is not.
    let begun = Instant::now();
    while connections(&index) != before {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
    assert_eq!(index.list().len(), 1);
    assert!(shell.end_input().success());
}
