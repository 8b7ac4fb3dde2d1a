//! Reading requests in any of the forms (protocol.md appendix B).

use std::net::SocketAddr;
use std::time::Duration;

use super::framing::{Beginning, Framing, beginning};
use super::pickle::{self, Unreadable};
use super::reply_style::{LineEnd, ReplyStyle, StyleSettings};
use super::request_end::{
    EndedBy, Extent, RequestEnd, end_word, find_end, is_late_header, may_start_request, remains,
    starts_request,
};
use super::vocabulary::{Meaning, Sender, text_of};
use crate::limits;
use crate::protocol::SyntaxError;

/// Silence after which a request is answered although the earlier requests of its connection had an end of
/// their own.
const EXCEPTION: Duration = Duration::from_secs(2);

/// Reads the requests of one connection in the forms of other programs, and learns the form of its replies.
#[derive(Debug)]
pub struct CompatReader {
    sender: Sender,
    settings: StyleSettings,
    style: ReplyStyle,
    last: Last,
    /// Whether a request had an end of its own: then silence means little.
    has_ends: bool,
    /// Whether a request was read, and not its line `END`.
    has_answered: bool,
}

/// How the last request ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// By its own end, or there was none.
    Ended,
    /// By a run of this byte, of which more may follow.
    Padding(u8),
    /// By silence: headers that arrive later belong to it.
    Silence,
    /// By silence within a line: the rest of the line belongs to it, too.
    SilenceInLine,
}

/// What a reader finds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Reading {
    /// More bytes are needed. If there is a time, and none arrive for it, the caller calls
    /// [`CompatReader::on_silence`].
    More(Option<Duration>),
    /// This number of bytes has this meaning.
    Found(usize, CompatRequest),
}

/// The meaning of bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CompatRequest {
    /// They mean nothing: they are the end of an earlier request.
    Skipped,
    /// A request, as the grammar writes it.
    Request(Vec<u8>),
    /// The line `END` that belongs to the last request. Its reply was sent, and should end with it, too.
    LateEnd,
    /// The peer says that it has joined. Nothing is replied.
    Join,
    /// The peer leaves.
    Leave,
    /// No request; its end is unknown.
    Unreadable(SyntaxError),
}

impl CompatReader {
    /// A reader for a connection from this address. Requests without Host or Port are taken to have these.
    pub fn new(address: SocketAddr, settings: StyleSettings) -> Self {
        Self {
            sender: Sender::new(address),
            settings,
            style: settings.apply(ReplyStyle::default()),
            last: Last::Ended,
            has_ends: false,
            has_answered: false,
        }
    }

    /// The form of the reply to the last request.
    pub fn style(&self) -> ReplyStyle {
        self.style
    }

    /// Looks for a request at the start of `input`.
    pub fn next(&mut self, input: &[u8]) -> Reading {
        if input.is_empty() {
            return Reading::More(None);
        }
        if self.has_answered
            && let Some(used) = end_word(input)
        {
            self.has_ends = true;
            self.has_answered = false;
            self.style = self.settings.apply(self.style.with_end_word());
            return Reading::Found(used, CompatRequest::LateEnd);
        }
        if let Some(used) = self.remains_of_last(input) {
            return Reading::Found(used, CompatRequest::Skipped);
        }
        match beginning(input, |text| match starts_request(text) {
            true => Some(true),
            false => (!may_start_request(text)).then_some(false),
        }) {
            Beginning::Framed { framing, start, length } => {
                self.framed(input, framing, start, length)
            }
            Beginning::Pickle => self.pickle(input),
            Beginning::Unknown => self.more(input, find_end(input)),
            Beginning::Lines => match find_end(input) {
                RequestEnd::Found(extent) => self.lines(input, extent),
                end @ RequestEnd::Silence(_) => self.more(input, end),
            },
        }
    }

    /// Nothing has arrived for the time that [`Reading::More`] named.
    pub fn on_silence(&mut self, input: &[u8]) -> Reading {
        let used = input.len();
        self.lines(input, Extent { text: used, used, by: EndedBy::Silence })
    }

