//! Errors of `p2p-ci wireshark`.

use std::io;

use crate::cli::errors::failure::Failure;

#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error(
        "cannot run `tshark -G folders`, which names Wireshark's plugin directory; install tshark (on \
         Debian: `apt install tshark`), or name the directory with `--directory DIR`"
    )]
    NoTshark(#[source] io::Error),
    #[error(
        "cannot ask tshark for Wireshark's plugin directory; name the directory with `--directory DIR`"
    )]
    Tshark(#[source] io::Error),
    #[error(
        "expected the directory of personal Lua plugins in the output of `tshark -G folders`, found \
         none; name the directory with `--directory DIR`"
    )]
    NoDirectory,
    #[error(
        "{path} is another file than the dissector of p2p-ci and stays as it is; move it elsewhere, or \
         use another directory with `--directory DIR`"
    )]
    Foreign { path: String },
    #[error("cannot {what} {path}")]
    File { what: &'static str, path: String, source: io::Error },
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
}

impl Error {
    pub(super) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The kind of failure, which is the exit code.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::NoTshark(_) | Self::Tshark(_) | Self::NoDirectory => Failure::Other,
            Self::Foreign { .. } | Self::File { .. } | Self::Output(_) => Failure::File,
        }
    }
}
