//! Files that only the user of the program can read.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that only the user of this process can read and write.
///
/// # Errors
/// When something has the name already, or the file cannot be created.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Creates such a file in place of one of an earlier run.
///
/// # Errors
/// As above.
pub(crate) fn replace_private(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_private(path)
}

/// Whether other users than that of the file can read or write it. Where files have no modes, no.
///
/// # Errors
/// When the system does not say.
pub(crate) fn is_open_to_others(file: &File) -> io::Result<bool> {
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata()?);
        Ok(mode & 0o077 != 0)
    }
    #[cfg(not(unix))]
    {
        file.metadata().map(|_| false)
    }
}
