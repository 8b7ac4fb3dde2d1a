//! The fault of text that does not follow its grammar (protocol.md sections 2 and 6.3).

use std::borrow::Cow;

use crate::escape::excerpt;

/// Text that does not follow its grammar: what was expected, what was found.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{} (protocol.md section {section})", self.description())]
pub struct SyntaxError {
    /// The form that the grammar allows.
    pub expected: Cow<'static, str>,
    /// The text that was found: a short, escaped excerpt, or a description.
    pub found: String,
    /// The likely mistake, or what to do instead. It may depend on what had arrived after the fault.
    pub hint: Option<Cow<'static, str>>,
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
        Self { expected: expected.into(), found: found.into(), hint: None, section }
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

    /// The same error with a hint.
    #[cold]
    pub(crate) fn hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The whole error without its section.
    pub fn description(&self) -> String {
        let Self { expected, found, hint, section: _ } = self;
        match hint {
            None => format!("expected {expected}, found {found}"),
            Some(hint) => format!("expected {expected}, found {found}; {hint}"),
        }
    }
}
