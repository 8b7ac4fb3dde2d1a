//! How commands print their results.

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
