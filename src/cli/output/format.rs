//! How commands print their results.

use std::ffi::OsString;

use clap::ValueEnum;

use super::terminal;

/// How a reply is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum Format {
    /// The lines of the reply
    Raw,
    /// A table
    Table,
    /// One JSON object a line
    Json,
}

impl Format {
    /// The format for standard output of this process: tables on a terminal, and replies as they are elsewhere.
    pub(in crate::cli) fn usual() -> Self {
        if terminal::is_terminal() { Self::Table } else { Self::Raw }
    }
}

/// The format that arguments name last, else `format`; and the other arguments.
pub(in crate::cli) fn without_format(
    format: Format,
    arguments: &[OsString],
) -> (Format, Vec<OsString>) {
    let mut format = format;
    let mut others = Vec::new();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().unwrap_or_default();
        let typed = match text.split_once('=') {
            Some(("--format", value)) => Some(value),
            _ if text == "--format" => arguments.clone().next().and_then(|value| value.to_str()),
            _ => None,
        };
        match typed.and_then(|value| Format::from_str(value, false).ok()) {
            Some(typed) => {
                format = typed;
                if text == "--format" {
                    arguments.next();
                }
            }
            None => others.push(argument.clone()),
        }
    }
    (format, others)
}
