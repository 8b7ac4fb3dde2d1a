//! The options with which `server` and `peer` record their connections.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;

use super::errors::failure::Failure;
use super::headings::NETWORK;
use super::values::quantity::{byte_factor, quantity};
use crate::capture::Recorder;
use crate::escape::escaped_path;

/// A record that is shorter has not even one request.
const LEAST: u64 = 1024;

/// What is recorded, and where.
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// Record all connections to this file as pcapng, which Wireshark and `p2p-ci explain` read; the
    /// file must not exist
    #[arg(long, value_name = "FILE", global = true, help_heading = NETWORK)]
    record: Option<PathBuf>,

    /// Replace the file of `--record` if it exists
    #[arg(long, global = true, help_heading = NETWORK)]
    record_force: bool,

    /// Record at most this many bytes, such as `100M` (decimal) or `100MiB` [default: 1GiB]
    #[arg(long, value_name = "SIZE", value_parser = size, global = true, help_heading = NETWORK)]
    record_limit: Option<u64>,

    /// Record documents as a whole [default: the first 64 KiB of each]
    #[arg(long, global = true, help_heading = NETWORK)]
    record_bodies: bool,
}

/// Connections cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("expected `--record FILE` with {0}, found none; name the file")]
    NoFile(&'static str),
    #[error(
        "cannot record to {0}, which exists; name another file, or replace it with `--record-force`"
    )]
    Exists(String),
    #[error("cannot record to {0}: expected a regular file to replace, found something else")]
    NotRegular(String),
    #[error("cannot record to {path}")]
    File { path: String, source: io::Error },
    #[error("cannot start the thread that prints the exchange; raise `ulimit -u` or `ulimit -v`")]
    Thread(#[source] io::Error),
}

impl RecordError {
    /// The kind of failure, which is the exit code.
    pub(super) fn failure(&self) -> Failure {
        match self {
            Self::NoFile(_) => Failure::Usage,
            Self::Exists(_) | Self::NotRegular(_) | Self::File { .. } => Failure::File,
            Self::Thread(_) => Failure::Other,
        }
    }
}

impl RecordArgs {
    /// Where connections are to be recorded, if that is wanted.
    pub(super) fn recorder(&self) -> Result<Option<Recorder>, RecordError> {
        let Some(path) = &self.record else {
            let others = [
                (self.record_force, "--record-force"),
                (self.record_limit.is_some(), "--record-limit"),
                (self.record_bodies, "--record-bodies"),
            ];
            let other = others.into_iter().find(|(is_given, _)| *is_given);
            return other.map_or(Ok(None), |(_, name)| Err(RecordError::NoFile(name)));
        };
        let shown = || format!("`{}`", escaped_path(path));
        let error = |source| RecordError::File { path: shown(), source };
        if self.record_force {
            match fs::symlink_metadata(path) {
                Ok(found) if !found.is_file() => return Err(RecordError::NotRegular(shown())),
                Ok(_) => fs::remove_file(path).map_err(error)?,
                Err(_) => {}
            }
        }
        let file = create(path).map_err(|source| match source.kind() {
            ErrorKind::AlreadyExists => RecordError::Exists(shown()),
            _ => error(source),
        })?;
        let limit = self.record_limit.unwrap_or(1 << 30);
        Recorder::begin(file, limit, self.record_bodies).map(Some).map_err(error)
    }
}

/// Creates a file that only its owner can read: it has all that was sent.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn size(text: &str) -> Result<u64, String> {
    quantity(text, byte_factor).filter(|size| *size >= LEAST).ok_or_else(|| {
        format!("expected a size of at least 1KiB, such as `100M` (decimal) or `2GiB` (binary), found `{text}`")
    })
}
