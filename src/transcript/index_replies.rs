//! The replies of an index server, as the role of a peer reads them (protocol.md sections 3.2 and 4.9).

use std::collections::VecDeque;
use std::time::Duration;

use super::explained::Out;
use super::request_lines::Awaited;
use super::{Kind, Part, Side};
use crate::protocol::role::{IndexClient, ReplyEnd, ReplyEvent, ReplyMeaning};
use crate::protocol::{IndexReplyDecoder, Record, ReplyForm, ReplyPart, Status};

/// The meaning of a line `END`, or of padding.
const END_LINE: &str =
    "the end of the reply in a form of other programs; the grammar has the empty line alone";

/// The replies of a connection.
#[derive(Debug)]
pub(super) struct IndexReplies {
    role: IndexClient,
    /// Bytes that no event has taken.
    input: Vec<u8>,
    now: Duration,
    is_in_reply: bool,
    /// Whether the status line was the last event.
    is_after_status: bool,
    /// Whether a line has ended with LF, and whether that was said.
    has_lf: (bool, bool),
}

/// The header by which a refusal shows that attributes are supported.
const ATTRIBUTES: &[u8] = b"Attributes: 1";

impl IndexReplies {
    pub(super) fn new() -> Self {
        Self {
            role: IndexClient::new(IndexReplyDecoder::after_greeting().with_rows_in_other_forms()),
            input: Vec::new(),
            now: Duration::ZERO,
            is_in_reply: false,
            is_after_status: false,
            has_lf: (false, false),
        }
    }

    /// The server has sent bytes.
    pub(super) fn receive(
        &mut self,
        bytes: &[u8],
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) {
        self.input.extend_from_slice(bytes);
        loop {
            if !self.is_in_reply {
                match self.after_reply(out) {
                    Some(true) => continue,
                    Some(false) => return,
                    None => {}
                }
                let form = awaited.front().map_or(ReplyForm::Records, |awaited| awaited.form);
                self.role.expect_at_any_time(form);
            }
            let now = self.now;
            let Some(event) = self.role.next(&self.input, || now) else { return };
            if !self.explain(event, awaited, out) {
                return;
            }
        }
    }

    /// The server sends nothing more before the next request.
    pub(super) fn silence(&mut self, awaited: &mut VecDeque<Awaited>, out: &mut Out<'_>) {
        // A server that marks the end of its replies will do so.
        let shown = self.role.has_shown();
        let is_marked = shown.final_lines && self.input.is_empty();
        if is_marked || (!self.is_in_reply && self.input.is_empty()) {
            return;
        }
        let Some(deadline) = self.role.wait(&self.input, shown, self.now) else { return };
        self.now = deadline;
        if let Some(event) = self.role.on_timeout(&self.input, self.now) {
            self.explain(event, awaited, out);
            self.receive(b"", awaited, out);
        }
    }

    /// The server ends the connection.
    pub(super) fn end(&mut self, awaited: &mut VecDeque<Awaited>, out: &mut Out<'_>) {
        if !self.is_in_reply && self.input.is_empty() {
            return;
        }
        let event = self.role.on_end(&self.input, self.now);
        self.explain(event, awaited, out);
        self.receive(b"", awaited, out);
    }

    /// Returns whether more events may follow.
    fn explain(
        &mut self,
        event: ReplyEvent,
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) -> bool {
        let ReplyEvent { used, meaning, section } = event;
        let bytes: Vec<u8> = self.input.drain(..used.min(self.input.len())).collect();
        let is_lf = |line: &[u8]| line.ends_with(b"\n") && !line.ends_with(b"\r\n");
        self.has_lf.0 |= bytes.split_inclusive(|byte| *byte == b'\n').any(is_lf);
        let name = awaited.front().map_or("a request that is not here", |one| &one.name);
        match meaning {
            ReplyMeaning::EmptyLines => {
                lines(&bytes, section, "an empty line, which is ignored", out)
            }
            ReplyMeaning::Skipped => {
                lines(&bytes, section, "no part of a reply, such as a greeting: ignored", out);
            }
            ReplyMeaning::Part(part) => {
                self.is_in_reply = true;
                let meaning = of_part(&part, name);
                let rest = self.empty_line_before_records(&bytes, out);
                lines(rest, section, &meaning, out);
                self.forms(&part, rest, out);
                out.parts.push(Part::Index(part));
            }
            ReplyMeaning::End(end) => {
                let mut rest = self.empty_line_before_records(&bytes, out);
                if rest.starts_with(ATTRIBUTES)
                    && let Some(end) = rest.iter().position(|byte| *byte == b'\n')
                    && let Some((header, after)) = rest.split_at_checked(end + 1)
                {
                    lines(header, "4.11", "the index server supports attributes", out);
                    rest = after;
                }
                let (section, meaning) = match rest.trim_ascii() {
                    b"" => (section, "the end of the reply"),
                    b"END" => ("4.9", END_LINE),
                    rest => {
                        out.no_reply(rest);
                        ("4.9", "a line of another form for the record")
                    }
                };
                lines(rest, section, meaning, out);
                self.form_of_end(end, rest, out);
                self.is_in_reply = false;
                self.is_after_status = false;
                out.end_of_reply(awaited.pop_front().is_some());
            }
            ReplyMeaning::Fault(error) => {
                let text = error.fault.description();
                return self.give_up(section, &text, awaited, out);
            }
            ReplyMeaning::Missing(expected) => {
                let text = format!("expected {expected}, found nothing more");
                return self.give_up(section, &text, awaited, out);
            }
            ReplyMeaning::NotRead | ReplyMeaning::Closed => return false,
        }
        true
    }

