//! The arguments of `--class`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;

use super::kind::Kind;

#[derive(Args, Debug)]
pub(in crate::cli::check) struct ClassOptions {
    /// Start and test each program in a directory of submissions
    #[arg(long, value_name = "DIR", help_heading = HEADING)]
    pub(in crate::cli::check) class: Option<PathBuf>,
    /// The port on which the programs listen or, for clients and peers, the index server; also `{port}`
    #[arg(long, requires = "class", help_heading = HEADING, value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,
    /// The number of submissions that are tested in parallel [default: the number of processors]
    #[arg(long, value_name = "N", requires = "class", help_heading = HEADING)]
    pub(super) jobs: Option<NonZeroUsize>,
    /// Write the table to a file as CSV, too
    #[arg(long, value_name = "FILE", requires = "class", help_heading = HEADING)]
    pub(super) csv: Option<PathBuf>,
}

/// How submissions are started, where a single program is not.
#[derive(Args, Debug)]
pub(in crate::cli::check) struct StartOptions {
    /// The command that starts each submission, with the placeholders `{dir}`, `{port}`, `{rfc}` and, for
    /// clients, `{host}` [default: the file `start` of the submission]
    #[arg(long, value_name = "CMD", requires = "class", help_heading = HEADING)]
    pub(in crate::cli::check) start: Option<String>,
}

/// What is tested.
#[derive(Debug)]
pub(in crate::cli::check) struct Tested<'a> {
    pub(in crate::cli::check) kind: Kind,
    /// The command for all submissions.
    pub(in crate::cli::check) start: Option<&'a str>,
    /// The RFC that an upload server shares.
    pub(in crate::cli::check) rfc: u64,
    /// The menu of all clients.
    pub(in crate::cli::check) menu: Option<&'a Path>,
    /// The directory of the documents, in a submission.
    pub(in crate::cli::check) documents: Option<&'a Path>,
}

impl<'a> Tested<'a> {
    pub(in crate::cli::check) fn new(kind: Kind) -> Self {
        Self { kind, start: None, rfc: 0, menu: None, documents: None }
    }

    /// Clients or peers.
    pub(in crate::cli::check) fn client(
        kind: Kind,
        start: Option<&'a str>,
        menu: Option<&'a Path>,
        documents: Option<&'a Path>,
    ) -> Self {
        Self { start, menu, documents, ..Self::new(kind) }
    }
}

/// Their place in the help.
pub(in crate::cli::check) const HEADING: &str = "Options for a directory of submissions";
