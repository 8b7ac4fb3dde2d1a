//! The requests of a client, as the role of a server in compatibility mode reads them (protocol.md sections
//! 3.1, 3.5 and appendix B).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::explained::Out;
use super::meanings;
use super::{Kind, Side};
use crate::protocol::dialect::{CompatReader, StyleSettings};
use crate::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};
use crate::protocol::{
    DecodeError, DocumentRequest, IndexRequest, ReplyForm, Request, RequestDecoder, Status,
};

/// A request whose reply has not ended.
#[derive(Debug)]
pub(super) struct Awaited {
    /// The request in a few words.
    pub(super) name: String,
    pub(super) form: ReplyForm,
}

/// The role of a server.
pub(super) trait ServerRole {
    type Request: Request;

    fn compatible(reader: CompatReader) -> Self;
    fn next(&mut self, input: &[u8]) -> Option<RequestEvent<Self::Request>>;
    fn on_end(&mut self) -> Option<RequestEvent<Self::Request>>;
}

impl ServerRole for IndexServer {
    type Request = IndexRequest;

    fn compatible(reader: CompatReader) -> Self {
        Self::new().compatible(reader)
    }

    fn next(&mut self, input: &[u8]) -> Option<RequestEvent<IndexRequest>> {
        self.next(input, || Duration::ZERO)
    }

    fn on_end(&mut self) -> Option<RequestEvent<IndexRequest>> {
        self.on_end()
    }
}

impl ServerRole for DocumentServer {
    type Request = DocumentRequest;

    fn compatible(reader: CompatReader) -> Self {
        Self::new().compatible(reader)
    }

    fn next(&mut self, input: &[u8]) -> Option<RequestEvent<DocumentRequest>> {
        self.next(input, || Duration::ZERO)
    }

    fn on_end(&mut self) -> Option<RequestEvent<DocumentRequest>> {
        self.on_end()
    }
}

/// The requests of a connection.
#[derive(Debug)]
pub(super) struct Requests<R> {
    role: R,
    /// Bytes that no event has taken.
    input: Vec<u8>,
}

impl<R: ServerRole> Requests<R> {
    pub(super) fn new() -> Self {
        Self { role: role(), input: Vec::new() }
    }

    /// The client has sent bytes. Returns the requests that are complete with them.
    pub(super) fn receive(&mut self, bytes: &[u8], out: &mut Out<'_>) -> Vec<Awaited> {
        self.input.extend_from_slice(bytes);
        let mut found = Vec::new();
        while let Some(event) = self.role.next(&self.input) {
            let before = self.input.len();
            found.extend(self.explain(event, out));
            if self.input.len() == before {
                break;
            }
        }
        found
    }

    /// The client sends nothing more: that completes what has arrived.
    pub(super) fn end(&mut self, out: &mut Out<'_>) -> Vec<Awaited> {
        if self.input.is_empty() {
            return Vec::new();
        }
        match self.role.on_end() {
            Some(event) => {
                let found = self.explain(event, out);
                self.give_up(out);
                found.into_iter().collect()
            }
            None => {
                let found = self.receive(b"", out);
                self.give_up(out);
                found
            }
        }
    }

    /// Whether a part of a request has arrived, and not its end.
    pub(super) fn has_begun(&self) -> bool {
        !self.input.is_empty()
    }

    /// Explains bytes that no event has taken.
    fn give_up(&mut self, out: &mut Out<'_>) {
        if self.input.is_empty() {
            return;
        }
        self.role = role();
        for line in std::mem::take(&mut self.input).split_inclusive(|byte| *byte == b'\n') {
            let meaning = "the beginning of a request that goes no further";
            out.push(Kind::Line(Side::Client, line.into()), "3.1", meaning);
        }
    }

    fn explain(&mut self, event: RequestEvent<R::Request>, out: &mut Out<'_>) -> Option<Awaited> {
        let RequestEvent { used, meaning, section } = event;
        let is_lost = used == 0 && matches!(meaning, RequestMeaning::Fault(_));
        let used = if is_lost { self.input.len() } else { used };
        let bytes: Vec<u8> = self.input.drain(..used.min(self.input.len())).collect();
        let mut all = |section, meaning: &str| {
            for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
                let (section, meaning) = match line.trim_ascii() {
                    text if at > 0 && !text.is_empty() => meanings::of_header_line(text),
                    _ => (section, meaning.into()),
                };
                out.push(Kind::Line(Side::Client, line.into()), section, meaning);
            }
        };
        let name = |name: &str, form| Some(Awaited { name: name.into(), form });
        match meaning {
            RequestMeaning::Request(request) => {
                return Some(of_request(&bytes, &request, section, out));
            }
            RequestMeaning::Fault(error) => {
                of_fault(&bytes, &error, out);
                if is_lost {
                    self.role = role();
                }
                return name("a faulty request", ReplyForm::Records);
            }
            RequestMeaning::EmptyLines => {
                all(section, "the end of an earlier message, or empty lines: ignored")
            }
            RequestMeaning::LateEnd => all("B.2", "the end of the request before it"),
            RequestMeaning::Joined => {
                all(section, "a form of other programs: the peer has joined; no reply")
            }
            RequestMeaning::Leaving => {
                all(section, "a form of other programs: the peer leaves");
                return name("leaving", ReplyForm::OneRecord);
            }
            RequestMeaning::Closed => {}
        }
        None
    }
}

