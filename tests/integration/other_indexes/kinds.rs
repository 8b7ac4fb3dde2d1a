//! Index servers as they were captured, each as a row of a table, and a server that behaves like one.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;

use crate::common::{self, PATIENCE};

/// How a server finds the end of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reads {
    /// The bytes of one read are a request.
    Once,
    /// To the empty line.
    EmptyLine,
    /// To a line `END`.
    EndLine,
    /// A number of lines that depends on the method. Every other line is a request of its own.
    Lines,
    /// A request, of which nothing more is read: the connection is closed after the reply.
    EmptyLineAndCloses,
    /// Nothing is answered.
    Never,
}

/// A server. `N`, `T`, `H` and `P` stand for number, title, host and port.
#[derive(Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    pub(crate) greeting: &'static str,
    pub(crate) reads: Reads,
    /// The request line of LIST, without the version.
    list_words: &'static str,
    /// The bytes before the records of a list, a record, and the bytes after them.
    pub(crate) list: [&'static str; 3],
    empty_list: &'static str,
    found: [&'static str; 3],
    pub(crate) none: &'static str,
    add: &'static str,
    /// The reply to what it does not understand.
    other: &'static str,
}

pub(crate) const STRICT: Kind = Kind {
    name: "strict",
    greeting: "",
    reads: Reads::EmptyLine,
    list_words: "LIST ALL",
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

/// A server with rows like this one.
const fn other_rows(name: &'static str, row: &'static str) -> Kind {
    Kind {
        name,
        list: ["P2P-CI/1.0 200 OK\n", row, ""],
        found: ["P2P-CI/1.0 200 OK\n", row, ""],
        ..LINE_FEEDS
    }
}

/// Those with which everything works.
pub(crate) const WORKING: &[Kind] = &[
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
    Kind { name: "i", ..LINE_FEEDS },
    Kind { name: "k", ..LINE_FEEDS },
    Kind { name: "awaits END, and does not send it", reads: Reads::EndLine, ..LINE_FEEDS },
    Kind {
        name: "c",
        reads: Reads::EndLine,
        list: ["P2P-CI/1.0 200 OK\n\n", "RFC N T H P\n", "\nEND\n"],
        empty_list: "P2P-CI/1.0 200 OK\n\n\nEND\n",
        found: ["P2P-CI/1.0 200 OK\n\n", "RFC N T H P\n", "\nEND\n"],
        none: "P2P-CI/1.0 200 OK\n\n\nEND\n",
        add: "P2P-CI/1.0 200 OK\nRFC N T H P\n\nEND\n",
        ..LINE_FEEDS
    },
    Kind {
        name: "f",
        list_words: "LIST",
        list: ["P2P-CI/1.0 200 OK\n", "N<sp>T<sp>H<sp>46048<sp>P\n", ""],
        found: ["P2P-CI/1.0 200 OK\n", "N<sp>T<sp>H<sp>46048<sp>P\n", ""],
        add: "P2P-CI/1.0 200 OK\nRFC N T H P",
        ..LINE_FEEDS
    },
    other_rows("bars", "N|T|H|P\n"),
    other_rows("commas", "N, T, H, P\n"),
    other_rows("colons", "RFC N: T:H:P\n"),
    other_rows("labels", "Title: T\nRFC Number: N\nHostname: H\nPort: P\n"),
    other_rows("labels on a line", "RFC: N, Title: T, Host: H, Port: P\n"),
    other_rows("Python lists", "['N', 'T', 'H', 'P']\n"),
    Kind {
        name: "JSON",
        list: [
            "P2P-CI/1.0 200 OK\n\n[",
            "{\"rfc\": N, \"title\": \"T\", \"host\": \"H\", \"port\": P},\n",
            "]\n",
        ],
        found: [
            "P2P-CI/1.0 200 OK\n\n",
            "{\"rfc\": N, \"title\": \"T\", \"host\": \"H\", \"port\": P}",
            "",
        ],
        ..LINE_FEEDS
    },
    Kind {
        name: "rows without a status line",
        list: ["", "RFC N T H P\n", ""],
        found: ["", "RFC N T H P", ""],
        ..LINE_FEEDS
    },
    Kind { name: "one request on a connection", reads: Reads::EmptyLineAndCloses, ..LINE_FEEDS },
    Kind { name: "one strict request", reads: Reads::EmptyLineAndCloses, ..STRICT },
    Kind { name: "greets", greeting: "Welcome to the index\r\n", ..LINE_FEEDS },
    Kind { name: "greets without a line end", greeting: "HELLO ", ..STRICT },
];

/// Replies without a status, and none to ADD.
pub(crate) const B: Kind = Kind {
    name: "b",
    list: ["{'0951': ['Bootstrap Protocol', ['CLIENT1: 47725']]}", "", ""],
    found: ["Error RFC not found", "", ""],
    none: "Error RFC not found",
    add: "",
    other: "",
    ..LINE_FEEDS
};

/// It replies to nothing.
pub(crate) const SILENT: Kind = Kind { name: "silent", reads: Reads::Never, ..LINE_FEEDS };

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
pub(crate) struct Server {
    index: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// It has RFC 7 of a holder at this port.
    pub(crate) fn start(kind: Kind, port: u16) -> Self {
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

    pub(crate) fn run(
        &self,
        arguments: &[&str],
        input: &str,
        directory: &Path,
    ) -> (i32, String, String) {
        common::run_peer(&[&[&*self.index], arguments].concat(), input, directory)
    }

    pub(crate) fn requests(&self) -> Vec<String> {
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
        Reads::Never => None,
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
    let line = request.lines().next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
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
        ["LIST", ..] if line.rsplit_once(' ').unwrap_or_default().0 != kind.list_words => {
            kind.other.into()
        }
        ["LIST", ..] if held.is_empty() => kind.empty_list.into(),
        ["LIST", ..] => rows(kind.list, held.iter().collect()),
        ["LOOKUP", "RFC", number, _] => {
            let found: Vec<&Added> = held.iter().filter(|one| one.number == number).collect();
            if found.is_empty() { kind.none.into() } else { rows(kind.found, found) }
        }
        _ => kind.other.into(),
    }
}
