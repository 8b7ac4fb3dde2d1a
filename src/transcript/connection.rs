//! One connection: which role each side has, and when a side has ended a message without saying so.

use std::collections::VecDeque;
use std::time::Duration;

use super::document_replies::DocumentReplies;
use super::explained::Out;
use super::index_replies::IndexReplies;
use super::request_lines::Awaited;
use super::requests::Requests;
use super::{Kind, Part, Side, What, text};
use crate::counted::counted;
use crate::protocol::role::{DocumentServer, IndexServer};

/// Silence after which a message without an end has ended, as in protocol.md section 4.9.
const SILENCE: Duration = Duration::from_secs(1);

/// The server of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ServerKind {
    /// An index server.
    Index,
    /// The upload server of a peer.
    Upload,
}

/// The two sides of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    /// If it is known. Otherwise the first message shows it.
    kind: Option<ServerKind>,
    sides: Option<Box<Sides>>,
    /// The requests whose replies have not ended.
    awaited: VecDeque<Awaited>,
    ended: [bool; 2],
    /// Whether its beginning is known. Text without it may have several connections, one after the other.
    is_whole: bool,
    /// When each side has sent its last bytes.
    last: (Option<Duration>, Option<Duration>),
    /// The number of its last event.
    pub(super) used: u64,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is boxed as a whole")]
enum Sides {
    Index(Requests<IndexServer>, IndexReplies),
    Upload(Requests<DocumentServer>, DocumentReplies),
}

impl Connection {
    pub(super) fn new(is_whole: bool, kind: Option<ServerKind>) -> Self {
        Self {
            kind,
            is_whole,
            sides: None,
            awaited: VecDeque::new(),
            ended: [false; 2],
            last: (None, None),
            used: 0,
        }
    }

    /// Whether both sides have ended it.
    pub(super) fn is_over(&self) -> bool {
        self.ended == [true; 2]
    }

    /// Whether it has begun, and no side has ended it.
    pub(super) fn is_open(&self) -> bool {
        self.is_whole && self.ended == [false; 2]
    }

    /// Whether no side has sent anything for a second.
    pub(super) fn is_silent_at(&self, time: Duration) -> bool {
        let last = self.last.0.max(self.last.1);
        last.is_some_and(|last| time.saturating_sub(last) >= SILENCE)
    }

    pub(super) fn explain(&mut self, what: &What, out: &mut Out<'_>) {
        match what {
            What::Bytes(Side::Client, bytes) => {
                self.requests(bytes, out);
                self.last.0 = out.time;
            }
            What::Bytes(Side::Server, bytes) => {
                self.replies(bytes, out);
                self.last.1 = out.time;
            }
            What::Missing(side, count) => self.missing(*side, *count, out),
            What::End(side) => self.end(*side, out),
            What::Reset(side) => {
                self.end(Side::Client, out);
                self.end(Side::Server, out);
                out.note(format!("{} aborts the connection", side.letter()));
            }
            What::Connect { .. } | What::Note(_) => {}
        }
    }

    /// Neither side has sent anything for some time: messages without an end are complete.
    pub(super) fn be_silent(&mut self, out: &mut Out<'_>) {
        self.request_ends(out);
        self.reply_ends(out);
    }

    /// Neither side sends anything now: a reply without an end is complete, a request may continue. Returns
    /// whether one has begun.
    pub(super) fn pause(&mut self, out: &mut Out<'_>) -> bool {
        self.reply_ends(out);
        match self.sides.as_deref() {
            Some(Sides::Index(requests, _)) => requests.has_begun(),
            Some(Sides::Upload(requests, _)) => requests.has_begun(),
            None => false,
        }
    }

