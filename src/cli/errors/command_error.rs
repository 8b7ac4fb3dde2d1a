//! Errors that end a command, or one document of it.

use std::io;

use super::failure::{Failure, failure_of, failure_of_index};
use crate::cli::admin::AdminError;
use crate::cli::record::RecordError;
use crate::counted::counted;
use crate::peer::{DownloadError, IndexError};
use crate::protocol::{Digest, Document, HeaderText, Refusal};
use crate::system::{TooFewFiles, TooLittleMemory};

/// The error of a command, or of one document of it.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum CommandError {
    /// The JSON object was already printed, as the end of a reply or of a summary.
    #[error("{message}")]
    Printed { failure: Failure, refusal: Option<Refusal>, message: String },
    /// The same for documents of which a summary line has the numbers.
    #[error("{message}")]
    Counted { failure: Failure, message: String },
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NotFound(String),
    /// A document without a holder. `hint` names another document that may be meant.
    #[error("no peer has {document}{hint}")]
    NoHolder { document: Document, hint: String },
    /// No holder of a document has answered a probe.
    #[error("no holder of {document} answered ({asked} asked)")]
    NoAnswer { document: Document, asked: usize, failure: Failure },
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Fetch(#[from] DownloadError),
    #[error("{what}")]
    File { what: String, source: io::Error },
    /// A document is here with other content than a list of trusted digests says.
    #[error(
        "{document} is here with other content: expected {expected}, found {found}; it is not \
         overwritten without `get --force`"
    )]
    Differs { document: Document, expected: Digest, found: Digest },
    /// A document is not opened in another program, because that may not be safe.
    #[error("{document} is not opened: {reason}; its file is `{path}`")]
    NotOpened { document: Document, reason: String, path: String, failure: Failure },
    /// Some documents were not downloaded. Each of them and their number were reported.
    #[error("some documents were not fetched")]
    GivenUp(Failure),
    /// The list of the index may lack records, and nothing else has failed.
    #[error("{0}")]
    Incomplete(String),
    /// Some of several documents were not downloaded; each was reported.
    #[error("{failed} of {} {} not fetched", counted(*all, "document"), if *failed == 1 { "was" } else { "were" })]
    Some { failed: usize, all: usize, failure: Failure },
    /// A person has interrupted the look-up of holders, or has not chosen one. No download has begun,
    /// and none is wanted.
    #[error(transparent)]
    NotBegun(Box<CommandError>),
    /// A signal has cancelled the command. The message states what is kept, and how to resume.
    #[error("{0}")]
    Interrupted(String),
    /// The JSON object was already printed if the format is JSON.
    #[error(transparent)]
    Said(Box<CommandError>),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("cannot start{}", remedy(_0))]
    Start(#[source] io::Error),
    #[error("cannot start")]
    TooLittleMemory(#[source] TooLittleMemory),
    #[error("cannot start")]
    TooFewFiles(#[source] TooFewFiles),
    #[error("cannot wait for signals{}", remedy(_0))]
    Signals(#[source] io::Error),
}

/// The remedy when the system starts no thread.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::WouldBlock => {
            ": too few threads; raise the limit of processes (`ulimit -u`) or of memory (`ulimit -v`)"
        }
        _ => "",
    }
}

impl CommandError {
    /// The kind of failure, which is the exit code.
    pub(in crate::cli) fn failure(&self) -> Failure {
        match self {
            Self::Printed { failure, .. }
            | Self::Counted { failure, .. }
            | Self::NoAnswer { failure, .. }
            | Self::GivenUp(failure)
            | Self::NotOpened { failure, .. }
            | Self::Some { failure, .. } => *failure,
            Self::Incomplete(_) => Failure::Protocol,
            Self::Said(error) | Self::NotBegun(error) => error.failure(),
            Self::Interrupted(_) => Failure::Cancelled,
            Self::Usage(_) => Failure::Usage,
            Self::NotFound(_) | Self::NoHolder { .. } => Failure::NotFound,
            Self::Index(error) => failure_of_index(error),
            Self::Output(_) => Failure::File,
            Self::Record(error) => error.failure(),
            Self::Fetch(error) => failure_of(error),
            Self::File { .. } => Failure::File,
            Self::Differs { .. } => Failure::Data,
            Self::Admin(_)
            | Self::Start(_)
            | Self::TooLittleMemory(_)
            | Self::TooFewFiles(_)
            | Self::Signals(_) => Failure::Other,
        }
    }

    /// Whether the last line of a table states the error.
    pub(in crate::cli) fn is_counted(&self) -> bool {
        matches!(self, Self::Counted { .. } | Self::GivenUp(_) | Self::Some { .. })
    }

    /// Whether a person has ended the command before a download began.
    pub(in crate::cli) fn has_not_begun(&self) -> bool {
        match self {
            Self::NotBegun(_) => true,
            Self::Said(error) => error.has_not_begun(),
            _ => false,
        }
    }

    /// Whether the index was not asked or has not answered, so no download has begun.
    pub(in crate::cli) fn is_of_index(&self) -> bool {
        match self {
            Self::Index(_) => true,
            Self::Said(error) => error.is_of_index(),
            _ => false,
        }
    }

    /// Whether the message names another document that may be meant.
    pub(in crate::cli) fn has_hint(&self) -> bool {
        matches!(self, Self::NoHolder { hint, .. } if !hint.is_empty())
    }

    /// The refusal of the index and its `Reason`, if the index has refused.
    pub(in crate::cli) fn refusal(&self) -> Option<(Refusal, Option<&HeaderText>)> {
        match self {
            Self::Index(error) => error.refusal(),
            Self::Said(error) => error.refusal(),
            _ => None,
        }
    }

    /// Whether the reader of standard output has closed its pipe: then nothing is reported.
    pub(in crate::cli) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) | Self::Index(IndexError::Taker(error)) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            Self::Said(error) => error.is_closed_pipe(),
            _ => false,
        }
    }
}
