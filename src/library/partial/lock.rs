//! Opening, locking and deleting part files that other processes may use (protocol.md section 9).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::escape::escaped_path;
use crate::system::{is_at, is_disk_full, is_shortage, open_part};

/// The result of opening a part file.
pub(super) enum Opened {
    /// The file is open, and locked by this process.
    Locked(File),
    /// Another process is writing the file.
    Busy,
    /// There is no such file, and it was not to be created.
    Missing,
}

/// Opens a part file and locks it. Between these two steps, another process may complete the document
/// and rename the file. Then the open file is the document, so this opens the path again.
pub(super) fn open_locked(path: &Path, create: bool) -> io::Result<Opened> {
    loop {
        let file = match open_part(path, create) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !create => {
                return Ok(Opened::Missing);
            }
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Opened::Busy),
            // The file system has no locks.
            Err(TryLockError::Error(_)) => return Ok(Opened::Busy),
        }
        if is_at(&file, path)? {
            return Ok(Opened::Locked(file));
        }
    }
}

/// Deletes a part file that cannot be read, so that the download starts over. Returns the error if that
/// is not its reason, or the file cannot be deleted.
pub(super) fn remove_unreadable(path: &Path, error: io::Error) -> io::Result<()> {
    // With more descriptors, memory or space the file may be readable.
    let is_of_file = !is_shortage(&error) && !is_disk_full(&error);
    // Links and special files are not ours.
    if !is_of_file || !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return Err(error);
    }
    let shown = escaped_path(path);
    log::warn!("cannot read the partial download `{shown}`: {error}; the download starts over");
    fs::remove_file(path).map_err(|_| error)
}

/// Deletes a part file, unless another process uses it.
pub(super) fn remove_unused(path: &Path) {
    if let Ok(Opened::Locked(_file)) = open_locked(path, false) {
        // If this fails, the file only takes space.
        let _ = fs::remove_file(path);
    }
}

/// Deletes an open part file, unless it was renamed into place and its path is another file's by now.
pub(super) fn remove_open(file: &File, path: &Path) -> io::Result<()> {
    if is_at(file, path)? { fs::remove_file(path) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_renamed_while_it_was_opened_is_not_taken_for_the_part() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("part");
        fs::write(&path, "whole").unwrap();
        let file = open_part(&path, false).unwrap();
        fs::rename(&path, directory.path().join("document")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        fs::write(&path, "other").unwrap();
        assert!(!is_at(&file, &path).unwrap());
        let Opened::Locked(locked) = open_locked(&path, false).unwrap() else { panic!("busy") };
        assert!(is_at(&locked, &path).unwrap());
        assert!(matches!(open_locked(&path, false).unwrap(), Opened::Busy));
    }

    #[cfg(unix)]
    #[test]
    fn only_a_part_file_that_cannot_be_read_is_removed() {
        use rustix::io::Errno;

        let directory = tempfile::tempdir().unwrap();
        let (path, link) = (directory.path().join("part"), directory.path().join("link"));
        fs::write(&path, "part").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (path, errno) in [(&path, Errno::MFILE), (&path, Errno::NOSPC), (&link, Errno::IO)] {
            let error = remove_unreadable(path, errno.into()).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(errno.raw_os_error()));
            assert!(path.symlink_metadata().is_ok());
        }
        remove_unreadable(&path, Errno::IO.into()).unwrap();
        assert!(!path.exists());
        remove_unreadable(&path, Errno::IO.into()).unwrap_err();
    }
}
