//! Why a holder did not give a document (protocol.md section 5.4).

use std::io;
use std::time::Duration;

use crate::limits;
use crate::net::{AddressDenied, DialError};
use crate::protocol::{DecodeError, Digest, Refusal, Status};

/// Why a holder did not give the document.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// It cannot be reached.
    #[error("cannot reach it")]
    Unreachable(#[source] io::Error),
    /// The index that has named it may not lead to this address.
    #[error("it is not asked")]
    AddressDenied(#[source] AddressDenied),
    /// The connection broke.
    #[error("the connection broke")]
    Lost(#[source] io::Error),
    /// No reply came in this time.
    #[error("expected a reply, found none in {} seconds", .0.as_secs())]
    Silent(Duration),
    /// It has not delivered anything yet, and the beginning of the document did not come soon:
    /// others are asked before it.
    #[error(
        "expected the beginning of the document soon, found none in {} seconds: others are asked \
         first", .0.as_secs()
    )]
    Deferred(Duration),
    /// It refused.
    #[error("it answered {0}")]
    Refused(Status),
    /// It closed without a word, as a program may that does not know what it is asked.
    #[error("expected a status line, found the end of the connection")]
    NoReply,
    /// What it sent is no reply.
    #[error("it broke the protocol")]
    Protocol(#[source] DecodeError),
    /// The connection ended before the document did.
    #[error("expected {expected} bytes, found the end after {found}")]
    Truncated {
        /// What the head said.
        expected: u64,
        /// What came.
        found: u64,
    },
    /// Less than 1 KiB a second.
    #[error("expected at least 1 KiB a second, found {bytes} bytes in {} seconds", .time.as_secs())]
    TooSlow {
        /// What came.
        bytes: u64,
        /// In this time.
        time: Duration,
    },
    /// Less than 16 KiB a second, while other holders were left to ask.
    #[error(
        "expected at least 16 KiB a second while others can be asked, found {bytes} bytes in {} \
         seconds",
        .time.as_secs()
    )]
    Slow {
        /// What came.
        bytes: u64,
        /// In this time.
        time: Duration,
    },
    /// The bytes are not those that were announced.
    #[error("expected a document with {expected}, found one with {found}")]
    WrongDigest {
        /// What was said before.
        expected: Digest,
        /// That of the bytes that came.
        found: Digest,
    },
    /// It has another version than the one that is request.
    #[error("expected the version with {expected}, it has the one with {found}")]
    OtherVersion {
        /// What is request.
        expected: Digest,
        /// What it says to have.
        found: Digest,
    },
    /// It does not say which version it has, and parts of unknown versions do not fit together.
    #[error("it does not say which version it has")]
    NoDigest,
    /// A part of the document came, and not the one that is missing.
    #[error("expected the rest of the document that was begun, found another part")]
    OtherPart,
    /// More than a peer accepts, in bytes.
    #[error("expected at most {} GiB, found more", .0 / (1024 * 1024 * 1024))]
    TooLarge(u64),
    /// Its document is larger than a file can be here.
    #[error("its document is larger than a file can be here")]
    TooLargeHere(#[source] io::Error),
    /// It was not asked, because it failed a moment ago.
    #[error("it failed a moment ago, and is asked again in {} s", .0.as_secs() + 1)]
    BackedOff(Duration),
    /// It was not asked, because it failed several times in a row.
    #[error("it failed several times in a row, and is left alone for now")]
    GivenUp,
    /// It was not asked: the name service has not answered for others, so its name is not looked up.
    #[error("its name is not looked up for now: the name service did not answer for other names")]
    NotLookedUp,
    /// Another program is fetching the same document.
    #[error("another program is fetching the document")]
    InUse,
    /// The bytes cannot be kept here.
    #[error("cannot write the document")]
    File(#[source] io::Error),
}

impl From<DialError> for TransferError {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Unreachable(error) => Self::Unreachable(error),
            DialError::Denied(denied) => Self::AddressDenied(denied),
            DialError::Excluded => Self::GivenUp,
        }
    }
}

