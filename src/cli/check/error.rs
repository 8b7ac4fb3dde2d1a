//! Errors of `p2p-ci check`.

use std::io;
use std::path::Path;

use crate::cli::errors::failure::Failure;
use crate::escape::{escaped_path, excerpt};

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "cannot connect to {address}: {cause}; check that the program under test is running, and that this \
         is its port"
    )]
    Unreachable { address: String, cause: io::Error },
    #[error("{path}: {mistake}")]
    Weights { path: String, mistake: String },
    #[error("cannot {what} {path}")]
    File { what: &'static str, path: String, source: io::Error },
    #[error("cannot listen on {address}: {cause}{remedy}")]
    Listen { address: String, cause: io::Error, remedy: String },
    #[error("{path}: {mistake}")]
    Menu { path: String, mistake: String },
    #[error("--start: {0}")]
    Command(String),
    #[error("--dir: expected a path in each submission, such as `rfc`, found `{0}`")]
    Documents(String),
    #[error(
        "cannot start {}: {cause}; the first word must be a program, because no shell reads the command",
        excerpt(command)
    )]
    Start { command: String, cause: io::Error },
    #[error("cannot create a directory for the program")]
    Directory(#[source] io::Error),
    #[error("the system refuses a thread, a socket or a signal handler")]
    Threads(#[source] io::Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    pub(super) fn file(what: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { what, path: shown(path), source }
    }

    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The kind of failure, which is the exit code.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Unreachable { .. } => Failure::Unreachable,
            Self::Weights { .. } | Self::Menu { .. } | Self::Command(_) | Self::Documents(_) => {
                Failure::Usage
            }
            Self::Start { .. } | Self::Listen { .. } | Self::Threads(_) => Failure::Other,
            Self::File { .. } | Self::Directory(_) | Self::Output(_) => Failure::File,
        }
    }
}

pub(super) fn shown(path: &Path) -> String {
    escaped_path(path).to_string()
}
