//! Explained lines.

use std::time::Duration;

use super::{Part, Side};

/// A line of a conversation, or something to say about the line before it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Explained {
    /// The name of the connection; empty if there is only one.
    pub stream: String,
    /// When it was sent, if that is known.
    pub time: Option<Duration>,
    /// What it is.
    pub kind: Kind,
    /// The section of protocol.md that defines it; empty if none does.
    pub section: &'static str,
    /// Its meaning. It may contain text of other programs, which must be escaped before it is displayed.
    pub meaning: String,
}

/// What an explained line is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A line, or other bytes, of one side. They must be escaped before they are displayed.
    Line(Side, Vec<u8>),
    /// A document that the server has sent: its beginning, and the number of its bytes.
    Document(Vec<u8>, u64),
    /// A violation of the protocol: what was expected, and what was found.
    Fault,
    /// A known form of other programs, which compatibility mode accepts.
    Form,
    /// An event of the connection.
    Note,
}

/// What is explained of one event.
pub(super) struct Out<'a> {
    pub(super) stream: &'a str,
    /// When what is explained was sent.
    pub(super) time: Option<Duration>,
    pub(super) lines: Vec<Explained>,
    pub(super) parts: Vec<Part>,
}

impl<'a> Out<'a> {
    pub(super) fn new(stream: &'a str, time: Option<Duration>) -> Self {
        Self { stream, time, lines: Vec::new(), parts: Vec::new() }
    }

    pub(super) fn push(&mut self, kind: Kind, section: &'static str, meaning: impl Into<String>) {
        if let Kind::Line(Side::Server, bytes) | Kind::Document(bytes, _) = &kind {
            self.parts.push(Part::Line(bytes.clone()));
        }
        let (stream, time, meaning) = (self.stream.into(), self.time, meaning.into());
        self.lines.push(Explained { stream, time, kind, section, meaning });
    }

    pub(super) fn note(&mut self, meaning: impl Into<String>) {
        self.push(Kind::Note, "", meaning);
    }

    /// The present reply has ended.
    pub(super) fn end_of_reply(&mut self, has_request: bool) {
        self.parts.push(Part::End { has_request });
    }

    /// These bytes are no part of a reply.
    pub(super) fn no_reply(&mut self, bytes: &[u8]) {
        if !bytes.trim_ascii().is_empty() {
            self.parts.push(Part::Other(bytes.to_vec()));
        }
    }
}
