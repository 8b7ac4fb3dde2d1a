//! The requests of a client, as the role of a server in compatibility mode reads them (protocol.md sections
//! 3.1, 3.5 and appendix B).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::explained::Out;
use super::meanings;
use super::request_lines::{Awaited, of_fault, of_request};
use super::{Kind, Side};
use crate::protocol::dialect::{CompatReader, StyleSettings};
use crate::protocol::role::{DocumentServer, IndexServer, RequestEvent, RequestMeaning};
use crate::protocol::{IndexRequest, ReplyForm, Request, RequestDecoder, UploadRequest};

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
    type Request = UploadRequest;

    fn compatible(reader: CompatReader) -> Self {
        Self::new().compatible(reader)
    }

    fn next(&mut self, input: &[u8]) -> Option<RequestEvent<UploadRequest>> {
        self.next(input, || Duration::ZERO)
    }

    fn on_end(&mut self) -> Option<RequestEvent<UploadRequest>> {
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
                // What compatibility mode has added to the request says nothing about its bytes.
                let strict = RequestDecoder::<R::Request>::new().decode(&bytes).err();
                of_fault(&bytes, &strict.unwrap_or(error), out);
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
