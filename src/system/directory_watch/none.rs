//! Systems whose reports are not used.

use std::io;
use std::path::Path;

use super::Report;

/// Cannot be made on this system.
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