    /// The bytes that belong to the last request.
    fn remains_of_last(&mut self, input: &[u8]) -> Option<usize> {
        let (padding, has_ended) = match self.last {
            Last::Padding(byte) => (Some(byte), true),
            Last::Ended => (None, true),
            Last::Silence | Last::SilenceInLine => (None, false),
        };
        let used = match remains(input, padding) {
            0 if has_ended || starts_request(input) || may_start_request(input) => 0,
            0 if self.last == Last::SilenceInLine || is_late_header(input) => {
                let line = input.iter().position(|&byte| byte == b'\n');
                let is_whole = line.is_some();
                self.last = if is_whole { Last::Silence } else { self.last };
                line.map_or(input.len(), |at| at + 1)
            }
            used => {
                // An end that arrived late is an end.
                self.has_ends |= !has_ended && used > 0;
                used
            }
        };
        (used > 0).then_some(used)
    }

    fn more(&self, input: &[u8], end: RequestEnd) -> Reading {
        if input.len() > limits::HEAD {
            // The decoder says which limit it exceeds.
            return Reading::Found(input.len(), CompatRequest::Request(input.to_vec()));
        }
        let RequestEnd::Silence(time) = end else { return Reading::More(None) };
        Reading::More(Some(if self.has_ends { time.max(EXCEPTION) } else { time }))
    }

    fn framed(&mut self, input: &[u8], framing: Framing, start: usize, length: usize) -> Reading {
        if length > limits::HEAD {
            let expected = "a request of at most 16384 bytes";
            let fault = SyntaxError::new(expected, format!("a prefix of {length} bytes"), "7");
            return Reading::Found(0, CompatRequest::Unreadable(fault));
        }
        let end = start.saturating_add(length);
        let Some(text) = input.get(start..end) else { return Reading::More(None) };
        let request = self.read(text, EndedBy::EmptyLine, framing);
        Reading::Found(end, request)
    }

    fn pickle(&mut self, input: &[u8]) -> Reading {
        let (value, used) = match pickle::read(input) {
            Ok(found) => found,
            Err(Unreadable::Incomplete) => return Reading::More(None),
            Err(Unreadable::Refused) => return unreadable_pickle(),
        };
        let Some(text) = text_of(&value) else { return unreadable_pickle() };
        let request = self.read(text.as_bytes(), EndedBy::EmptyLine, Framing::Pickle);
        Reading::Found(used, request)
    }

    fn lines(&mut self, input: &[u8], extent: Extent) -> Reading {
        let text = input.get(..extent.text).unwrap_or_default();
        let request = self.read(text, extent.by, Framing::Lines);
        Reading::Found(extent.used, request)
    }

    fn read(&mut self, text: &[u8], by: EndedBy, framing: Framing) -> CompatRequest {
        self.last = match by {
            EndedBy::Silence if text.ends_with(b"\n") => Last::Silence,
            EndedBy::Silence => Last::SilenceInLine,
            EndedBy::Padding(byte) => Last::Padding(byte),
            EndedBy::EmptyLine | EndedBy::Word | EndedBy::NextRequest => Last::Ended,
        };
        self.has_answered = by != EndedBy::Word;
        self.has_ends |= matches!(by, EndedBy::EmptyLine | EndedBy::Word | EndedBy::Padding(_));
        let first = text.iter().position(|&byte| byte == b'\n').and_then(|at| text.get(..at));
        let line_end = match first.is_some_and(|line| line.ends_with(b"\r")) {
            true => LineEnd::CarriageReturnLineFeed,
            false => LineEnd::LineFeed,
        };
        self.style = self.settings.apply(ReplyStyle::of_request(line_end, by, framing));
        let readable = std::str::from_utf8(text).ok().filter(|text| {
            !text.contains(|c: char| c.is_ascii_control() && !matches!(c, '\r' | '\n' | '\t'))
        });
        // The decoder says what is wrong with other bytes.
        let Some(text) = readable else { return CompatRequest::Request(text.to_vec()) };
        match self.sender.read(text) {
            Meaning::Request(request) => CompatRequest::Request(request.into_bytes()),
            Meaning::Join => CompatRequest::Join,
            Meaning::Leave => CompatRequest::Leave,
        }
    }
}

