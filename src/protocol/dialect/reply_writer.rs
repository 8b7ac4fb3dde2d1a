//! Writing the replies of an index server in the form of the requests (protocol.md appendix B.5).

use std::collections::VecDeque;

use super::framing::Framing;
use super::reply_style::{Added, NothingFound, ReplyStyle, Rows};
use crate::protocol::{Refusal, Status, VERSION};

/// The request that a reply answers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ReplyTo {
    /// ADD.
    Add,
    /// LOOKUP, LIST or SEARCH.
    Query,
    /// Another request, or bytes that are no request.
    Other,
}

/// Takes replies as the grammar writes them, and writes them in another form.
#[derive(Debug, Default)]
pub struct ReplyWriter {
    /// The form of each reply that has not ended, and what it answers.
    expected: VecDeque<(ReplyTo, ReplyStyle)>,
    part: Part,
    /// A line whose end has not been taken.
    line: Vec<u8>,
    /// A reply whose length must be known before it is sent.
    held: Vec<u8>,
}

/// The part of a reply that comes next.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Part {
    #[default]
    Status,
    /// The empty line after a status line of success.
    EmptyLine,
    /// At most one record.
    Records { any: bool },
    /// Headers of a refusal.
    Headers,
    /// Headers of a refusal that is written as success.
    HiddenHeaders,
    /// The rest of a reply that was too long, and was replaced.
    Replaced,
}

impl ReplyWriter {
    /// A request was read: its reply has this form.
    pub fn expect(&mut self, to: ReplyTo, form: ReplyStyle) {
        self.expected.push_back((to, form));
    }

    /// Takes bytes of replies, and appends them in the form of each.
    pub fn write(&mut self, replies: &[u8], out: &mut Vec<u8>) {
        for piece in replies.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                self.write_line(line.trim_ascii_end(), out);
                self.line = line;
                self.line.clear();
            }
        }
    }

    fn write_line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        let (to, form) =
            self.expected.front().copied().unwrap_or((ReplyTo::Other, ReplyStyle::default()));
        let is_held = form.framing != Framing::Lines || form.padding.is_some();
        let mut held = std::mem::take(&mut self.held);
        let target = if is_held { &mut held } else { &mut *out };
        let mut push = |line: &[u8]| {
            target.extend_from_slice(line);
            target.extend_from_slice(form.line_end.bytes());
        };
        let mut has_ended = false;
        match self.part {
            Part::Status => {
                let is_found = line.split(|&byte| byte == b' ').nth(1) == Some(b"200");
                let is_nothing = line.split(|&byte| byte == b' ').nth(1) == Some(b"404");
                if is_found {
                    // Whether there are records is not known yet.
                    self.part = Part::EmptyLine;
                } else if is_nothing
                    && to == ReplyTo::Query
                    && form.nothing_found == NothingFound::Ok
                {
                    push(&status(Status::Ok));
                    if form.is_empty_line_after_status {
                        push(b"");
                    }
                    self.part = Part::HiddenHeaders;
                } else {
                    push(line);
                    self.part = Part::Headers;
                }
            }
            Part::EmptyLine => self.part = Part::Records { any: false },
            Part::Records { any } if line.is_empty() => {
                if !any {
                    let is_nothing =
                        to == ReplyTo::Query && form.nothing_found == NothingFound::NotFound;
                    let found = if is_nothing { Refusal::NotFound.into() } else { Status::Ok };
                    push(&status(found));
                    if form.is_empty_line_after_status && !is_nothing {
                        push(b"");
                    }
                }
                has_ended = true;
            }
            Part::Records { any } => {
                if !any {
                    push(&status(Status::Ok));
                    if form.is_empty_line_after_status {
                        push(b"");
                    }
                }
                self.part = Part::Records { any: true };
                let number = line.strip_prefix(b"RFC ").filter(|_| form.rows == Rows::Number);
                if to != ReplyTo::Add || form.added == Added::Record {
                    push(number.unwrap_or(line));
                }
            }
            Part::Headers | Part::HiddenHeaders if line.is_empty() => has_ended = true,
            Part::Headers => push(line),
            Part::HiddenHeaders => {}
            Part::Replaced => {
                if line.is_empty() {
                    self.part = Part::Status;
                    self.expected.pop_front();
                }
                return;
            }
        }
        if has_ended {
            if form.is_empty_line_at_end {
                push(b"");
            }
            if form.has_end_word {
                push(b"END");
            }
            self.part = Part::Status;
            self.expected.pop_front();
        }
        let is_too_long = held.len() > Framing::LONGEST;
        if is_held && (has_ended || is_too_long) {
            finish(&held, form, out);
            if !has_ended {
                self.part = Part::Replaced;
            }
        } else {
            self.held = held;
        }
    }
}

impl ReplyStyle {
    /// The end of a reply whose request turned out to end with `END` after the reply was sent.
    pub fn late_end(self) -> Vec<u8> {
        let line_end = self.line_end.bytes();
        [line_end, b"END", line_end].concat()
    }

    /// The head of a reply of an upload server, which the grammar writes as `head`.
    ///
    /// Only what a program must find changes: its line ends and its `END`, or its prefix. Programs whose
    /// requests have no empty line at their end read the head of the grammar best.
    pub fn head(self, head: &[u8]) -> Vec<u8> {
        let mut text = head.to_vec();
        if self.has_end_word {
            text = String::from_utf8_lossy(head).replace("\r\n", "\n").into_bytes();
            text.extend_from_slice(b"END\n");
        }
        let mut framed = Vec::new();
        if self.framing.frame(&text, &mut framed) { framed } else { text }
    }
}

