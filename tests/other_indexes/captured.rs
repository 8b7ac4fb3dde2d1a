//! Index servers as they were captured, each as a row of a table: what our peer can do with them,
//! and what it says of those with which it can do nothing.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::{self, PATIENCE};
use crate::fake::{has_extension, temporary, uploader};

/// How a server finds the end of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    /// What one read returns is a request.
    Once,
    /// To the empty line.
    EmptyLine,
    /// To a line `END`.
    EndLine,
    /// A number of lines that depends on the method. Every other line is a request of its own.
    Lines,
    /// A request, of which nothing more is read: the connection is closed after the reply.
    EmptyLineAndCloses,
}

/// A server. `N`, `T`, `H` and `P` stand for number, title, host and port.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    greeting: &'static str,
    reads: Reads,
    /// What comes before the records of a list, a record, and what comes after them.
    list: [&'static str; 3],
    empty_list: &'static str,
    found: [&'static str; 3],
    none: &'static str,
    add: &'static str,
    /// The reply to what it does not understand.
    other: &'static str,
}

const STRICT: Kind = Kind {
    name: "strict",
    greeting: "",
    reads: Reads::EmptyLine,
    list: ["P2P-CI/1.0 200 OK\r\n\r\n", "RFC N T H P\r\n", "\r\n"],
    empty_list: "P2P-CI/1.0 200 OK\r\n\r\n\r\n",
    found: ["P2P-CI/1.0 200 OK\r\n\r\n", "RFC N T H P\r\n", "\r\n"],
    none: "P2P-CI/1.0 404 Not Found\r\n\r\n",
    add: "P2P-CI/1.0 200 OK\r\n\r\nRFC N T H P\r\n\r\n",
    other: "P2P-CI/1.0 400 Bad Request\r\n\r\n",
};

const LINE_FEEDS: Kind = Kind {
    name: "line feeds, nothing at the end",
    reads: Reads::Once,
    list: ["P2P-CI/1.0 200 OK\n", "RFC N T H P\n", ""],
    empty_list: "P2P-CI/1.0 404 Not Found\n",
    found: ["P2P-CI/1.0 200 OK\n", "RFC N T H P\n", ""],
    none: "P2P-CI/1.0 404 Not Found\n",
    add: "P2P-CI/1.0 200 OK\nRFC N T H P\n",
    other: "P2P-CI/1.0  400 Bad Request\n",
    ..STRICT
};

/// Those with which everything works.
const WORKING: &[Kind] = &[
    STRICT,
    LINE_FEEDS,
    Kind { name: "a", add: "P2P-CI/1.0 200 OK\r\nRFC N T H P", ..LINE_FEEDS },
    Kind {
        name: "d",
        reads: Reads::Lines,
        add: "P2P-CI/1.0 200 OK\r\nRFC N T H P\r\n\r\n",
        ..STRICT
    },
    Kind {
        name: "e",
        list: ["P2P-CI/1.0 200 OK\n", "N T H P\n", "\n"],
        found: ["P2P-CI/1.0 200 OK\n", "N T H P\n", "\n"],
        none: "P2P-CI/1.0 404 Not Found\n\n",
        empty_list: "P2P-CI/1.0 404 Not Found\n\n",
        add: "P2P-CI/1.0 200 OK\r\n\n",
        ..LINE_FEEDS
    },
    Kind { name: "g", add: "P2P-CI/1.0 200 OK\nRFC N H P T\n", ..LINE_FEEDS },
    Kind {
        name: "h",
        list: ["P2P-CI/1.0 200 OK\r\n", "RFC N T H P\r\n", ""],
        empty_list: "P2P-CI/1.0 200 OK\r\n",
        found: ["P2P-CI/1.0 200 OK\r\n", "RFC N T H P\r\n", ""],
        none: "P2P-CI/1.0 200 OK\r\n",
        add: "P2P-CI/1.0 200 OK\r\n",
        other: "P2P-CI/1.0 400 Bad Request\r\n",
        ..LINE_FEEDS
    },
    Kind {
        name: "j",
        list: ["P2P-CI/1.0 200 OK\r\n", "N T H P\r\n", "\r\n"],
        found: ["P2P-CI/1.0 200 OK\r\n", "RFC N T H P\r\n", "\r\n"],
        add: "P2P-CI/1.0 200 OK\r\nRFC N T H P\r\n\r\n",
        ..STRICT
    },
    Kind { name: "one request on a connection", reads: Reads::EmptyLineAndCloses, ..LINE_FEEDS },
    Kind { name: "one strict request", reads: Reads::EmptyLineAndCloses, ..STRICT },
    Kind { name: "greets", greeting: "Welcome to the index\r\n", ..LINE_FEEDS },
    Kind { name: "greets without a line end", greeting: "HELLO ", ..STRICT },
];

/// Replies without a status, and none to ADD.
const B: Kind = Kind {
    name: "b",
    list: ["{'0951': ['Bootstrap Protocol', ['CLIENT1: 47725']]}", "", ""],
    found: ["Error RFC not found", "", ""],
    none: "Error RFC not found",
    add: "",
    other: "",
    ..LINE_FEEDS
};

/// Requests end with a line `END`.
const C: Kind = Kind { name: "c", reads: Reads::EndLine, ..LINE_FEEDS };

/// Records of another form, and another word for LIST ALL.
const F: Kind = Kind {
    name: "f",
    list: ["P2P-CI/1.0 400 Bad Request\n", "", ""],
    empty_list: "P2P-CI/1.0 400 Bad Request\n",
    found: ["P2P-CI/1.0 200 OK\n", "N<sp>T<sp>H<sp>46048<sp>P\n", ""],
    add: "P2P-CI/1.0 200 OK\nRFC N T H P",
    ..LINE_FEEDS
};

struct Added {
    number: String,
    title: String,
    host: String,
    port: String,
}

impl Added {
    /// A reply or a record with its values. Letters count only as words of their own.
    fn fill(&self, template: &str) -> String {
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        let mut filled = String::new();
        let mut rest = template;
        while let Some(start) = rest.find(is_letter) {
            let (before, word) = rest.split_at(start);
            let (word, after) = word.split_at(word.find(|c| !is_letter(c)).unwrap_or(word.len()));
            filled.push_str(before);
            filled.push_str(match word {
                "N" => &self.number,
                "T" => &self.title,
                "H" => &self.host,
                "P" => &self.port,
                word => word,
            });
            rest = after;
        }
        filled + rest
    }
}

/// A running server.
struct Server {
    index: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// It has RFC 7 of a holder at this port.
    fn start(kind: Kind, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let index = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let held = Added {
            number: "7".into(),
            title: "A House".into(),
            host: "localhost".into(),
            port: port.to_string(),
        };
        let held = Arc::new(Mutex::new(vec![held]));
        let said = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (said, held) = (Arc::clone(&said), Arc::clone(&held));
                thread::spawn(move || serve(stream, kind, &said, &held));
            }
        });
        Self { index, requests }
    }

    fn run(&self, arguments: &[&str], input: &str, folder: &Path) -> (i32, String, String) {
        common::run_peer(&[&[&*self.index], arguments].concat(), input, folder)
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(mut stream: TcpStream, kind: Kind, said: &Mutex<Vec<String>>, held: &Mutex<Vec<Added>>) {
    stream.set_read_timeout(Some(PATIENCE * 3)).unwrap();
    let _ = stream.write_all(kind.greeting.as_bytes());
    let (mut input, mut chunk) = (String::new(), [0; 4096]);
    loop {
        while let Some(request) = next_request(kind.reads, &mut input) {
            said.lock().unwrap().push(request.clone());
            let reply = reply(kind, &request, &mut held.lock().unwrap());
            if stream.write_all(reply.as_bytes()).is_err() {
                return;
            }
            if kind.reads == Reads::EmptyLineAndCloses {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(count @ 1..) => input.push_str(&String::from_utf8_lossy(&chunk[..count])),
            _ => return,
        }
    }
}

fn next_request(reads: Reads, input: &mut String) -> Option<String> {
    let end = match reads {
        Reads::Once => (!input.is_empty()).then_some(input.len()),
        Reads::EmptyLine | Reads::EmptyLineAndCloses => {
            input.find("\r\n\r\n").map(|at| at + 4).or_else(|| input.find("\n\n").map(|at| at + 2))
        }
        Reads::EndLine => input.find("\nEND\n").map(|at| at + 5),
        Reads::Lines => {
            let lines = match input.split(' ').next() {
                Some("ADD" | "LOOKUP") => 5,
                Some("LIST") => 4,
                _ => 1,
            };
            input.match_indices('\n').nth(lines - 1).map(|(at, _)| at + 1)
        }
    }?;
    Some(input.drain(..end).collect())
}

fn reply(kind: Kind, request: &str, held: &mut Vec<Added>) -> String {
    let value = |name: &str| {
        let (_, rest) = request.split_once(&format!("\n{name}: ")).unwrap_or_default();
        rest.lines().next().unwrap_or_default().to_string()
    };
    let words: Vec<&str> = request.lines().next().unwrap_or_default().split(' ').collect();
    let rows = |[before, row, after]: [&str; 3], rows: Vec<&Added>| {
        let rows: String = rows.iter().map(|added| added.fill(row)).collect();
        format!("{before}{rows}{after}")
    };
    match words[..] {
        ["ADD", "RFC", number, _] => {
            let (number, title) = (number.to_string(), value("Title"));
            let added = Added { number, title, host: value("Host"), port: value("Port") };
            let reply = added.fill(kind.add);
            held.push(added);
            reply
        }
        ["LIST", "ALL", _] if held.is_empty() => kind.empty_list.into(),
        ["LIST", "ALL", _] => rows(kind.list, held.iter().collect()),
        ["LOOKUP", "RFC", number, _] => {
            let found: Vec<&Added> = held.iter().filter(|one| one.number == number).collect();
            if found.is_empty() { kind.none.into() } else { rows(kind.found, found) }
        }
        _ => kind.other.into(),
    }
}

/// Every command with every server that can be used.
#[test]
fn commands() {
    let port = uploader();
    thread::scope(|scope| {
        for &kind in WORKING {
            scope.spawn(move || commands_with(kind, port));
        }
    });
}

fn commands_with(kind: Kind, port: u16) {
    let server = Server::start(kind, port);
    let folder = temporary();
    let saved = folder.path().join("rfc7.txt");
    let row = format!("7 A House localhost {port}\n");
    let peers = format!("localhost:{port} 1\n");
    let holder = format!("localhost:{port}");
    let ends = !kind.list[2].is_empty() || kind.reads == Reads::EmptyLineAndCloses;
    let complete = if ends { 0 } else { 76 };
    for (command, code, expected) in [
        (&["--share", ".", "get", "7"][..], 0, "RFC 7: 4 bytes"),
        (&["--share", ".", "sync"], complete, "1 of 1 documents"),
        (&["list"], 0, &row),
        (&["search", "house"], 0, &row),
        (&["lookup", "7"], 0, &row),
        (&["lookup", "7", "--probe"], 0, " yes "),
        // As it was answered.
        (&["lookup", "9"], if kind.none.contains(" 200 ") { 0 } else { 66 }, ""),
        (&["lookup", "9", "--probe"], 66, ""),
        (&["--share", ".", "get", "9"], 66, ""),
        (&["peers"], 0, &peers),
        (&["status"], 0, "known there as  localhost:"),
        (&["browse", &holder], 0, &row),
    ] {
        let says = || format!("{} {command:?}", kind.name);
        let (found, output, errors) = server.run(command, "", folder.path());
        assert_eq!(found, code, "{}: {output}{errors}", says());
        assert!(output.contains(expected), "{}: {output}{errors}", says());
        assert_eq!(
            errors.contains("before its first reply"),
            !kind.greeting.is_empty(),
            "{}",
            says()
        );
        if command.contains(&"sync") || command.contains(&"7") && command.contains(&"get") {
            assert_eq!(fs::read_to_string(&saved).unwrap(), "body", "{}", says());
            fs::remove_file(&saved).unwrap();
        }
    }
    let requests = server.requests();
    let searches = requests.iter().filter(|request| request.starts_with("SEARCH")).count();
    assert_eq!(searches, 1, "{requests:#?}");
    let others = requests.iter().filter(|request| !request.starts_with("SEARCH"));
    assert!(others.clone().all(|request| !has_extension(request)), "{}: {requests:#?}", kind.name);
}

/// All RFCs are registered, and nothing beyond the handout is sent but one header in one LOOKUP.
#[test]
fn registration() {
    let port = uploader();
    thread::scope(|scope| {
        for &kind in WORKING {
            scope.spawn(move || register_with(kind, port));
        }
    });
}

fn register_with(kind: Kind, port: u16) {
    let name = kind.name;
    let server = Server::start(kind, port);
    let folder = temporary();
    for number in [1, 2, 3] {
        fs::write(folder.path().join(format!("rfc{number}.txt")), "text").unwrap();
    }
    fs::write(folder.path().join("lecture.pdf"), "text").unwrap();
    fs::create_dir(folder.path().join("later")).unwrap();
    let later = folder.path().join("later/rfc4.txt");
    fs::write(&later, "text").unwrap();
    let later = later.to_str().unwrap();
    let script = format!("lookup 3\nadd {later}\nlookup 4\n");
    let arguments = ["--share", ".", "--upload", "127.0.0.1:0"];
    let (code, output, errors) = server.run(&arguments, &script, folder.path());
    assert_eq!(code, 0, "{name}: {output}{errors}");
    assert!(output.contains("registered 3 documents with "), "{name}: {output}{errors}");
    for number in [3, 4] {
        let row = format!("{number} rfc{number}.txt localhost ");
        assert!(output.contains(&row), "{name}: {output}{errors}");
    }
    assert!(errors.contains("1 document not registered"), "{name}: {errors}");
    let requests = server.requests();
    assert!(requests.iter().all(|request| !has_extension(request)), "{name}: {requests:#?}");
    let added = requests.iter().filter(|request| request.starts_with("ADD RFC 2 ")).count();
    assert_eq!(added, 1, "{name}: {requests:#?}");
}

/// What can be said of servers with which nothing is possible.
#[test]
fn servers_that_cannot_be_used() {
    let silent = "sent no reply within 30 s";
    let port = uploader();
    thread::scope(|scope| {
        for (kind, list, lookup, registration) in [
            (C, (69, silent), (69, silent), (69, silent)),
            (B, (76, "found nothing after `{'0951'"), (76, "after `Error RFC"), (69, silent)),
            (F, (76, "400 Bad Request"), (76, "found `7<sp>A House"), (0, "")),
        ] {
            for (command, (code, expected)) in [
                (&["list"][..], list),
                (&["peers"], list),
                (&["--share", ".", "sync"], list),
                (&["lookup", "7"], lookup),
                (&["--share", ".", "get", "7"], lookup),
                (&["--share", ".", "--upload", "127.0.0.1:0"], registration),
            ] {
                scope.spawn(move || {
                    let server = Server::start(kind, port);
                    let folder = temporary();
                    fs::write(folder.path().join("rfc1.txt"), "text").unwrap();
                    let (found, output, errors) = server.run(command, "", folder.path());
                    let says = format!("{} {command:?}: {output}{errors}", kind.name);
                    assert_eq!(found, code, "{says}");
                    let printed = output + &errors;
                    assert!(printed.contains(expected), "{says}");
                });
            }
        }
    });
}

/// The title is known from the list of the RFC Editor.
#[test]
fn a_lookup_has_the_title_if_it_is_known() {
    let server = Server::start(STRICT, uploader());
    let folder = temporary();
    let list = "RFC INDEX\n---------\n\n0007 Host-IMP interface. G. Deloche. May 1969. (Status: UNKNOWN)\n";
    fs::write(folder.path().join("rfc-index.txt"), list).unwrap();
    let (code, output, errors) = server.run(&["--share", ".", "get", "7"], "", folder.path());
    assert_eq!(code, 0, "{output}{errors}");
    let requests = server.requests();
    assert!(requests[0].contains("\r\nTitle: Host-IMP interface\r\n"), "{requests:#?}");
}
