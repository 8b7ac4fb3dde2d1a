//! Errors of `p2p-ci lab`.

use std::io;

use crate::cli::admin::AdminError;
use crate::cli::errors::failure::Failure;
use crate::cli::record::RecordError;
use crate::escape::escaped;
use crate::system::Signal;
use crate::toml_table::TomlError;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{file}: {error}")]
    Scenario { file: String, error: TomlError },
    #[error(
        "there is no scenario `{0}`: `p2p-ci lab list` lists those of this program, and a file has another name"
    )]
    Unknown(String),
    #[error(transparent)]
    Admin(#[from] AdminError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error("cannot {what} {path}")]
    File { what: &'static str, path: String, source: io::Error },
    #[error("cannot write the plot to {0}, which is another file; name one with `--plot FILE`")]
    NoPlot(String),
    #[error("the laboratory cannot start")]
    Start(#[source] io::Error),
    #[error("{}", escaped(.0))]
    Step(String),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    #[error("ended by a signal")]
    Signal(Signal),
}

impl Error {
    pub(super) fn scenario(file: &str, error: TomlError) -> Self {
        Self::Scenario { file: file.into(), error }
    }

    pub(super) fn is_silent(&self) -> bool {
        match self {
            Self::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Self::Signal(_) => true,
            _ => false,
        }
    }

    /// The kind of failure, which is the exit code.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::Scenario { .. } | Self::Unknown(_) => Failure::Usage,
            Self::Record(error) => error.failure(),
            Self::File { .. } | Self::NoPlot(_) | Self::Output(_) => Failure::File,
            Self::Admin(_) | Self::Start(_) | Self::Step(_) => Failure::Other,
            Self::Signal(signal) => (*signal).into(),
        }
    }
}
