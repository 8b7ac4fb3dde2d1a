//! The faults of bytes that were read, and the reply to each (protocol.md section 6).

use std::borrow::Cow;

use super::status::Refusal;
use crate::escape::excerpt;

/// Text that does not follow its grammar: what was expected, what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found} (protocol.md section {section})")]
pub struct SyntaxError {
    /// What the grammar allows.
    pub expected: Cow<'static, str>,
    /// What was there: a short, escaped excerpt, or a description.
    pub found: String,
    /// The section of protocol.md that holds the rule.
    pub section: &'static str,
}

impl SyntaxError {
    #[cold]
    pub(crate) fn new(
        expected: impl Into<Cow<'static, str>>,
        found: impl Into<String>,
        section: &'static str,
    ) -> Self {
        Self { expected: expected.into(), found: found.into(), section }
    }

    /// An error whose finding is an excerpt of the input itself.
    #[cold]
    pub(crate) fn at(
        expected: impl Into<Cow<'static, str>>,
        input: impl AsRef<[u8]>,
        section: &'static str,
    ) -> Self {
        let found = match input.as_ref() {
            [] => "nothing".into(),
            input => excerpt(input),
        };
        Self::new(expected, found, section)
    }
}

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