fn unreadable_pickle() -> Reading {
    let expected = "lines of a request, alone or in a list or dictionary of strings and numbers";
    let fault = SyntaxError::new(expected, "another value of Python's pickle module", "B.3");
    Reading::Found(0, CompatRequest::Unreadable(fault))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader() -> CompatReader {
        CompatReader::new("192.0.2.7:40000".parse().unwrap(), StyleSettings::default())
    }

    /// Hands over the pieces, with silence after each, and returns what they mean.
    fn read(reader: &mut CompatReader, pieces: &[&str]) -> Vec<String> {
        let (mut input, mut found) = (Vec::new(), Vec::new());
        for piece in pieces {
            input.extend_from_slice(piece.as_bytes());
            loop {
                let reading = match reader.next(&input) {
                    Reading::More(None) => break,
                    Reading::More(Some(_)) => reader.on_silence(&input),
                    found => found,
                };
                let Reading::Found(used, request) = reading else { break };
                input.drain(..used);
                found.push(match request {
                    CompatRequest::Skipped | CompatRequest::LateEnd => continue,
                    CompatRequest::Request(bytes) => {
                        let text = String::from_utf8(bytes).unwrap();
                        text.lines().collect::<Vec<_>>().join("|")
                    }
                    CompatRequest::Join => "join".into(),
                    CompatRequest::Leave => "leave".into(),
                    CompatRequest::Unreadable(_) => return vec!["unreadable".into()],
                });
            }
        }
        found
    }

    const LIST: &str = "LIST ALL P2P-CI/1.0|Host: h|Port: 1|";

    #[test]
    fn each_form_is_one_request() {
        let table: [&[&str]; 14] = [
            &["LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n\r\n"],
            &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\nEND\n"],
            &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\n", "END\n"],
            &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\nEND\n"],
            &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n~~~~~~~~~", "~~~~~~~~~~"],
            &["LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n\0\0\0\0\0\0\0\0"],
            &["LIST P2P-CI/1.0\nHost: h\nPost: 1"],
            &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n"],
            &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "\n"],
            &["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "Title: late\nOS: x\n\n"],
            &["0000000036LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
            &["36        LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
            &["\0\u{24}LIST ALL P2P-CI/1.0\nHost: h\nPort: 1\n"],
            &["S'LIST ALL P2P-CI/1.0\\nHost: h\\nPort: 1\\n'\n."],
        ];
        for pieces in table {
            let twice = [pieces, pieces].concat();
            assert_eq!(read(&mut reader(), &twice), [LIST, LIST], "{pieces:?}");
        }
    }

    #[test]
    fn requests_follow_each_other_without_an_end() {
        let add = "ADD RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\nTitle: t\n";
        let found = read(&mut reader(), &["CONNECT 7 P2P-CI/1.0\n", add, add, "EXIT P2P-CI/1.0\n"]);
        let expected = "ADD RFC 1 P2P-CI/1.0|Host: h|Port: 1|Title: t|";
        assert_eq!(found, ["join", expected, expected, "leave"]);
        let all = format!("CONNECT 7 P2P-CI/1.0\n{add}{add}EXIT P2P-CI/1.0\n");
        assert_eq!(read(&mut reader(), &[&all]), ["join", expected, expected, "leave"]);
    }

    #[test]
    fn the_port_of_the_connection_stands_for_a_missing_one() {
        let list = "LIST ALL P2P-CI/1.0\r\nHost: h\r\n\r\n";
        let expected = ["LIST ALL P2P-CI/1.0|Host: h|Port: 40000|"];
        assert_eq!(read(&mut reader(), &[list]), expected);
        let found = read(&mut reader(), &["CONNECT 7 P2P-CI/1.0\n", list]);
        assert_eq!(found, ["join", "LIST ALL P2P-CI/1.0|Host: h|Port: 7|"]);
    }

    #[test]
    fn a_request_with_an_end_never_waits() {
        let request = "ADD RFC 1 P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\nTitle: t\r\n\r\n";
        let mut reader = reader();
        assert!(matches!(reader.next(request.as_bytes()), Reading::Found(..)));
        // Then silence means little.
        let begun = b"LIST ALL P2P-CI/1.0\r\nHost: h\r\nPort: 1\r\n";
        assert_eq!(reader.next(begun), Reading::More(Some(EXCEPTION)));
    }

    #[test]
    fn faults_are_left_to_the_decoder() {
        let mistyped = "LOKUP RFC 1 P2P-CI/1.0|Host: h|Port: 1|";
        let pieces =
            ["LIST P2P-CI/1.0\nHost: h\nPost: 1\n", "LOKUP RFC 1 P2P-CI/1.0\nHost: h\nPort: 1\n"];
        assert_eq!(read(&mut reader(), &pieces), [LIST, mistyped]);
        let call = "cos\nsystem\n(S'true'\ntR.";
        assert_eq!(read(&mut reader(), &[&format!("(d{call}")]), ["unreadable"]);
    }
}
