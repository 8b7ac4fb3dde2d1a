//! The replies of an upload server, as the role of a client reads them (protocol.md sections 5.2 to 5.7).

use std::collections::VecDeque;

use super::explained::Out;
use super::request_lines::Awaited;
use super::{Kind, Part, Side, meanings};
use crate::counted::counted;
use crate::protocol::role::{DocumentClient, DocumentEnd, DocumentEvent, DocumentMeaning};
use crate::protocol::{ReplyPart, Status};

/// Bytes of a document that are kept to show its beginning.
const SHOWN: usize = 60;
/// Lines of a faulty head that are shown.
const FAULTY_LINES: usize = 24;
/// Bytes that stand for those that were not recorded, at a time.
const FILLER: [u8; 4096] = [b'.'; 4096];

/// The replies of a connection.
#[derive(Debug)]
pub(super) struct DocumentReplies {
    role: DocumentClient,
    /// Bytes that no event has taken.
    input: Vec<u8>,
    /// The beginning of the document, and the number of its bytes so far.
    document: (Vec<u8>, u64),
    /// The beginning of the bytes that belong to no reply, and their number.
    surplus: (Vec<u8>, u64),
    unrecorded: u64,
    /// Whether the present bytes stand for bytes that were not recorded.
    is_filled: bool,
    /// Nothing after a refusal or a fault has a meaning.
    has_failed: bool,
    has_begun: bool,
}

impl DocumentReplies {
    pub(super) fn new() -> Self {
        Self {
            role: DocumentClient::new(),
            input: Vec::new(),
            document: (Vec::new(), 0),
            surplus: (Vec::new(), 0),
            unrecorded: 0,
            is_filled: false,
            has_failed: false,
            has_begun: false,
        }
    }

