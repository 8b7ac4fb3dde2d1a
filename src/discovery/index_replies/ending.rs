//! How a reply ends: by the end of the connection, by silence, or too early (protocol.md section 4.9).

use std::io;

use super::{Replies, Step};
use crate::discovery::index_error::IndexError;
use crate::discovery::listed::Completeness;
use crate::escape::excerpt;
use crate::limits;
use crate::protocol::{DecodeError, ReplyForm, ReplyPart, ReplyState};

impl Replies<'_> {
    /// The index has closed the connection.
    pub(super) fn closed(
        &mut self,
        state: ReplyState,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Result<Step, IndexError> {
        match (state, self.form) {
            (ReplyState::Before, _) if self.has_only_greeted => {
                Err(self.missing("a reply before the end of the connection"))
            }
            (ReplyState::Before, _) if self.receiver.input().is_empty() => Ok(Step::Closed),
            (ReplyState::Found { .. }, _) if self.dialect.shows_extensions() => {
                Err(self.missing("the final empty line before the end of the connection"))
            }
            (ReplyState::Refused, _) | (ReplyState::Found { .. }, ReplyForm::OneRecord) => {
                Ok(self.end_here(state, Completeness::Complete, take))
            }
            (ReplyState::Found { is_in_line: false, follows_grammar }, ReplyForm::Records)
                if !self.dialect.ends_replies() =>
            {
                if follows_grammar && self.pace.paused >= limits::NOT_READ {
                    return Err(self.not_read());
                }
                // Where nothing but the close ends a reply, that is its end after a whole record.
                let is_end = !follows_grammar
                    && self.has_records
                    && self.receiver.input().trim_ascii().is_empty();
                let completeness = match is_end {
                    true => Completeness::Complete,
                    false => Completeness::closed(),
                };
                Ok(self.end_here(state, completeness, take))
            }
            (ReplyState::Before | ReplyState::Found { .. }, _) => {
                Err(self.missing("the rest of the reply before the end of the connection"))
            }
        }
    }

    pub(super) fn end_here(
        &mut self,
        state: ReplyState,
        completeness: Completeness,
        take: &mut dyn FnMut(ReplyPart, &[u8]),
    ) -> Step {
        if self.form == ReplyForm::OneRecord && matches!(state, ReplyState::Found { .. }) {
            self.dialect.show_add_without_record();
        }
        if let Some((part, used)) = self.decoder.last_record(self.receiver.input()) {
            self.pass_on(part, used, Completeness::Complete, take);
        }
        let (part, used) = self.decoder.end_here(self.receiver.input());
        self.pass_on(part, used, completeness, take)
    }

    pub(super) fn expected(&self, state: ReplyState) -> &'static str {
        match state {
            ReplyState::Before if self.receiver.input().is_empty() => "a reply",
            ReplyState::Before => "the end of the status line",
            ReplyState::Refused => "the final empty line",
            ReplyState::Found { is_in_line: true, .. } => "the end of a line",
            ReplyState::Found { is_in_line: false, .. } => "the final empty line of the reply",
        }
    }

    pub(super) fn missing(&self, expected: &'static str) -> IndexError {
        let received = match (self.receiver.input(), &self.last[..]) {
            ([], []) => None,
            ([], last) => Some(excerpt(last.trim_ascii_end())),
            (rest, _) => Some(excerpt(rest)),
        };
        let index = self.index.clone();
        match received {
            Some(_) if self.pace.paused >= limits::NOT_READ => self.not_read(),
            Some(last) => IndexError::Unfinished { index, expected, last },
            None => IndexError::Silent { index, waited: self.allowed },
        }
    }

    pub(super) fn broken(&self, fault: DecodeError) -> IndexError {
        IndexError::Protocol { index: self.index.clone(), source: Box::new(fault) }
    }

    pub(super) fn too_many_empty_lines(&self) -> IndexError {
        self.broken(DecodeError::of_empty_lines("a reply", limits::EMPTY_LINES_OF_INDEX))
    }

    pub(super) fn not_read(&self) -> IndexError {
        IndexError::NotRead { index: self.index.clone(), paused: self.pace.paused }
    }

    pub(super) fn lost(&self, source: io::Error) -> IndexError {
        if self.pace.paused >= limits::NOT_READ {
            return self.not_read();
        }
        IndexError::Lost { index: self.index.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    use super::*;
    use crate::discovery::IndexDialect;
    use crate::discovery::index_replies::Between;

    /// It said 30 s after each time.
    #[test]
    fn silence_is_reported_with_the_time_that_was_waited() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (index, dialect) = ("h:1".parse().unwrap(), IndexDialect::default());
        let mut replies = Replies::new(&index, &dialect, &stream, Between::of_new(&dialect));
        replies.expect(ReplyForm::Records);
        replies.begin_within(Duration::from_secs(1));
        let error = replies.read_one(&mut |_, _| {}).unwrap_err();
        assert_eq!(error.to_string(), "the index h:1 sent no reply within 1 s");
    }
}
