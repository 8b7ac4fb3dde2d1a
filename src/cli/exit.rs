//! The end of a program: one line for people, an exit code for scripts (docs/manual.md, section "For
//! scripts").

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU8, Ordering};

use serde_json::{Value, json};

use super::quantity::counted;
use crate::error_chain::error_chain;
use crate::peer::{DownloadError, IndexError, TransferError};
use crate::protocol::{Digest, Document, Endpoint, HeaderText, Refusal, Status};
use crate::system::{Signal, TooFewFiles, TooLittleMemory};

/// The kind of failure with which a program ends. The numbers are those of `sysexits.h`, where it has
/// one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// 1: anything else.
    Other = 1,
    /// 2: the arguments.
    Usage = 2,
    /// 65: the bytes do not have the expected digest.
    Data = 65,
    /// 66: there is no such document, or no holder of it.
    NotFound = 66,
    /// 69: the index or a peer cannot be reached.
    Unreachable = 69,
    /// 74: a file or the disk.
    File = 74,
    /// 76: the other side violated the protocol.
    Protocol = 76,
    /// 129: ended by SIGHUP, as shells report it.
    HungUp = 129,
    /// 130: interrupted by SIGINT.
    Cancelled = 130,
    /// 143: ended by SIGTERM.
    Terminated = 143,
}

impl Failure {
    /// All kinds, the most severe first: a signal, then failures that the same command repeats until
    /// somebody acts, then those that may pass.
    const BY_SEVERITY: [Self; 10] = [
        Self::Terminated,
        Self::HungUp,
        Self::Cancelled,
        Self::Data,
        Self::File,
        Self::Other,
        Self::Usage,
        Self::Protocol,
        Self::Unreachable,
        Self::NotFound,
    ];

    /// The most severe of several failures, which decides the exit code.
    pub(super) fn worst(failures: impl IntoIterator<Item = Self>) -> Option<Self> {
        let severity = |failure: &Self| Self::BY_SEVERITY.iter().position(|one| one == failure);
        failures.into_iter().min_by_key(severity)
    }
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
    /// The object for programs was printed, as the end of a reply or of a summary.
    #[error("{message}")]
    Printed { failure: Failure, message: String },
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
    /// Some documents were not fetched. Each of them and their number were reported.
    #[error("some documents were not fetched")]
    GivenUp(Failure),
    /// The index has answered a LOOKUP with records of another document alone.
    #[error(
        "the index {index} violates the protocol: expected records of {requested}, found a record of \
         {found}; `list` prints all its records"
    )]
    OtherDocument { index: Endpoint, requested: Document, found: Document },
    /// The list of the index may lack records, and nothing else has failed.
    #[error("{0}")]
    Incomplete(String),
    /// Of several documents some were not fetched; each was reported.
    #[error("{failed} of {} {} not fetched", counted(*all, "document"), if *failed == 1 { "was" } else { "were" })]
    Some { failed: usize, all: usize, failure: Failure },
    /// A person has interrupted the look-up of holders, or has not chosen one. No download has begun,
    /// and none is wanted.
    #[error(transparent)]
    NotBegun(Box<CommandError>),
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
    /// The code that a script sees.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Printed { failure, .. }
            | Self::NoAnswer { failure, .. }
            | Self::GivenUp(failure)
            | Self::Some { failure, .. } => *failure,
            Self::Incomplete(_) | Self::OtherDocument { .. } => Failure::Protocol,
            Self::Said(error) | Self::NotBegun(error) => error.failure(),
            Self::Interrupted(_) => Failure::Cancelled,
            Self::Usage(_) => Failure::Usage,
            Self::NotFound(_) | Self::NoHolder { .. } => Failure::NotFound,
            Self::Index(error) => failure_of_index(error),
            Self::Output(_) => Failure::File,
            Self::Fetch(error) => failure_of(error),
            Self::File { .. } => Failure::File,
            Self::Differs { .. } => Failure::Data,
            Self::Start(_) | Self::TooLittleMemory(_) | Self::TooFewFiles(_) | Self::Signals(_) => {
                Failure::Other
            }
        }
    }

    /// Whether a person has ended the command before a download began.
    pub(super) fn is_not_begun(&self) -> bool {
        match self {
            Self::NotBegun(_) => true,
            Self::Said(error) => error.is_not_begun(),
            _ => false,
        }
    }

    /// Whether a document without a holder may stand for another one.
    pub(super) fn has_hint(&self) -> bool {
        matches!(self, Self::NoHolder { hint, .. } if !hint.is_empty())
    }

    /// The refusal of the index and its explanation, if that is the reason.
    pub(super) fn refusal(&self) -> Option<(Refusal, Option<&HeaderText>)> {
        match self {
            Self::Index(error) => error.refusal(),
            Self::Said(error) => error.refusal(),
            _ => None,
        }
    }

    /// Whether the only fault is that a reader has closed its pipe: that ends quietly.
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