/// Appends a reply that was held, with its prefix or padding.
fn finish(held: &[u8], form: ReplyStyle, out: &mut Vec<u8>) {
    let begin = out.len();
    if held.len() > Framing::LONGEST || !form.framing.frame(held, out) {
        let mut refusal = status(Refusal::ServiceUnavailable.into());
        refusal.extend_from_slice(form.line_end.bytes());
        form.framing.frame(&refusal, out);
    }
    if let (Framing::Lines, Some((byte, size))) = (form.framing, form.padding) {
        let length = out.len() - begin;
        out.resize(begin + length.next_multiple_of(size), byte);
    }
}

/// The status line without its line end.
fn status(status: Status) -> Vec<u8> {
    format!("{VERSION} {status}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::framing::Prefix;
    use super::super::reply_style::{LineEnd, StyleSettings};
    use super::super::request_end::EndedBy;
    use super::*;

    const ROWS: &str = "P2P-CI/1.0 200 OK\r\n\r\nRFC 1 a title h 1\r\nRFC 1 b h 2\r\n\r\n";
    const NONE: &str = "P2P-CI/1.0 200 OK\r\n\r\n\r\n";
    const NOT_FOUND: &str = "P2P-CI/1.0 404 Not Found\r\n\r\n";

    fn written(to: ReplyTo, style: ReplyStyle, reply: &str) -> String {
        let mut whole = Vec::new();
        let mut writer = ReplyWriter::default();
        writer.expect(to, style);
        writer.write(reply.as_bytes(), &mut whole);
        let mut in_pieces = Vec::new();
        let mut writer = ReplyWriter::default();
        writer.expect(to, style);
        reply.bytes().for_each(|byte| writer.write(&[byte], &mut in_pieces));
        assert_eq!(whole, in_pieces, "{reply:?}");
        String::from_utf8(whole).unwrap()
    }

    #[test]
    fn replies_have_the_form_of_the_request() {
        let style = |line_end, by| ReplyStyle::of_request(line_end, by, Framing::Lines);
        let (crlf, lf) = (LineEnd::CarriageReturnLineFeed, LineEnd::LineFeed);
        let table = [
            (style(crlf, EndedBy::EmptyLine), ROWS, ROWS),
            (style(crlf, EndedBy::EmptyLine), NONE, NONE),
            (style(crlf, EndedBy::EmptyLine), NOT_FOUND, NOT_FOUND),
            (
                style(crlf, EndedBy::Silence),
                ROWS,
                "P2P-CI/1.0 200 OK\r\nRFC 1 a title h 1\r\nRFC 1 b h 2\r\n\r\n",
            ),
            (style(crlf, EndedBy::Silence), NOT_FOUND, NOT_FOUND),
            (
                style(lf, EndedBy::EmptyLine),
                ROWS,
                "P2P-CI/1.0 200 OK\nRFC 1 a title h 1\nRFC 1 b h 2\n",
            ),
            (style(lf, EndedBy::Padding(b'~')), NOT_FOUND, "P2P-CI/1.0 404 Not Found\n"),
            (
                style(lf, EndedBy::Word),
                ROWS,
                "P2P-CI/1.0 200 OK\n\nRFC 1 a title h 1\nRFC 1 b h 2\n\nEND\n",
            ),
            (style(lf, EndedBy::Word), NONE, "P2P-CI/1.0 200 OK\n\n\nEND\n"),
        ];
        for (style, reply, expected) in table {
            assert_eq!(written(ReplyTo::Query, style, reply), expected);
        }
    }

    #[test]
    fn settings_change_what_requests_do_not_show() {
        let table = [
            ("rows=number", ReplyTo::Query, ROWS, "P2P-CI/1.0 200 OK\n1 a title h 1\n1 b h 2\n"),
            ("add=status", ReplyTo::Add, ROWS, "P2P-CI/1.0 200 OK\n"),
            ("nothing-found=404", ReplyTo::Query, NONE, "P2P-CI/1.0 404 Not Found\n"),
            ("nothing-found=200", ReplyTo::Query, NOT_FOUND, "P2P-CI/1.0 200 OK\n"),
            (
                "nothing-found=200,line-end=crlf,after-status=empty-line,end=empty-line",
                ReplyTo::Query,
                "P2P-CI/1.0 404 Not Found\r\nReason: no peer has it\r\n\r\n",
                NONE,
            ),
            ("padding=~32", ReplyTo::Query, NOT_FOUND, "P2P-CI/1.0 404 Not Found\n~~~~~~~"),
            ("line-end=crlf,end=empty-line", ReplyTo::Other, NOT_FOUND, NOT_FOUND),
        ];
        for (settings, to, reply, expected) in table {
            let settings: StyleSettings = settings.parse().unwrap();
            let style = ReplyStyle::of_request(LineEnd::LineFeed, EndedBy::Silence, Framing::Lines);
            assert_eq!(written(to, settings.apply(style), reply), expected, "{settings:?}");
        }
    }

    #[test]
    fn a_framed_reply_has_its_length_before_it() {
        let style = |framing| ReplyStyle::of_request(LineEnd::LineFeed, EndedBy::Silence, framing);
        let binary = style(Framing::Prefixed(Prefix::Binary { width: 2 }));
        assert_eq!(written(ReplyTo::Query, binary, NOT_FOUND), "\0\x19P2P-CI/1.0 404 Not Found\n");
        // More than the writer holds, several times.
        let rows = format!("P2P-CI/1.0 200 OK\r\n\r\n{}\r\n", "RFC 1 t h 1\r\n".repeat(50_000));
        let refused = "\0\x23P2P-CI/1.0 503 Service Unavailable\n";
        assert_eq!(written(ReplyTo::Query, binary, &rows), refused);
    }
}