fn role<R: ServerRole>() -> R {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    R::compatible(CompatReader::new(address, StyleSettings::default()))
}

/// Explains a request that was understood, and what the grammar says of it.
fn of_request<Q: Request>(
    bytes: &[u8],
    request: &Q,
    section: &'static str,
    out: &mut Out<'_>,
) -> Awaited {
    let mut written = Vec::new();
    request.encode(&mut written);
    let written = String::from_utf8_lossy(&written);
    let first = written.lines().next().unwrap_or_default();
    let name = first.strip_suffix(" P2P-CI/1.0").unwrap_or(first).to_string();
    let form = match first.split(' ').next() {
        Some("ADD" | "REMOVE") => ReplyForm::OneRecord,
        _ => ReplyForm::Records,
    };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    for (at, line) in lines.iter().enumerate() {
        let (section, meaning) = match line.trim_ascii() {
            _ if at == 0 => (section, meanings::of_request(first)),
            b"" => ("3.1", "the end of the request".into()),
            b"END" => ("B.2", "the end of the request in a form of other programs".into()),
            text if is_padding(text) => ("B.2", "padding after the request".into()),
            text if !text.contains(&b':') => ("B.4", "a header without a colon".into()),
            text if starts_with(text, "Post:") => ("B.4", "a misspelt `Port`".into()),
            text => meanings::of_header_line(text),
        };
        out.push(Kind::Line(Side::Client, line.to_vec()), section, meaning);
    }
    let has_lf = lines.iter().any(|line| line.ends_with(b"\n") && !line.ends_with(b"\r\n"));
    match RequestDecoder::<Q>::new().decode(bytes) {
        // The grammar, or section 3.5.
        Ok(Some((_, used))) if used == bytes.len() => {
            if has_lf {
                out.push(Kind::Form, "3.5", "lines end with LF; the grammar has CRLF");
            }
        }
        Ok(Some(_)) => {
            out.push(Kind::Form, "B.2", "more than the empty line at the end of the request")
        }
        Ok(None) => {
            let end = match bytes.ends_with(b"\n") {
                true => "no empty line at the end of the request",
                false => "no line end and no empty line at the end of the request",
            };
            out.push(Kind::Form, "B.2", format!("{end}: only compatibility mode finds its end"));
        }
        Err(error) => {
            let DecodeError { fault, .. } = error;
            out.push(Kind::Fault, fault.section, fault.description());
            let section =
                if bytes.first().is_some_and(u8::is_ascii_alphabetic) { "B.4" } else { "B.3" };
            let read = written.trim_end().replace("\r\n", "; ");
            out.push(Kind::Form, section, format!("compatibility mode reads it as `{read}`"));
        }
    }
    Awaited { name, form }
}

/// Explains a request that is not understood in any form.
fn of_fault(bytes: &[u8], error: &DecodeError, out: &mut Out<'_>) {
    let DecodeError { line, fault, refusal, .. } = error;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let at = (*line).clamp(1, lines.len().max(1));
    for (number, line) in (1..).zip(&lines) {
        let (section, meaning) = match line.trim_ascii() {
            b"" => ("3.1", "the end of the request".into()),
            _ if number == 1 => ("", "a request that is not understood".into()),
            text => meanings::of_header_line(text),
        };
        out.push(Kind::Line(Side::Client, line.to_vec()), section, meaning);
        if number == at {
            let code = Status::Refused(*refusal).code();
            let meaning = format!("{}; a server refuses it with {code}", fault.description());
            out.push(Kind::Fault, fault.section, meaning);
        }
    }
}

fn starts_with(text: &[u8], start: &str) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start.as_bytes()))
}

fn is_padding(text: &[u8]) -> bool {
    let first = text.first();
    text.len() >= 8
        && text.iter().all(|byte| Some(byte) == first && matches!(byte, b'~' | b'!' | 0))
}
