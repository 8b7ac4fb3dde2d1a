//! Replies that end with a line `END` (protocol.md appendix B.7).

use super::{EndLines, IndexReplyDecoder, Place};
use crate::protocol::message::index_reply::ReplyPart;

impl IndexReplyDecoder {
    /// The same for a server whose replies end with a line `END`.
    #[must_use]
    pub fn with_end_lines(self) -> Self {
        Self { end_lines: EndLines::Expected, ..self }
    }

    /// Whether a reply ended with a line `END`.
    pub fn shows_end_line(&self) -> bool {
        self.shows_end_line
    }

    /// Whether bytes that have arrived after a reply belong to it: empty lines and one line `END`, which
    /// may be unfinished.
    pub fn is_end_of_last_reply(&self, input: &[u8]) -> bool {
        let is_line_end = |byte: &u8| b"\r\n".contains(byte);
        let begin = input.iter().position(|byte| !is_line_end(byte)).unwrap_or(input.len());
        let found = input.get(begin..).unwrap_or_default();
        let end = found.iter().position(is_line_end).unwrap_or(found.len());
        let (line, rest) = found.split_at_checked(end).unwrap_or_default();
        let is_end = match rest {
            b"" => END.starts_with(line),
            rest => line == END && rest.trim_ascii().is_empty(),
        };
        let may_follow = self.reads_end_lines() && self.may_end_line_follow;
        found.trim_ascii().is_empty() || may_follow && is_end
    }

    /// Reads a line `END`, or an empty line before it. `None`: it is another line.
    pub(super) fn take_end_line(&mut self, line: &str) -> Option<Option<(ReplyPart, Place)>> {
        let is_end = line.as_bytes() == END && self.reads_end_lines();
        match self.place {
            Place::Start if is_end && self.may_end_line_follow => {
                (self.shows_end_line, self.may_end_line_follow) = (true, false);
                Some(None)
            }
            Place::Start => None,
            Place::Refused | Place::Found | Place::Records | Place::Ended if is_end => {
                (self.shows_end_line, self.may_end_line_follow) = (true, false);
                self.shows_final_lines |= !self.was_refusal;
                Some(Some((ReplyPart::End, Place::Start)))
            }
            _ if !line.is_empty() || self.end_lines != EndLines::Expected => None,
            Place::Found => None,
            Place::Refused => Some(None),
            Place::Records | Place::Ended => {
                self.place = Place::Ended;
                Some(None)
            }
        }
    }

    /// Whether the unfinished line of a reply is `END`: the line end may be missing.
    pub(super) fn is_unfinished_end_line(&self, input: &[u8]) -> bool {
        self.reads_end_lines() && self.lines.rest(input).trim_ascii_end() == END
    }

    fn reads_end_lines(&self) -> bool {
        match self.end_lines {
            EndLines::Never => false,
            EndLines::Possible => !self.shows_attributes,
            EndLines::Expected => true,
        }
    }
}

