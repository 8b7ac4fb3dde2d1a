//! The arguments of `--class`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

#[derive(Args, Debug)]
pub(in crate::cli::check) struct ClassOptions {
    /// Start and test each program in a directory of submissions
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    pub(in crate::cli::check) class: Option<PathBuf>,
    /// How each submission is started, with `{dir}`, `{port}` and `{rfc}`; without it, its file
    /// `start` says it
    #[arg(long, value_name = "CMD", requires = "class", help_heading = HEADING)]
    pub(super) start: Option<String>,
    /// The port on which the programs listen, also `{port}`
    #[arg(long, requires = "class", help_heading = HEADING, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// Submissions that are tested in parallel; without it, the number of processors
    #[arg(long, value_name = "N", requires = "class", help_heading = HEADING)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Write the table to a file as CSV, too
    #[arg(long, value_name = "FILE", requires = "class", help_heading = HEADING)]
    pub(super) csv: Option<PathBuf>,
}

/// Their place in the help.
pub(in crate::cli::check) const HEADING: &str = "Options for a directory of submissions";
