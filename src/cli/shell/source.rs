//! The source of lines: a person at a terminal, or a script.

use std::io;

use super::editor::Editor;
use crate::cli::errors::command_error::CommandError;
use crate::cli::errors::failure::Failure;
use crate::cli::output::print::print_message;
use crate::cli::program::called;
use crate::cli::values::bounded_lines::{BoundedLines, TooLong};
use crate::escape::excerpt;
use crate::limits;

/// The source of the lines.
pub(super) enum Source {
    Person(Box<Editor>),
    /// Standard input, and the number of the line that was read last.
    Script {
        line: usize,
        lines: BoundedLines,
    },
}

impl Source {
    pub(super) const fn script() -> Self {
        Self::Script { line: 0, lines: BoundedLines::new(limits::SHELL_LINE) }
    }

    /// The next line; `None` at the end of input. A script gets no prompt.
    ///
    /// # Errors
    /// When input cannot be read. After a line that is not text ([`CommandError::Usage`]) the next one can.
    pub(super) fn next_line(&mut self) -> Result<Option<String>, CommandError> {
        match self {
            Self::Person(editor) => editor.next_line().map_err(cannot_read),
            Self::Script { line: number, lines } => {
                *number += 1;
                let read = lines.next(&mut io::stdin().lock());
                match read.map_err(|source| CommandError::File {
                    what: format!("cannot read line {number} of standard input"),
                    source,
                })? {
                    None => Ok(None),
                    Some(Ok(line)) => text(line).map(Some),
                    Some(Err(TooLong { .. })) => {
                        let most = limits::SHELL_LINE;
                        let text =
                            format!("expected a line of at most {most} bytes, found a longer one");
                        Err(CommandError::Usage(text))
                    }
                }
            }
        }
    }

    /// Asks for the value that follows these words of a command; `None` at the end of input. A prompt for a
    /// script is a line on standard error.
    ///
    /// # Errors
    /// As [`Source::next_line`].
    pub(super) fn ask(
        &mut self,
        prompt: &str,
        words: &[String],
    ) -> Result<Option<String>, CommandError> {
        match self {
            Self::Person(editor) => editor.ask(prompt, words).map_err(cannot_read),
            Self::Script { .. } => {
                print_message(prompt);
                self.next_line()
            }
        }
    }

    /// The beginning of an error message. A usage error in a script names the line.
    pub(super) fn prefix(&self, error: &CommandError) -> String {
        match (self, error.failure()) {
            (Self::Script { line, .. }, Failure::Usage) => {
                format!("{}: line {line}", called("peer"))
            }
            (Self::Script { .. } | Self::Person(_), _) => called("peer"),
        }
    }
}

fn text(line: Vec<u8>) -> Result<String, CommandError> {
    String::from_utf8(line).map_err(|error| {
        let found = excerpt(error.as_bytes().trim_ascii_end());
        CommandError::Usage(format!("expected a line in UTF-8, found {found}"))
    })
}

fn cannot_read(error: rustyline::error::ReadlineError) -> CommandError {
    let source = io::Error::other(error);
    CommandError::File { what: "cannot read from the terminal".into(), source }
}
