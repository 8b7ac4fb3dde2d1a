//! Why a document that is shared is not sent (protocol.md section 5.1).

use std::io;

use crate::counters::Cause;
use crate::protocol::Refusal;
use crate::system;

/// Why a document is not sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotSent {
    #[error("it is being handed over to another reader")]
    BeingHandedOver,
    #[error("other uploads are not done yet")]
    NoSlot,
    #[error("it cannot be opened or read: {0}")]
    File(#[from] io::Error),
}

impl NotSent {
    pub(super) fn cause(&self) -> Cause {
        match self {
            Self::BeingHandedOver => Cause::HandingOver,
            Self::NoSlot => Cause::Slots,
            Self::File(_) => Cause::File,
        }
    }

    pub(super) fn refusal(&self) -> Refusal {
        match self {
            Self::NoSlot | Self::BeingHandedOver => Refusal::ServiceUnavailable,
            Self::File(error) => refusal_of(error),
        }
    }
}

/// 404 says that this peer does not have the document: its file is gone, is something else, may not
/// be read, or is not packed as its name says. Whatever else keeps it from being read, such as too
/// few descriptors or a fault of the disk, may be over the next time.
fn refusal_of(error: &io::Error) -> Refusal {
    use io::ErrorKind::{
        InvalidData, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
        UnexpectedEof,
    };
    match error.kind() {
        NotFound | NotADirectory | IsADirectory | PermissionDenied | InvalidInput | InvalidData
        | UnexpectedEof => Refusal::NotFound,
        _ if system::is_link_or_socket(error) => Refusal::NotFound,
        _ => Refusal::ServiceUnavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn what_may_be_over_the_next_time_is_no_404() {
        use rustix::io::Errno;

        let refusal = |errno: Errno| refusal_of(&errno.into());
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::IO, Errno::NOSPC] {
            assert_eq!(refusal(errno), Refusal::ServiceUnavailable, "{errno}");
        }
        for errno in [Errno::STALE, Errno::BUSY, Errno::AGAIN, Errno::DQUOT, Errno::ROFS] {
            assert_eq!(refusal(errno), Refusal::ServiceUnavailable, "{errno}");
        }
        for errno in [Errno::NOENT, Errno::ACCESS, Errno::PERM, Errno::LOOP, Errno::NXIO] {
            assert_eq!(refusal(errno), Refusal::NotFound, "{errno}");
        }
        for errno in [Errno::NOTDIR, Errno::ISDIR] {
            assert_eq!(refusal(errno), Refusal::NotFound, "{errno}");
        }
    }
}
