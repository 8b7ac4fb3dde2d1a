//! Systems without reports.

use std::io;
use std::path::Path;

use super::Report;

/// A watch that cannot be created on this system.
#[derive(Debug)]
pub(crate) enum DirectoryWatch {}

impl DirectoryWatch {
    /// # Errors
    /// Always.
    pub(crate) fn start(
        _: &Path,
        _: bool,
        _: impl Fn(Report) + Send + 'static,
    ) -> io::Result<Self> {
        let text = "changes are reported on Linux only";
        Err(io::Error::new(io::ErrorKind::Unsupported, text))
    }
}