    /// The conversation ends, and not the connection.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) {
        self.be_silent(out);
        if let Some(Sides::Upload(_, replies)) = self.sides.as_deref_mut() {
            replies.finish(out);
        }
    }

    /// Another connection begins if these bytes are a request to a server of the other kind.
    fn begin_again(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        let is_other = match self.sides.as_deref() {
            Some(Sides::Index(requests, _)) => !requests.has_begun() && is_get(bytes),
            Some(Sides::Upload(requests, _)) => {
                let is_request = text::sender(bytes) == Some(Side::Client);
                !requests.has_begun() && is_request && !is_get(bytes)
            }
            None => false,
        };
        if is_other && !self.is_whole {
            self.finish(out);
            *self = Self { used: self.used, ..Self::new(false, None) };
            out.note("a request to a server of another kind: another connection");
        }
    }

    fn sides(&mut self, is_upload: impl FnOnce() -> bool) -> &mut Sides {
        let kind = self.kind;
        let is_upload = || kind.map_or_else(is_upload, |kind| kind == ServerKind::Upload);
        self.sides.get_or_insert_with(|| match is_upload() {
            true => Box::new(Sides::Upload(Requests::new(), DocumentReplies::new())),
            false => Box::new(Sides::Index(Requests::new(), IndexReplies::new())),
        })
    }

    fn requests(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        self.begin_again(bytes, out);
        // A reply without an end has ended when the next request is sent.
        self.reply_ends(out);
        let found = match self.sides(|| is_get(bytes)) {
            Sides::Index(requests, _) => requests.receive(bytes, out),
            Sides::Upload(requests, _) => requests.receive(bytes, out),
        };
        self.expect_replies(found, out);
    }

    fn expect_replies(&mut self, requests: Vec<Awaited>, out: &mut Out<'_>) {
        out.parts.extend(requests.iter().map(|one| Part::Request(one.name.clone())));
        self.awaited.extend(requests);
    }

    fn replies(&mut self, bytes: &[u8], out: &mut Out<'_>) {
        // A request without an end has ended when it is answered.
        if self.awaited.is_empty() {
            self.request_ends(out);
        }
        self.sides(|| is_of_document(bytes));
        match self.sides.as_deref_mut() {
            Some(Sides::Index(_, replies)) => replies.receive(bytes, &mut self.awaited, out),
            Some(Sides::Upload(_, replies)) => replies.receive(bytes, &mut self.awaited, out),
            None => {}
        }
    }

    fn request_ends(&mut self, out: &mut Out<'_>) {
        let now = out.time;
        out.time = self.last.0;
        let found = match self.sides.as_deref_mut() {
            Some(Sides::Index(requests, _)) => requests.end(out),
            Some(Sides::Upload(requests, _)) => requests.end(out),
            None => Vec::new(),
        };
        out.time = now;
        self.expect_replies(found, out);
    }

    fn reply_ends(&mut self, out: &mut Out<'_>) {
        if let Some(Sides::Index(_, replies)) = self.sides.as_deref_mut() {
            let now = out.time;
            out.time = self.last.1;
            replies.silence(&mut self.awaited, out);
            out.time = now;
        }
    }

    fn missing(&mut self, side: Side, count: u64, out: &mut Out<'_>) {
        if let (Some(Sides::Upload(_, replies)), Side::Server) = (self.sides.as_deref_mut(), side) {
            replies.missing(count, &mut self.awaited, out);
        } else {
            if side == Side::Server {
                out.parts.push(Part::Unrecorded(count));
            }
            let letter = side.letter();
            out.push(
                Kind::Note,
                "",
                format!(
                    "{letter} has sent {} of which nothing was recorded",
                    counted(count, "byte")
                ),
            );
        }
    }

    fn end(&mut self, side: Side, out: &mut Out<'_>) {
        let [client, server] = &mut self.ended;
        let ended = if side == Side::Client { client } else { server };
        if std::mem::replace(ended, true) {
            return;
        }
        match side {
            Side::Client => self.request_ends(out),
            Side::Server => match self.sides.as_deref_mut() {
                Some(Sides::Index(_, replies)) => replies.end(&mut self.awaited, out),
                Some(Sides::Upload(_, replies)) => replies.end(&mut self.awaited, out),
                None => {}
            },
        }
        out.note(format!("{} ends its side of the connection", side.letter()));
    }
}

/// Whether a request to an upload server begins here, perhaps after a prefix.
pub(crate) fn is_get(bytes: &[u8]) -> bool {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut words = first.split(|byte| !byte.is_ascii_alphabetic());
    words.find(|word| word.len() > 1).is_some_and(|word| word.eq_ignore_ascii_case(b"GET"))
}

/// Whether a reply of an upload server begins here.
fn is_of_document(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(bytes.get(..512).unwrap_or(bytes)).to_ascii_lowercase();
    ["content-length", "content-type", "last-modified"].iter().any(|name| head.contains(name))
}