    /// The server has sent bytes.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) {
        while self.role.awaited() < awaited.len() {
            self.role.expect_reply();
        }
        if !std::mem::replace(&mut self.has_begun, true) && awaited.is_empty() {
            self.role.expect_reply();
        }
        if self.has_failed {
            keep(&mut self.surplus, bytes);
            return;
        }
        self.input.extend_from_slice(bytes);
        while let Some(event) = self.role.next(&self.input) {
            self.explain(event, awaited, out);
        }
    }

    /// The server has sent this number of bytes, which were not recorded.
    pub(super) fn missing(
        &mut self,
        count: u64,
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) {
        let expected = self.role.missing();
        let is_in_document = expected != Some(0) && !self.has_failed;
        let mut left = if is_in_document { expected.unwrap_or(count).min(count) } else { 0 };
        let outside = count - left;
        self.unrecorded += left;
        self.is_filled = true;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(FILLER.len()).min(FILLER.len());
            self.receive(FILLER.get(..step).unwrap_or_default(), awaited, out);
            left -= step as u64;
        }
        self.is_filled = false;
        if outside > 0 {
            out.note(format!(
                "S has sent {} of which nothing was recorded",
                counted(outside, "byte")
            ));
        }
    }

    /// The conversation ends here, and the connection does not.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) {
        if self.document.1 > 0 {
            self.show_document("5.3", out);
            if let Some(missing) = self.role.missing().filter(|missing| *missing > 0) {
                let missing = counted(missing, "more byte");
                out.note(format!(
                    "expected {missing} of the document, found the end of the record"
                ));
            }
        }
        head_lines(&std::mem::take(&mut self.input), "5.2", "the beginning of a reply", out);
        self.show_surplus(out);
    }

    /// The server ends the connection.
    pub(super) fn end(&mut self, awaited: &mut VecDeque<Awaited>, out: &mut Out<'_>) {
        if !self.has_failed {
            while self.role.awaited() < awaited.len() {
                self.role.expect_reply();
            }
            let event = self.role.on_end(&self.input);
            let is_head = matches!(event.meaning, DocumentMeaning::Head(_));
            self.explain(event, awaited, out);
            if is_head {
                // The end of the connection has ended the head. A document has come after it.
                while let Some(event) = self.role.next(&self.input) {
                    self.explain(event, awaited, out);
                }
                let event = self.role.on_end(&self.input);
                self.explain(event, awaited, out);
            }
        }
        self.show_surplus(out);
    }

    fn explain(
        &mut self,
        event: DocumentEvent,
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) {
        let DocumentEvent { used, meaning, section } = event;
        let bytes: Vec<u8> = self.input.drain(..used.min(self.input.len())).collect();
        let name = awaited.front().map_or("a request that is not here", |one| &one.name);
        match meaning {
            DocumentMeaning::Head(head) => {
                let part = if head.content_range.is_some() {
                    "a part of the document"
                } else {
                    "the document"
                };
                head_lines(&bytes, section, &format!("the reply to {name}: {part} follows"), out);
                let is_lf = |line: &[u8]| line.ends_with(b"\n") && !line.ends_with(b"\r\n");
                if bytes.split_inclusive(|byte| *byte == b'\n').any(is_lf) {
                    out.push(
                        Kind::Form,
                        "5.4",
                        "lines of the head end with LF; the grammar has CRLF",
                    );
                }
                out.parts.push(Part::Head(head));
            }
            DocumentMeaning::Bytes(_) => {
                keep(&mut self.document, &bytes);
                out.parts.push(match self.is_filled {
                    true => Part::Unrecorded(bytes.len() as u64),
                    false => Part::Body(bytes),
                });
            }
            DocumentMeaning::End(end) => {
                self.show_document(section, out);
                let text = match end {
                    DocumentEnd::Complete => None,
                    DocumentEnd::Close => Some(
                        "no Content-Length: the connection ends the document, which is possibly truncated",
                    ),
                    DocumentEnd::WithoutFirst(_) => Some(
                        "no empty line after the head: the document begins with what was taken for it",
                    ),
                    DocumentEnd::CountsHead(_) => Some(
                        "Content-Length includes the head: exactly its bytes are missing at the end",
                    ),
                };
                if let Some(text) = text {
                    out.push(Kind::Form, "5.4", text);
                }
                if let DocumentEnd::WithoutFirst(first) = end {
                    out.parts.push(Part::BodyBegins(first));
                }
                out.end_of_reply(awaited.pop_front().is_some());
            }
            DocumentMeaning::Truncated(missing) => {
                self.show_document(section, out);
                let text = format!(
                    "expected {}, found the end of the connection",
                    counted(missing, "more byte")
                );
                out.push(Kind::Fault, section, text);
                out.end_of_reply(!awaited.is_empty());
                self.has_failed = true;
            }
            DocumentMeaning::Surplus => keep(&mut self.surplus, &bytes),
            DocumentMeaning::Refused(refusal) => {
                let status = Status::Refused(refusal).phrase();
                head_lines(
                    &bytes,
                    section,
                    &format!("the reply to {name}: refused, {status}"),
                    out,
                );
                // The empty line after a status line may not be part of what the role has taken.
                let rest = std::mem::take(&mut self.input);
                head_lines(&rest, section, "what follows a refusal", out);
                out.parts.push(Part::Index(ReplyPart::Refused(refusal)));
                self.has_failed = true;
                out.end_of_reply(awaited.pop_front().is_some());
            }
            DocumentMeaning::Fault(error) => {
                let all = std::mem::take(&mut self.input);
                let mut left = all.as_slice();
                for _ in 0..FAULTY_LINES {
                    let end =
                        left.iter().position(|byte| *byte == b'\n').map_or(left.len(), |at| at + 1);
                    let (line, rest) = left.split_at_checked(end).unwrap_or((left, b""));
                    if line.is_empty() {
                        break;
                    }
                    let (section, meaning) = meanings::of_header_line(line);
                    out.push(Kind::Line(Side::Server, line.into()), section, meaning);
                    left = rest;
                    if line.trim_ascii().is_empty() {
                        break;
                    }
                }
                let fault = error.fault;
                let text = format!("line {}: {}", error.line, fault.description());
                out.push(Kind::Fault, section, text);
                keep(&mut self.surplus, left);
                out.no_reply(&all);
                self.has_failed = true;
                out.end_of_reply(awaited.pop_front().is_some());
            }
            DocumentMeaning::NoReply => {
                out.push(Kind::Fault, section, "expected a reply, found the end of the connection");
            }
            DocumentMeaning::Closed => {}
        }
    }

    fn show_document(&mut self, section: &'static str, out: &mut Out<'_>) {
        let (beginning, count) = std::mem::take(&mut self.document);
        let unrecorded = std::mem::take(&mut self.unrecorded);
        let mut text = format!("{} of the document", counted(count, "byte"));
        if unrecorded > 0 {
            text = format!("{text}, {unrecorded} of them not recorded");
        }
        out.push(Kind::Document(beginning, count), section, text);
    }

    fn show_surplus(&mut self, out: &mut Out<'_>) {
        let (beginning, count) = std::mem::take(&mut self.surplus);
        if count > 0 {
            let text = format!("{} outside of any reply", counted(count, "byte"));
            out.push(Kind::Line(Side::Server, beginning), "5.4", text);
        }
    }
}

fn keep((beginning, count): &mut (Vec<u8>, u64), bytes: &[u8]) {
    let room = SHOWN.saturating_sub(beginning.len()).min(bytes.len());
    beginning.extend_from_slice(bytes.get(..room).unwrap_or_default());
    *count += bytes.len() as u64;
}

/// Explains the head of a reply.
fn head_lines(bytes: &[u8], section: &'static str, meaning: &str, out: &mut Out<'_>) {
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let (section, meaning) = match line.trim_ascii() {
            b"" => (section, "the end of the head".into()),
            _ if at == 0 => (section, meaning.into()),
            text => meanings::of_header_line(text),
        };
        out.push(Kind::Line(Side::Server, line.into()), section, meaning);
    }
}
