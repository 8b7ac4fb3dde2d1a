//! The fault of a message, and the refusal that answers it (protocol.md section 6).

use super::status::Refusal;
use crate::protocol::SyntaxError;

/// A message that cannot be understood.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct DecodeError {
    /// The line of the message, counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub fault: SyntaxError,
    /// The reply that a request with this fault deserves.
    pub refusal: Refusal,
    /// How many bytes the faulty message took, if its end is known: then the conversation can go
    /// on behind it. Otherwise the connection must be closed.
    pub framed: Option<usize>,
}

impl DecodeError {
    /// A fault in a message whose end is not known, as far as its finder can tell.
    #[cold]
    pub(crate) fn new(line: usize, fault: SyntaxError) -> Self {
        Self { line, fault, refusal: Refusal::BadRequest, framed: None }
    }

    /// More bytes of empty lines than this have arrived before a message.
    #[cold]
    pub(crate) fn of_empty_lines(message: &str, most: usize) -> Self {
        let expected = format!("{message} after at most {most} bytes of empty lines");
        Self::new(1, SyntaxError::new(expected, "more empty lines", "7"))
    }

    /// The same, from a decoder that has found the end of the message.
    pub(crate) fn ending_after(self, used: usize) -> Self {
        Self { framed: Some(used), ..self }
    }
}
