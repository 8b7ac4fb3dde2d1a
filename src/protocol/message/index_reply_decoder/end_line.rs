//! Replies that end with a line `END` (protocol.md appendix B.7).

use super::{IndexReplyDecoder, Place};
use crate::protocol::message::index_reply::ReplyPart;

impl IndexReplyDecoder {
    /// The same for a server whose replies end with a line `END`.
    #[must_use]
    pub fn with_end_lines(self) -> Self {
        Self { has_end_lines: true, ..self }
    }

    /// Whether the last reply ended with a line `END`.
    pub fn shows_end_line(&self) -> bool {
        self.shows_end_line
    }

    /// Reads a line `END`, or an empty line before it. `None`: it is another line.
    pub(super) fn take_end_line(&mut self, line: &str) -> Option<Option<(ReplyPart, Place)>> {
        match (self.place, line) {
            (Place::Start, _) | (Place::Found, "") => None,
            (Place::Refused, "") => Some(None),
            (Place::Records | Place::Ended, "") => {
                self.place = Place::Ended;
                Some(None)
            }
            (Place::Refused | Place::Found | Place::Records | Place::Ended, "END") => {
                (self.shows_end_line, self.shows_final_lines) = (true, true);
                Some(Some((ReplyPart::End, Place::Start)))
            }
            _ => None,
        }
    }
}

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
}