/// The code for a request that the index has not answered, or refused.
pub(super) fn failure_of_index(error: &IndexError) -> Failure {
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
        IndexError::CutOff { cause, .. } => {
            cause.as_ref().map_or(Failure::Protocol, |error| failure_of_index(error))
        }
        IndexError::Taker(_) | IndexError::NotRead { .. } => Failure::File,
    }
}

/// The code for a refusal by the index or by a holder.
pub(super) fn failure_of_refusal(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::NotFound => Failure::NotFound,
        Refusal::ServiceUnavailable => Failure::Unreachable,
        Refusal::BadRequest | Refusal::RangeNotSatisfiable | Refusal::VersionNotSupported => {
            Failure::Protocol
        }
    }
}

/// The most severe failure of the holders that were asked.
pub(super) fn failure_of(error: &DownloadError) -> Failure {
    match error {
        DownloadError::NoHolders(_) => Failure::NotFound,
        DownloadError::File { .. } | DownloadError::Present(_) => Failure::File,
        DownloadError::Cancelled(_) => Failure::Cancelled,
        DownloadError::AllFailed { failures, .. } => {
            let failures = failures.iter().map(|(_, error)| failure_of_holder(error));
            Failure::worst(failures).unwrap_or(Failure::NotFound)
        }
    }
}

/// The code for a failure of one holder.
pub(super) fn failure_of_holder(error: &TransferError) -> Failure {
    match error {
        TransferError::Refused(Status::Refused(refusal)) => failure_of_refusal(*refusal),
        TransferError::Unreachable(_)
        | TransferError::Lost(_)
        | TransferError::Silent(_)
        | TransferError::Deferred(_)
        | TransferError::TooSlow { .. }
        | TransferError::Slow { .. }
        | TransferError::BackedOff(_)
        | TransferError::GivenUp
        | TransferError::NotLookedUp
        | TransferError::AddressDenied(_) => Failure::Unreachable,
        TransferError::Refused(Status::Ok | Status::PartialContent)
        | TransferError::Protocol(_)
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

/// The exit code of the signal that is ending the program; 0 before it has come.
static ENDING: AtomicU8 = AtomicU8::new(0);

/// From now on the exit code is that of this signal, whatever fails because of it.
pub(super) fn end_by(signal: Signal) {
    ENDING.store(Failure::from(signal) as u8, Ordering::Relaxed);
}

/// An error for programs: the exit code, and the line on standard error.
pub(super) fn error_json(failure: Failure, message: &str) -> Value {
    let exit = match ENDING.load(Ordering::Relaxed) {
        0 => failure as u8,
        of_signal => of_signal,
    };
    json!({"exit": exit, "message": message})
}

/// Writes an error with its causes to standard error.
pub(super) fn report(program: &str, error: &dyn Error) {
    // Standard error may be closed.
    let _ = writeln!(io::stderr(), "{program}: {}", error_chain(error));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_severe_failure_decides() {
        let order = ["143", "129", "130", "65", "74", "1", "2", "76", "69", "66"];
        let codes = Failure::BY_SEVERITY.map(|failure| (failure as u8).to_string());
        assert_eq!(codes, order);
        for (place, failure) in Failure::BY_SEVERITY.into_iter().enumerate() {
            let less = Failure::BY_SEVERITY.into_iter().skip(place).rev();
            assert_eq!(Failure::worst(less), Some(failure));
        }
        assert_eq!(Failure::worst([]), None);
    }

    #[test]
    fn a_refusal_of_a_holder_has_the_code_of_one_of_the_index() {
        for (refusal, code) in [
            (Refusal::BadRequest, 76),
            (Refusal::NotFound, 66),
            (Refusal::RangeNotSatisfiable, 76),
            (Refusal::ServiceUnavailable, 69),
            (Refusal::VersionNotSupported, 76),
        ] {
            let of_holder = failure_of_holder(&TransferError::Refused(Status::from(refusal)));
            assert_eq!(of_holder, failure_of_refusal(refusal));
            assert_eq!(of_holder as u8, code);
        }
    }
}
