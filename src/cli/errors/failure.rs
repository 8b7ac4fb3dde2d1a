//! The kinds of failures, and the exit code of each (docs/manual.md, section "For scripts").

use std::process::ExitCode;

use crate::peer::{DownloadError, IndexError, TransferError};
use crate::protocol::{Refusal, Status};
use crate::system::Signal;

/// The kind of failure with which a program ends. The numbers are those of `sysexits.h`, where it has
/// one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::cli) enum Failure {
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
    /// 78: the configuration.
    Config = 78,
    /// 129: ended by SIGHUP, as shells report it.
    HungUp = 129,
    /// 130: interrupted by SIGINT.
    Cancelled = 130,
    /// 143: ended by SIGTERM.
    Terminated = 143,
}

impl Failure {
    /// All kinds, the most severe first: signals, then failures that are permanent until the user acts,
    /// then transient ones.
    const BY_SEVERITY: [Self; 11] = [
        Self::Terminated,
        Self::HungUp,
        Self::Cancelled,
        Self::Data,
        Self::File,
        Self::Other,
        Self::Usage,
        Self::Config,
        Self::Protocol,
        Self::Unreachable,
        Self::NotFound,
    ];

    /// The most severe of several failures, which decides the exit code.
    pub(in crate::cli) fn worst(failures: impl IntoIterator<Item = Self>) -> Option<Self> {
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

/// The code for a request that the index has not answered, or refused.
pub(in crate::cli) fn failure_of_index(error: &IndexError) -> Failure {
    match error {
        IndexError::Unreachable { .. }
        | IndexError::Lost { .. }
        | IndexError::Silent { .. }
        | IndexError::NoForm { is_transient: true, .. }
        | IndexError::OtherOfCluster { .. }
        | IndexError::NoTable { .. }
        | IndexError::NotListed
        | IndexError::Leaving => Failure::Unreachable,
        IndexError::Cancelled { .. } => Failure::Cancelled,
        IndexError::Away(error) => failure_of_index(error),
        IndexError::All(errors) => {
            Failure::worst(errors.iter().map(failure_of_index)).unwrap_or(Failure::Unreachable)
        }
        IndexError::Protocol { .. }
        | IndexError::Unfinished { .. }
        | IndexError::NoForm { is_transient: false, .. }
        | IndexError::NotInCluster { .. }
        | IndexError::Unsolicited { .. }
        | IndexError::OtherDocument { .. } => Failure::Protocol,
        IndexError::Refused { refusal, .. } => failure_of_refusal(*refusal),
        IndexError::CutOff { cause, .. } => {
            cause.as_ref().map_or(Failure::Protocol, |error| failure_of_index(error))
        }
        IndexError::Taker(_) | IndexError::NotRead { .. } => Failure::File,
    }
}

/// The code for a refusal by the index or by a holder.
pub(in crate::cli) fn failure_of_refusal(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::NotFound => Failure::NotFound,
        Refusal::ServiceUnavailable => Failure::Unreachable,
        Refusal::BadRequest | Refusal::RangeNotSatisfiable | Refusal::VersionNotSupported => {
            Failure::Protocol
        }
    }
}

/// The most severe failure of the holders that were asked.
pub(in crate::cli) fn failure_of(error: &DownloadError) -> Failure {
    match error {
        DownloadError::NoHolders(_) => Failure::NotFound,
        DownloadError::File { .. } | DownloadError::InUse(_) | DownloadError::Present(_) => {
            Failure::File
        }
        DownloadError::Cancelled(_) => Failure::Cancelled,
        DownloadError::AllFailed { failures, .. } => {
            let failures = failures.iter().map(|(_, error)| failure_of_holder(error));
            Failure::worst(failures).unwrap_or(Failure::NotFound)
        }
    }
}

/// The code for a failure of one holder.
pub(in crate::cli) fn failure_of_holder(error: &TransferError) -> Failure {
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
        | TransferError::Extent { .. }
        | TransferError::OtherPart
        | TransferError::NoDigest
        | TransferError::TooLarge(_) => Failure::Protocol,
        TransferError::WrongDigest { .. } | TransferError::OtherVersion { .. } => Failure::Data,
        TransferError::File(_) | TransferError::TooLargeHere(_) | TransferError::InUse => {
            Failure::File
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_severe_failure_decides() {
        let order = ["143", "129", "130", "65", "74", "1", "2", "78", "76", "69", "66"];
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
