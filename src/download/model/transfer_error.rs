//! Why a holder did not deliver a document (protocol.md section 5.4).

use std::io;
use std::time::Duration;

use crate::counted::counted;
use crate::limits::{self, bytes_in};
use crate::net::{AddressDenied, DialError};
use crate::protocol::{DecodeError, Digest, Refusal, Status};

/// Why a holder did not deliver a document.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransferError {
    /// The holder cannot be reached.
    #[error("cannot reach it")]
    Unreachable(#[source] io::Error),
    /// The address policy denies the address that the index has listed.
    #[error("its address is not permitted")]
    AddressDenied(#[source] AddressDenied),
    /// The connection broke.
    #[error("the connection broke")]
    Lost(#[source] io::Error),
    /// No response arrived in this time.
    #[error("expected a reply, found none in {}", counted(.0.as_secs(), "second"))]
    Silent(Duration),
    /// The holder is unproven, and the beginning of the document did not arrive soon: other holders
    /// are asked first.
    #[error(
        "expected the beginning of the document soon, found none in {}: others are asked first",
        counted(.0.as_secs(), "second")
    )]
    Deferred(Duration),
    /// The holder refused.
    #[error("it answered {0}")]
    Refused(Status),
    /// The holder closed the connection without a response, as a program may that does not
    /// understand the request.
    #[error("expected a status line, found the end of the connection")]
    NoReply,
    /// The holder violated the protocol.
    #[error("it violated the protocol")]
    Protocol(#[source] DecodeError),
    /// The connection ended before the document did.
    #[error("expected {}, found the end after {found}", counted(*.expected, "byte"))]
    Truncated {
        /// The announced length.
        expected: u64,
        /// The bytes that arrived.
        found: u64,
    },
    /// The bytes of the reply do not determine the document, or the reply does not follow the grammar
    /// and only such replies are accepted.
    #[error("expected {expected}, found {found}")]
    Extent {
        /// What the reply must have.
        expected: String,
        /// What it has.
        found: String,
    },
    /// Less than 1 KiB a second.
    #[error("expected at least 1 KiB a second, found {} in {}", counted(*.bytes, "byte"), counted(.time.as_secs(), "second"))]
    TooSlow {
        /// The bytes that arrived.
        bytes: u64,
        /// The time in which they arrived.
        time: Duration,
    },
    /// Less than 16 KiB a second, while other holders could be asked.
    #[error(
        "expected at least 16 KiB a second while others can be asked, found {} in {}",
        counted(*.bytes, "byte"), counted(.time.as_secs(), "second")
    )]
    Slow {
        /// The bytes that arrived.
        bytes: u64,
        /// The time in which they arrived.
        time: Duration,
    },
    /// The document has another digest than the expected one.
    #[error("expected a document with {expected}, found one with {found}")]
    WrongDigest {
        /// The digest that was announced or required.
        expected: Digest,
        /// The digest of the received bytes.
        found: Digest,
    },
    /// The holder announces another version.
    #[error("expected the version with {expected}, it has the one with {found}")]
    OtherVersion {
        /// The digest of the expected version.
        expected: Digest,
        /// The digest that the holder announces.
        found: Digest,
    },
    /// The holder announces no digest. Parts of unknown versions cannot be combined.
    #[error("it does not say which version it has")]
    NoDigest,
    /// The response contains another part than the requested one.
    #[error("expected the rest of the document that was begun, found another part")]
    OtherPart,
    /// The document is longer than this number of bytes, the most that a peer accepts.
    #[error("expected at most {} GiB, found more", .0 / (1024 * 1024 * 1024))]
    TooLarge(u64),
    /// The document is larger than a file can be here.
    #[error("its document is larger than a file can be here")]
    TooLargeHere(#[source] io::Error),
    /// The holder was not asked: it is in backoff for this time.
    #[error("it failed a moment ago, and is asked again in {} s", .0.as_secs() + 1)]
    BackedOff(Duration),
    /// The holder was not asked: it failed several times in a row.
    #[error("it failed several times in a row, and is not asked until its backoff ends")]
    GivenUp,
    /// The holder was not asked: the name service did not answer for other names.
    #[error("its name is not looked up for now: the name service did not answer for other names")]
    NotLookedUp,
    /// Another process is downloading the same document.
    #[error("another process is downloading the document")]
    InUse,
    /// The document cannot be written here.
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
    /// Whether the holder may deliver the document later.
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
            | Self::Extent { .. }
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

    /// Whether the holder cannot be reached: the holder, its network or the network here is down.
    pub(in crate::download) fn is_away(&self) -> bool {
        use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable, TimedOut};

        match self {
            Self::Unreachable(_) | Self::Silent(_) => true,
            // Nothing arrived for the whole period, on a connection that had delivered before.
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

    /// Whether the holder did not deliver in time.
    pub(in crate::download) fn is_late(&self) -> bool {
        matches!(self, Self::Deferred(_) | Self::Slow { .. } | Self::TooSlow { .. })
    }

    /// Whether the holder began the document and then stopped, or sent hardly anything.
    pub(in crate::download) fn has_stopped(&self, limits: &limits::Downloads) -> bool {
        match self {
            Self::Lost(_) | Self::Truncated { .. } | Self::TooSlow { .. } => true,
            Self::Slow { bytes, time } => *bytes < bytes_in(limits.beginning_rate, *time),
            _ => false,
        }
    }

    /// Whether a program that does not know the extensions in a request may respond like this.
    pub(in crate::download) fn may_refuse_extensions(&self) -> bool {
        match self {
            Self::Refused(Status::Refused(Refusal::BadRequest))
            | Self::Protocol(_)
            | Self::NoReply => true,
            // The holder closed the connection before it had read the whole request.
            Self::Lost(error) => error.kind() == io::ErrorKind::ConnectionReset,
            _ => false,
        }
    }

    /// Whether the holder may have another version, or may deliver the document if it is requested
    /// in another way.
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

    /// Whether the holder is in backoff because of this error.
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
            | Self::Extent { .. }
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