const END: &[u8] = b"END";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ReplyForm;

    #[test]
    fn replies_end_with_the_line_end() {
        for (form, reply, records) in [
            (ReplyForm::Records, "P2P-CI/1.0 200 OK\n\n\nEND\n", 0),
            (ReplyForm::Records, "P2P-CI/1.0 200 OK\n\nRFC 1 T h 1\n\nEND\n", 1),
            (ReplyForm::Records, "P2P-CI/1.0 200 OK\nRFC 1 T h 1\nRFC 2 T h 1\nEND\n", 2),
            (ReplyForm::OneRecord, "P2P-CI/1.0 200 OK\nRFC 1 T h 1\n\nEND\n", 1),
            (ReplyForm::OneRecord, "P2P-CI/1.0 200 OK\n\nEND\n", 0),
            (ReplyForm::Records, "P2P-CI/1.0 404 Not Found\n\nEND\n", 0),
            (ReplyForm::Records, "P2P-CI/1.0 404 Not Found\nEND\n", 0),
        ] {
            let mut decoder = IndexReplyDecoder::default().with_end_lines();
            decoder.expect(form);
            for _ in 0..2 {
                let (mut used, mut found) = (0, 0);
                loop {
                    let (part, count) = decoder.decode(&reply.as_bytes()[used..]).unwrap().unwrap();
                    used += count;
                    match part {
                        ReplyPart::Record(_) => found += 1,
                        ReplyPart::End => break,
                        _ => {}
                    }
                }
                assert_eq!((used, found), (reply.len(), records), "{reply:?}");
                assert!(decoder.shows_end_line());
            }
        }
    }

    /// The records of each reply, and the last fault. The bytes arrive in pieces of this size.
    fn read(form: ReplyForm, bytes: &str, step: usize) -> (Vec<usize>, bool) {
        let mut decoder = IndexReplyDecoder::after_greeting().with_odd_rows();
        decoder.expect(form);
        let (mut input, mut replies, mut records) = (Vec::new(), Vec::new(), 0);
        for piece in bytes.as_bytes().chunks(step) {
            input.extend_from_slice(piece);
            loop {
                match decoder.decode(&input) {
                    Ok(Some((part, used))) => {
                        input.drain(..used);
                        records += usize::from(matches!(part, ReplyPart::Record(_)));
                        if part == ReplyPart::End {
                            replies.push(std::mem::take(&mut records));
                        }
                    }
                    Ok(None) => break,
                    Err(_) => return (replies, true),
                }
            }
        }
        (replies, false)
    }

    #[test]
    fn a_server_without_extensions_may_send_the_line_end_after_each_reply() {
        use ReplyForm::{OneRecord, Records};
        let (ok, row, none) = ("P2P-CI/1.0 200 OK\n", "RFC 1 T h 1\n", "P2P-CI/1.0 404 x\n");
        for (form, bytes, replies, is_fault) in [
            (Records, format!("{ok}{row}END\n{ok}{row}{row}END\n"), vec![1, 2], false),
            (Records, format!("{ok}\n{row}\nEND\n{ok}\n{row}\r\nEND\r\n"), vec![1, 1], false),
            (Records, format!("{ok}END\n{ok}\nEND\n{none}END\n{none}\nEND\n"), vec![0; 4], false),
            (OneRecord, format!("{ok}{row}END\n{ok}\n{row}\nEND\n{ok}END\n"), vec![1, 1, 0], false),
            // Once after each reply, after no record, and not before the first reply.
            (Records, format!("{ok}{row}END\nEND\n"), vec![1], true),
            (Records, format!("{ok}{row}\nEND\nEND\n"), vec![1], true),
            (Records, format!("{ok}{row} END\n"), vec![], true),
            (Records, format!("{ok}{row}end\n"), vec![], true),
            // Not from a server that has shown an extension.
            (Records, format!("{ok}\n{row}Length: 1\nEND\n"), vec![], true),
            (Records, format!("{ok}\n{row}Length: 1\n\nEND\n"), vec![1], true),
        ] {
            for step in 1..=bytes.len() {
                let found = read(form, &bytes, step);
                assert_eq!(found, (replies.clone(), is_fault), "{bytes:?} in pieces of {step}");
            }
        }
    }

    #[test]
    fn bytes_after_a_reply_may_be_its_line_end() {
        let mut decoder = IndexReplyDecoder::after_greeting();
        assert!(!decoder.is_end_of_last_reply(b"END\n"), "before a reply");
        for part in ["P2P-CI/1.0 404 x\n", "\n"] {
            assert!(decoder.decode(part.as_bytes()).unwrap().is_some());
        }
        for end in ["", "\r\n", "E", "EN", "END", "END\r", "END\n", "\n\nEND\r\n\r\n"] {
            assert!(decoder.is_end_of_last_reply(end.as_bytes()), "{end:?}");
        }
        for other in ["ENDE", "E\n", " END\n", "END\nEND\n", "END\nP", "P2P-CI/1.0 404 x\n"] {
            assert!(!decoder.is_end_of_last_reply(other.as_bytes()), "{other:?}");
        }
        assert_eq!(decoder.decode(b"END\n"), Ok(None));
        decoder.skipped = 0;
        assert!(!decoder.is_end_of_last_reply(b"END\n"), "a second one");
    }
}