    /// Explains bytes that are no reply. What follows is read as if the connection began there.
    fn give_up(
        &mut self,
        section: &'static str,
        text: &str,
        awaited: &mut VecDeque<Awaited>,
        out: &mut Out<'_>,
    ) -> bool {
        let rest = std::mem::take(&mut self.input);
        lines(&rest, "", "no part of a reply", out);
        out.no_reply(&rest);
        out.push(Kind::Fault, section, text);
        out.end_of_reply(awaited.pop_front().is_some());
        *self = Self { now: self.now, ..Self::new() };
        false
    }

    /// Explains what other programs send after a reply: `END`, or padding. Returns whether it has explained
    /// something; `Some(false)` if more bytes are needed.
    fn after_reply(&mut self, out: &mut Out<'_>) -> Option<bool> {
        let input = self.input.as_slice();
        let padding = input.first().filter(|byte| b"~!\0".contains(byte));
        let used = match padding {
            Some(byte) => input.iter().take_while(|other| *other == byte).count(),
            None if input.starts_with(b"END\n") => 4,
            None if input.starts_with(b"END\r\n") => 5,
            None if !input.is_empty() && b"END\r\n".starts_with(input) => return Some(false),
            None => return None,
        };
        let bytes: Vec<u8> = self.input.drain(..used).collect();
        out.push(Kind::Line(Side::Server, bytes), "B.5", END_LINE);
        Some(true)
    }

    /// Explains the empty line after the status. Returns the bytes after it.
    fn empty_line_before_records<'a>(&mut self, bytes: &'a [u8], out: &mut Out<'_>) -> &'a [u8] {
        if !std::mem::take(&mut self.is_after_status) || bytes.is_empty() {
            return bytes;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        match bytes.split_at_checked(end) {
            Some((line, rest)) if line.trim_ascii().is_empty() => {
                let meaning = "the empty line between the status line and the records";
                out.push(Kind::Line(Side::Server, line.into()), "3.2", meaning);
                rest
            }
            _ => {
                out.push(Kind::Form, "4.9", "no empty line after the status line");
                bytes
            }
        }
    }

    /// Names the forms of other programs in a part of a reply.
    fn forms(&mut self, part: &ReplyPart, bytes: &[u8], out: &mut Out<'_>) {
        match part {
            ReplyPart::Found => {
                self.is_after_status = true;
                if !bytes.starts_with(b"P2P-CI/1.0 ") {
                    out.push(Kind::Form, "4.9", "another name or version in the status line");
                }
            }
            ReplyPart::Record(_) if !bytes.starts_with(b"RFC ") && !bytes.starts_with(b"FILE ") => {
                out.push(Kind::Form, "4.9", "a record that does not begin with `RFC` and a blank");
            }
            ReplyPart::Record(_) if !is_record(bytes) => {
                let form = "a record with other separators, or with zeros before the number";
                out.push(Kind::Form, "4.9", form);
            }
            _ => {}
        }
    }

    fn form_of_end(&mut self, end: ReplyEnd, bytes: &[u8], out: &mut Out<'_>) {
        if self.has_lf == (true, false) {
            self.has_lf.1 = true;
            out.push(Kind::Form, "4.9", "lines end with LF; the grammar has CRLF");
        }
        let text = match end {
            ReplyEnd::Complete if bytes.is_empty() => "no empty line at the end of the reply",
            ReplyEnd::Complete => return,
            ReplyEnd::Silence(_) => {
                "no empty line at the end of the reply: a client waits, and it is possibly incomplete"
            }
            ReplyEnd::Close => {
                "the connection ends the reply, and no empty line: it is possibly incomplete"
            }
        };
        out.push(Kind::Form, "4.9", text);
    }
}

/// Whether a line is a record of the grammar.
fn is_record(line: &[u8]) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    Record::parse(text.trim_end_matches(['\r', '\n'])).is_ok()
}

/// Explains lines. The first one has this meaning.
fn lines(bytes: &[u8], section: &'static str, meaning: &str, out: &mut Out<'_>) {
    for (at, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let meaning = match line.trim_ascii() {
            b"" if at > 0 => "an empty line",
            _ => meaning,
        };
        out.push(Kind::Line(Side::Server, line.into()), section, meaning);
    }
}

fn of_part(part: &ReplyPart, request: &str) -> String {
    match part {
        ReplyPart::Found => format!("the reply to {request}: found, records follow"),
        ReplyPart::Refused(refusal) => {
            let status = Status::Refused(*refusal).phrase();
            format!("the reply to {request}: refused, {status}")
        }
        ReplyPart::Reason(_) => "why the request was refused".into(),
        ReplyPart::Cluster(_) => "the cluster to which the index server belongs".into(),
        ReplyPart::ClusterServer(_) => {
            "a server of that cluster, which has the same records".into()
        }
        ReplyPart::Record(record) => {
            let (document, holder) = (record.document.wire(), &record.holder);
            format!("a record: {holder} has {document}")
        }
        ReplyPart::Attribute(_) => "an attribute of the record before it".into(),
        ReplyPart::End => "the end of the reply".into(),
    }
}
