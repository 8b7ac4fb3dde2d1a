//! How commands print their results.

use clap::ValueEnum;

/// How a reply is printed.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(in crate::cli) enum Format {
    /// The lines of the reply
    #[default]
    Raw,
    /// A table
    Table,
    /// One JSON object a line
    Json,
}