impl TransferError {
    /// Whether the same holder may well give the document in a while.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Lost(_)
            | Self::Silent(_)
            | Self::Deferred(_)
            | Self::Truncated { .. }
            | Self::TooSlow { .. }
            | Self::Slow { .. }
            | Self::BackedOff(_)
            | Self::NotLookedUp
            | Self::InUse
            | Self::Refused(Status::Refused(Refusal::ServiceUnavailable)) => true,
            Self::Refused(_)
            | Self::Protocol(_)
            | Self::NoReply
            | Self::WrongDigest { .. }
            | Self::OtherVersion { .. }
            | Self::NoDigest
            | Self::OtherPart
            | Self::TooLarge(_)
            | Self::TooLargeHere(_)
            | Self::GivenUp
            | Self::AddressDenied(_)
            | Self::File(_) => false,
        }
    }

    /// Whether the holder cannot be reached: it, its network or that of the user is gone for now.
    pub(in crate::download) fn is_away(&self) -> bool {
        use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};

        match self {
            Self::Unreachable(_) | Self::Silent(_) => true,
            // Not a byte for as long as that, on a connection that delivered before.
            Self::TooSlow { bytes: 0, .. } | Self::Slow { bytes: 0, .. } => true,
            Self::Lost(error) => {
                matches!(
                    error.kind(),
                    TimedOut | HostUnreachable | NetworkUnreachable | NetworkDown
                )
            }
            _ => false,
        }
    }

    /// Whether the holder had begun the document and then stopped, or sent hardly anything.
    pub(in crate::download) fn has_stopped(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Truncated { .. } | Self::TooSlow { .. } => true,
            Self::Slow { bytes, time } => {
                *bytes < limits::BEGINNING_RATE.saturating_mul(time.as_secs())
            }
            _ => false,
        }
    }

    /// Whether a program may answer like this to a request with extensions that it does not know,
    /// whatever it would answer to the same request without them.
    pub(in crate::download) fn may_refuse_extensions(&self) -> bool {
        match self {
            Self::Refused(Status::Refused(Refusal::BadRequest))
            | Self::Protocol(_)
            | Self::NoReply => true,
            // It closed before it had read the whole request.
            Self::Lost(error) => error.kind() == io::ErrorKind::ConnectionReset,
            _ => false,
        }
    }

    /// Whether the holder may have another version, or may give the document if it is asked in
    /// another way.
    pub(in crate::download) fn is_about_version(&self) -> bool {
        matches!(
            self,
            Self::OtherVersion { .. }
                | Self::NoDigest
                | Self::OtherPart
                | Self::Protocol(_)
                | Self::NoReply
                | Self::Refused(Status::Refused(
                    Refusal::BadRequest | Refusal::RangeNotSatisfiable
                ))
        )
    }

    /// Whether it is a reason not to ask the holder for anything else for a while.
    pub(in crate::download) fn is_fault_of_holder(&self) -> bool {
        match self {
            Self::Unreachable(_)
            | Self::Lost(_)
            | Self::Silent(_)
            | Self::Truncated { .. }
            | Self::TooSlow { .. }
            | Self::WrongDigest { .. }
            | Self::Protocol(_)
            | Self::NoReply
            | Self::Refused(Status::Refused(Refusal::ServiceUnavailable)) => true,
            Self::Refused(_)
            | Self::Slow { .. }
            | Self::OtherVersion { .. }
            | Self::NoDigest
            | Self::OtherPart
            | Self::TooLarge(_)
            | Self::TooLargeHere(_)
            | Self::Deferred(_)
            | Self::BackedOff(_)
            | Self::GivenUp
            | Self::NotLookedUp
            | Self::AddressDenied(_)
            | Self::InUse
            | Self::File(_) => false,
        }
    }
}
