//! Errors of `p2p-ci replay`.

use std::io;

use crate::cli::errors::failure::Failure;
use crate::replay::{RecordingError, RunError};
use crate::transcript::TranscriptError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot read {path}")]
    Open { path: String, source: io::Error },
    #[error("{path}")]
    Recording { path: String, source: RecordingError },
    #[error("{path}: expected a request that was recorded as a whole, found none")]
    Nothing { path: String },
    #[error("{address}")]
    NoAddress { address: String, source: io::Error },
    #[error("{address}")]
    Run { address: String, source: RunError },
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The kind of failure, which is the exit code. 1 says that replies differ.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Open { .. } | Self::Output(_) => Failure::File,
            Self::Recording { source, .. } => match source {
                RecordingError::Transcript(TranscriptError::Io(_)) => Failure::File,
                RecordingError::Transcript(_) => Failure::Data,
                RecordingError::TooLong | RecordingError::NoConnection { .. } => Failure::Usage,
            },
            Self::Nothing { .. } => Failure::Data,
            Self::NoAddress { .. } => Failure::Unreachable,
            Self::Run { source, .. } => match source {
                RunError::Unreachable(_) => Failure::Unreachable,
                RunError::TooManyConnections => Failure::Usage,
            },
        }
    }
}
