//! `p2p-ci check --class` on systems without the means to end all processes of a program.

use std::io;
use std::path::Path;

use super::super::error::Error;
use super::super::options::Options;
use super::options::{ClassOptions, Tested};

/// # Errors
/// Always.
pub(in crate::cli::check) fn grade_class(
    directory: &Path,
    _: &Tested<'_>,
    _: &ClassOptions,
    _: &Options,
) -> Result<bool, Error> {
    let error =
        io::Error::new(io::ErrorKind::Unsupported, "untrusted programs are tested on Linux only");
    Err(Error::file("test", directory, error))
}
