//! How a reply ends: completeness and errors (protocol.md section 4.9).

use std::io;

use super::Replies;
use crate::discovery::index_error::IndexError;
use crate::discovery::listed::Completeness;
use crate::escape::excerpt;
use crate::protocol::DecodeError;
use crate::protocol::role::ReplyEnd;

impl Replies<'_> {
    pub(super) fn completeness(&mut self, end: ReplyEnd) -> Completeness {
        match end {
            ReplyEnd::Complete if self.driver.role.client.decoder_mut().has_skipped_rows() => {
                Completeness::incomplete("a row of the reply is no record")
            }
            ReplyEnd::Complete => Completeness::Complete,
            ReplyEnd::Close => Completeness::closed(),
            ReplyEnd::Silence(time) => Completeness::incomplete(format!(
                "the index {} does not mark the end of its reply; it sent nothing for {} s",
                self.index,
                time.as_secs()
            )),
        }
    }

    pub(super) fn missing(&self, expected: &'static str) -> IndexError {
        let received = match (self.driver.input(), self.driver.role.client.last_line()) {
            ([], []) => None,
            ([], last) => Some(excerpt(last.trim_ascii_end())),
            (rest, _) => Some(excerpt(rest)),
        };
        let index = self.index.clone();
        match received {
            Some(_)
                if self.driver.role.client.paused()
                    >= self.driver.role.dialect.limits().not_read =>
            {
                self.not_read()
            }
            Some(last) => IndexError::Unfinished { index, expected, last },
            None => IndexError::Silent { index, waited: self.driver.role.client.allowed() },
        }
    }

    pub(super) fn broken(&self, fault: DecodeError) -> IndexError {
        IndexError::Protocol { index: self.index.clone(), source: Box::new(fault) }
    }

    pub(super) fn not_read(&self) -> IndexError {
        IndexError::NotRead { index: self.index.clone(), paused: self.driver.role.client.paused() }
    }

    /// The error of a reply that does not end in time.
    pub(super) fn endless(&self) -> IndexError {
        let (index, last) = (self.index.clone(), "records that do not end".into());
        IndexError::Unfinished { index, expected: "the end of the reply to LOOKUP in time", last }
    }

    pub(super) fn lost(&self, source: io::Error) -> IndexError {
        if self.driver.role.client.paused() >= self.driver.role.dialect.limits().not_read {
            return self.not_read();
        }
        IndexError::Lost { index: self.index.clone(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::discovery::IndexDialect;
    use crate::discovery::index_replies::Between;
    use crate::net::pipe;
    use crate::protocol::ReplyForm;

    /// It said 30 s after each time.
    #[test]
    fn silence_is_reported_with_the_time_that_was_waited() {
        let (stream, _index) = pipe();
        let (index, dialect) = ("h:1".parse().unwrap(), IndexDialect::default());
        let mut replies =
            Replies::new(&index, &dialect, &stream, Between::of_new(&dialect, dialect.form()));
        replies.expect(ReplyForm::Records);
        replies.begin_within(Duration::from_secs(1));
        let error = replies.read_one(&mut |_, _| {}).unwrap_err();
        assert_eq!(error.to_string(), "the index h:1 sent no reply within 1 s");
    }
}
