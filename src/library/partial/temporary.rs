//! Part files of which it is not known which document they are to become. They are deleted when they
//! are dropped.

use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::{Builder, NamedTempFile, TempPath};

use super::lock::{Opened, has_locks, is_older, open_locked, remove_open, remove_unused};
use super::part_names::{SUFFIX, TEMPORARY};
use crate::library::target::SaveTarget;
use crate::system::rename_new;

/// A temporary file in the target's directory.
pub(super) fn temporary(target: &SaveTarget) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY).suffix(SUFFIX);
    // A downloaded file has the permissions of a plain copy.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(target.root()).map_err(|error| without_path(&error))?;
    // Without locks, an abandoned file cannot be told from one in use, and stays.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Renames a temporary file, unless another process is writing the file at the path; returns whether it
/// was renamed. A file that a killed process has left there is deleted. Where the new name would show
/// nothing to others, the file keeps the old one.
pub(super) fn claim(temporary: &mut NamedTempFile, path: &Path) -> io::Result<bool> {
    if temporary.path().file_name() == path.file_name() || !has_locks(temporary.as_file()) {
        return Ok(true);
    }
    loop {
        match rename_new(temporary.path(), path) {
            Ok(()) => {
                let renamed = TempPath::try_from_path(path)?;
                let file = temporary.as_file().try_clone()?;
                temporary.disable_cleanup(true);
                *temporary = NamedTempFile::from_parts(file, renamed);
                return Ok(true);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        match open_locked(path)? {
            Some(Opened::Locked(left)) => remove_open(&left, path)?,
            Some(Opened::Busy) => return Ok(false),
            Some(Opened::Unusable) => return Ok(true),
            None => {}
        }
    }
}

/// The error of the system alone. The path of a temporary file does not help the user, and the caller names
/// the document.
fn without_path(error: &io::Error) -> io::Error {
    let source = error.get_ref().and_then(|inner| inner.source());
    let source = source.and_then(|source| source.downcast_ref::<io::Error>());
    match source.and_then(io::Error::raw_os_error) {
        Some(number) => io::Error::from_raw_os_error(number),
        None => error.kind().into(),
    }
}

/// Deletes a temporary file that no process has locked. Young files stay: their processes may be about
/// to lock them, which they do immediately after they have created them.
pub(super) fn remove_abandoned(path: &Path) {
    const AGE: Duration = Duration::from_secs(5);
    if is_older(path, AGE) {
        remove_unused(path);
    }
}
