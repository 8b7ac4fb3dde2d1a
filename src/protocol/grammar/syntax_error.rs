//! The fault of text that does not follow its grammar (protocol.md sections 2 and 6.3).

use std::borrow::Cow;

use crate::escape::excerpt;

/// Text that does not follow its grammar: what was expected, what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected {expected}, found {found} (protocol.md section {section})")]
pub struct SyntaxError {
    /// The form that the grammar allows.
    pub expected: Cow<'static, str>,
    /// The text that was found: a short, escaped excerpt, or a description.
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
