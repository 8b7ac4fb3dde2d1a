//! Index servers that reply in the byte form of other programs, and read requests as those might.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::common::PATIENCE;
use crate::compatibility::captured_replies::{Added, Replies, header};

/// How a server reads requests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Reads {
    /// The bytes of one read are a request.
    Once,
    /// To the empty line.
    EmptyLine,
    /// To a line `END`.
    EndLine,
    /// A number of lines that depends on the method.
    Lines,
    /// The same, without the empty line.
    LinesWithoutEmptyLine,
}

/// What a server does with a request that it cannot use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    Refuses,
    Hangs,
    Closes,
}

/// A property beyond the forms of requests and replies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Quirk {
    None,
    /// The version is compared with the carriage return after it.
    VersionWithCarriageReturn,
    /// Requests must have the line ends and the end of this one.
    Like(&'static str),
    /// LOOKUP finds only documents with the title that is sent.
    ComparesTitles,
    /// LOOKUP without Title ends the connection.
    NeedsTitle,
    /// Every LOOKUP ends the connection.
    LookupCloses,
    /// Every LOOKUP is never answered.
    LookupHangs,
    /// The request line of LIST has no ALL.
    ListWithoutAll,
    /// Values of headers are kept with the carriage return after them.
    KeepsCarriageReturns,
    /// One request on a connection.
    OneRequest,
    /// A connection begins with such a message.
    AwaitsJoining(&'static str),
}

/// A server.
#[derive(Clone, Debug)]
pub(crate) struct Kind {
    pub(crate) replies: Replies,
    pub(crate) reads: Reads,
    pub(crate) quirk: Quirk,
    pub(crate) then: Then,
}

/// Starts a server that has a document of a holder at this port; returns its requests, too.
pub(crate) fn start(kind: Kind, number: u32, port: u16) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let added = Added {
        number: number.to_string(),
        title: "A House".into(),
        host: "localhost".into(),
        port: port.to_string(),
    };
    let (held, said) = (Arc::new(Mutex::new(vec![added])), Arc::default());
    let requests = Arc::clone(&said);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let (kind, said, held) = (kind.clone(), Arc::clone(&said), Arc::clone(&held));
            thread::spawn(move || serve(stream, &kind, &said, &held));
        }
    });
    (address, requests)
}

fn serve(mut stream: TcpStream, kind: &Kind, said: &Mutex<Vec<String>>, held: &Mutex<Vec<Added>>) {
    stream.set_read_timeout(Some(PATIENCE * 2)).unwrap();
    let (mut input, mut chunk) = (String::new(), [0; 4096]);
    let mut awaits = match kind.quirk {
        Quirk::AwaitsJoining(message) => Some(message),
        _ => None,
    };
    loop {
        while let Some(request) = next_request(kind.reads, &mut input) {
            said.lock().unwrap().push(request.clone());
            if let Some(message) = awaits.take() {
                if request.contains(message) {
                    continue;
                }
                return;
            }
            match reply(kind, &request, &mut held.lock().unwrap()) {
                Some(reply) => drop(stream.write_all(reply.as_bytes())),
                None if kind.then == Then::Closes => return,
                None => {
                    // Until the client has gone.
                    let _ = stream.read(&mut chunk);
                    return;
                }
            }
            if kind.quirk == Quirk::OneRequest {
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
    let lines = |add: usize, list: usize| {
        let count = match input.split(' ').next() {
            Some("ADD" | "LOOKUP") => add,
            Some("LIST") => list,
            _ => 1,
        };
        input.match_indices('\n').nth(count - 1).map(|(at, _)| at + 1)
    };
    let end = match reads {
        Reads::Once => (!input.is_empty()).then_some(input.len()),
        Reads::EmptyLine => {
            input.find("\r\n\r\n").map(|at| at + 4).or_else(|| input.find("\n\n").map(|at| at + 2))
        }
        Reads::EndLine => input.find("\nEND\n").map(|at| at + 5),
        Reads::Lines => lines(5, 4),
        Reads::LinesWithoutEmptyLine => lines(4, 3),
    }?;
    Some(input.drain(..end).collect())
}

/// The end of a header line, and what follows the last header.
fn shape(request: &str) -> (&str, String) {
    let line_end = if request.contains("\r\n") { "\r\n" } else { "\n" };
    let last = request.rfind(": ").or_else(|| request.rfind(':')).unwrap_or_default();
    let value = request.split_at(last).1.trim_start_matches(|c: char| !"\r\n".contains(c));
    // Padding counts as one character.
    let padding = value.trim_end_matches('~');
    (line_end, if padding.len() < value.len() { format!("{padding}~") } else { value.into() })
}

/// The reply; `None` if the connection hangs or is closed.
fn reply(kind: &Kind, request: &str, held: &mut Vec<Added>) -> Option<String> {
    let replies = &kind.replies;
    let refusal = || (kind.then == Then::Refuses).then(|| replies.refusal.clone());
    let first = request.split('\n').next().unwrap_or_default();
    if kind.quirk == Quirk::VersionWithCarriageReturn && first.ends_with('\r') {
        return Some(replies.refusal.replace("400 Bad Request", "505 Version Not Supported"));
    }
    if let Quirk::Like(example) = kind.quirk
        && shape(example) != shape(request)
    {
        return refusal();
    }
    let rows = |[before, row, after]: &[String; 3], rows: Vec<&Added>| {
        let rows: String = rows.iter().map(|added| added.fill(row)).collect();
        Some(format!("{before}{rows}{after}"))
    };
    let is_list = match kind.quirk {
        Quirk::ListWithoutAll => first.trim_end() == "LIST P2P-CI/1.0",
        _ => first.trim_end() == "LIST ALL P2P-CI/1.0",
    };
    match first.trim_end().split(' ').collect::<Vec<_>>()[..] {
        ["ADD", "RFC", ..] => {
            let mut added = Added::of(request);
            if kind.quirk != Quirk::KeepsCarriageReturns {
                added = added.trimmed();
            }
            held.push(added.clone());
            // Some programs never reply to it.
            (!replies.add.is_empty()).then(|| added.fill(&replies.add))
        }
        _ if is_list && held.is_empty() => Some(replies.empty_list.clone()),
        _ if is_list => rows(&replies.list, held.iter().collect()),
        ["LOOKUP", "RFC", number, _] => {
            let title = header(request, "title");
            let is_failing = match kind.quirk {
                Quirk::NeedsTitle => title.is_empty(),
                Quirk::LookupCloses | Quirk::LookupHangs => true,
                _ => false,
            };
            if is_failing {
                return None;
            }
            let is_it = |one: &&Added| {
                let is_titled =
                    kind.quirk != Quirk::ComparesTitles || one.title == title.trim_end();
                one.number == number && is_titled
            };
            let found: Vec<&Added> = held.iter().filter(is_it).collect();
            if found.is_empty() { Some(replies.none.clone()) } else { rows(&replies.found, found) }
        }
        _ => refusal(),
    }
}

/// A document server that sends the same four bytes to everybody; returns its port.
pub(crate) fn uploader() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"P2P-CI/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody");
        }
    });
    port
}
