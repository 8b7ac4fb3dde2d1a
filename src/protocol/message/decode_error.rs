//! The fault of a message, and the refusal that answers it (protocol.md section 6).

use super::status::Refusal;
use crate::protocol::SyntaxError;

/// A message that cannot be decoded.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct DecodeError {
    /// The line of the message, counted from 1.
    pub line: usize,
    /// The expected form, and the text that was found.
    pub fault: SyntaxError,
    /// The refusal with which a server replies to a request with this fault.
    pub refusal: Refusal,
    /// The number of bytes of the faulty message, if its end is known: the next message begins
    /// after them. Otherwise the connection must be closed.
    pub framed: Option<usize>,
}

impl DecodeError {
    /// A fault in a message whose end is not known.
    #[cold]
    pub(crate) fn new(line: usize, fault: SyntaxError) -> Self {
        Self { line, fault, refusal: Refusal::BadRequest, framed: None }
    }

    /// The fault of more bytes of empty lines than `most` before a message.
    #[cold]
    pub(crate) fn of_empty_lines(message: &str, most: usize) -> Self {
        let expected = format!("{message} after at most {most} bytes of empty lines");
        Self::new(1, SyntaxError::new(expected, "more empty lines", "7"))
    }

    /// The same fault, when the end of the message is known.
    pub(crate) fn ending_after(self, used: usize) -> Self {
        Self { framed: Some(used), ..self }
    }
}
