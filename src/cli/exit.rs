//! What a program says when it ends: one line for people, a code for scripts.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::error_chain::error_chain;
use crate::peer::{FetchError, IndexError, TransferError};
use crate::protocol::{HeaderText, Refusal};
use crate::system::{Signal, TooFewFiles, TooLittleMemory};

/// Why a program ends without having done what it was asked for. The numbers are those of
/// `sysexits.h`, where that has one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// 1: anything else.
    Other = 1,
    /// 2: the arguments.
    Usage = 2,
    /// 65: the bytes are not what was announced.
    Data = 65,
    /// 66: no such document, or nobody has it.
    NotFound = 66,
    /// 69: the index or a peer cannot be reached.
    Unreachable = 69,
    /// 74: a file or the disk.
    File = 74,
    /// 76: the other side broke the protocol.
    Protocol = 76,
    /// 129: ended by SIGHUP, as shells say it.
    HungUp = 129,
    /// 130: interrupted by SIGINT.
    Cancelled = 130,
    /// 143: ended by SIGTERM.
    Terminated = 143,
}

impl From<Signal> for Failure {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::HangUp => Self::HungUp,
            Signal::Interrupt => Self::Cancelled,
            Signal::Terminate => Self::Terminated,
        }
    }
}

impl From<Failure> for ExitCode {
    fn from(failure: Failure) -> Self {
        Self::from(failure as u8)
    }
}

/// A command that was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommandError {
    /// The reply was printed, and it was no.
    #[error("the index refused")]
    Refused(Failure),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NotFound(String),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("{what}")]
    File { what: String, source: io::Error },
    /// Some documents were not fetched; they were reported, and so was how many.
    #[error("some documents were not fetched")]
    GivenUp(Failure),
    /// What was listed was fetched, and more may have to be.
    #[error("everything that was listed is here, and documents may be missing from the list")]
    Incomplete(Failure),
    /// Of several documents some were not fetched; each was reported.
    #[error("{failed} of {all} documents were not fetched")]
    Some { failed: usize, all: usize, failure: Failure },
    /// A signal has cancelled it; says what is kept, and how to resume.
    #[error("{0}")]
    Interrupted(String),
    /// The error was printed for programs where that is wanted.
    #[error(transparent)]
    Said(Box<CommandError>),
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

/// What to do when the system starts no thread.
fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::WouldBlock => {
            ": too few threads; raise the limit of processes (`ulimit -u`) or of memory (`ulimit -v`)"
        }
        _ => "",
    }
}

impl CommandError {
    /// The code that a script sees.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Refused(failure)
            | Self::GivenUp(failure)
            | Self::Incomplete(failure)
            | Self::Some { failure, .. } => *failure,
            Self::Said(error) => error.failure(),
            Self::Interrupted(_) => Failure::Cancelled,
            Self::Usage(_) => Failure::Usage,
            Self::NotFound(_) => Failure::NotFound,
            Self::Index(error) => failure_of_index(error),
            Self::Output(_) => Failure::File,
            Self::Fetch(error) => failure_of(error),
            Self::File { .. } => Failure::File,
            Self::Start(_) | Self::TooLittleMemory(_) | Self::TooFewFiles(_) | Self::Signals(_) => {
                Failure::Other
            }
        }
    }

    /// The refusal of the index and its explanation, if that is the reason.
    pub(super) fn refusal(&self) -> Option<(Refusal, Option<&HeaderText>)> {
        match self {
            Self::Index(error) => error.refusal(),
            Self::Said(error) => error.refusal(),
            _ => None,
        }
    }

    /// Whether a reader that has closed its pipe is all that is wrong: that ends quietly.
    pub(super) fn is_closed_pipe(&self) -> bool {
        match self {
            Self::Output(error) | Self::Index(IndexError::Taker(error)) => {
                error.kind() == io::ErrorKind::BrokenPipe
            }
            Self::Said(error) => error.is_closed_pipe(),
            _ => false,
        }
    }
}

fn failure_of_index(error: &IndexError) -> Failure {
    match error {
        IndexError::Unreachable { .. }
        | IndexError::Lost { .. }
        | IndexError::Silent { .. }
        | IndexError::Leaving => Failure::Unreachable,
        IndexError::Cancelled { .. } => Failure::Cancelled,
        IndexError::Away(error) => failure_of_index(error),
        IndexError::Protocol { .. }
        | IndexError::Unfinished { .. }
        | IndexError::Unsolicited { .. } => Failure::Protocol,
        IndexError::Refused { refusal, .. } => failure_of_refusal(*refusal),
        IndexError::Taker(_) => Failure::File,
    }
}

/// The code for a refusal by the index.
pub(super) fn failure_of_refusal(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::NotFound => Failure::NotFound,
        Refusal::ServiceUnavailable => Failure::Unreachable,
        Refusal::BadRequest | Refusal::RangeNotSatisfiable | Refusal::VersionNotSupported => {
            Failure::Protocol
        }
    }
}

/// Of those who were asked, that of the last.
pub(super) fn failure_of(error: &FetchError) -> Failure {
    match error {
        FetchError::Nobody(_) => Failure::NotFound,
        FetchError::File { .. } | FetchError::Present(_) => Failure::File,
        FetchError::Cancelled(_) => Failure::Cancelled,
        FetchError::All { failures, .. } => {
            failures.last().map_or(Failure::NotFound, |(_, error)| failure_of_holder(error))
        }
    }
}

fn failure_of_holder(error: &TransferError) -> Failure {
    match error {
        TransferError::Refused(status) if status.code() == 404 => Failure::NotFound,
        TransferError::Unreachable(_)
        | TransferError::Lost(_)
        | TransferError::Silent(_)
        | TransferError::Deferred(_)
        | TransferError::TooSlow { .. }
        | TransferError::Slow { .. }
        | TransferError::Resting(_)
        | TransferError::GivenUp
        | TransferError::NotAllowed(_)
        | TransferError::Refused(_) => Failure::Unreachable,
        TransferError::Protocol(_)
        | TransferError::NoReply
        | TransferError::Truncated { .. }
        | TransferError::OtherPart
        | TransferError::NoDigest
        | TransferError::TooLarge(_) => Failure::Protocol,
        TransferError::WrongDigest { .. } | TransferError::OtherVersion { .. } => Failure::Data,
        TransferError::File(_) | TransferError::TooLargeHere(_) | TransferError::InUse => {
            Failure::File
        }
    }
}

/// An error as it is told to programs: the exit code, and the line that people get.
pub(super) fn error_json(failure: Failure, message: &str) -> Value {
    json!({"exit": failure as u8, "message": message})
}

/// Writes an error with its causes to standard error.
pub(super) fn report(program: &str, error: &dyn Error) {
    // With standard error gone there is nobody left to tell.
    let _ = writeln!(io::stderr(), "{program}: {}", error_chain(error));
}
