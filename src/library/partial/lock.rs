//! Opening, locking and deleting part files that other processes may use (protocol.md section 9).

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::part_names::is_temporary;
use crate::escape::escaped_path;
use crate::limits::IN_USE_SILENCE;
use crate::system::{is_at, is_disk_full, is_shortage, open_part};

/// The result of opening and locking a part file.
#[derive(Debug)]
pub enum Opened<T> {
    /// The file is open, and locked by this process.
    Locked(T),
    /// Another process is writing the file.
    Busy,
    /// The file cannot be used: its file system has no locks, or the process that has locked it has
    /// not written for [`IN_USE_SILENCE`], such as one that was stopped.
    Unusable,
}

/// Part files of a document that another process was writing.
#[derive(Debug)]
pub struct PartsInUse(pub(super) Vec<PathBuf>);

impl PartsInUse {
    /// Whether another process is still writing one of them. If none is, this deletes a temporary file that
    /// a killed process has left.
    pub fn are_in_use(&self) -> bool {
        let is_in_use = |path: &PathBuf| {
            // A shared lock does not disturb others that look.
            let locked = open_part(path, false).map(|file| file.try_lock_shared());
            matches!(locked, Ok(Err(TryLockError::WouldBlock))) && !is_older(path, IN_USE_SILENCE)
        };
        let are_in_use = self.0.iter().any(is_in_use);
        if !are_in_use {
            self.0.iter().filter(|path| is_temporary(path)).for_each(|path| remove_unused(path));
        }
        are_in_use
    }
}

/// Opens a part file and locks it; creates it if there is none.
pub(super) fn open_or_create(path: &Path) -> io::Result<Opened<File>> {
    lock(path, || open_part(path, true))
}

/// Opens a part file and locks it; `None` if there is none.
pub(super) fn open_locked(path: &Path) -> io::Result<Option<Opened<File>>> {
    match lock(path, || open_part(path, false)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        opened => opened.map(Some),
    }
}

/// Between opening and locking a file, another process may complete the document and rename the file.
/// Then the open file is the document, so this opens the path again.
fn lock(path: &Path, open: impl Fn() -> io::Result<File>) -> io::Result<Opened<File>> {
    loop {
        let file = open()?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) if !is_older(path, IN_USE_SILENCE) => {
                return Ok(Opened::Busy);
            }
            Err(_) => return Ok(Opened::Unusable),
        }
        if is_at(&file, path)? {
            return Ok(Opened::Locked(file));
        }
    }
}

/// Sets the time of a part file, which may have been written long ago, so that this process does not count
/// as stopped before it writes.
pub(super) fn note_use(file: &File) {
    // If this fails, another process may download the document, too.
    let _ = file.set_modified(SystemTime::now());
}

/// Whether the file system of an open file has locks. This process may have locked the file.
pub(super) fn has_locks(file: &File) -> bool {
    !matches!(file.try_lock(), Err(TryLockError::Error(_)))
}

/// Deletes a part file that cannot be read, so that the download starts over. Returns the error if that
/// is not its reason, or the file cannot be deleted.
pub(super) fn remove_unreadable(path: &Path, error: io::Error) -> io::Result<()> {
    // With more descriptors, memory or space the file may be readable.
    let is_of_file = !is_shortage(&error) && !is_disk_full(&error);
    // This program creates no links and no special files there.
    if !is_of_file || !path.symlink_metadata().is_ok_and(|found| found.is_file()) {
        return Err(error);
    }
    let shown = escaped_path(path);
    log::warn!("cannot read the partial download `{shown}`: {error}; the download starts over");
    fs::remove_file(path).map_err(|_| error)
}

/// Deletes a part file, unless another process uses it.
pub(super) fn remove_unused(path: &Path) {
    if let Ok(Some(Opened::Locked(_file))) = open_locked(path) {
        // If this fails, the file only takes space.
        let _ = fs::remove_file(path);
    }
}

/// Deletes an open part file, unless it was renamed into place and its path is another file's by now.
pub(super) fn remove_open(file: &File, path: &Path) -> io::Result<()> {
    if is_at(file, path)? { fs::remove_file(path) } else { Ok(()) }
}

/// Whether nothing was written to a file for this time.
pub(super) fn is_older(path: &Path, age: Duration) -> bool {
    let modified = path.symlink_metadata().and_then(|metadata| metadata.modified());
    let found = modified.ok().and_then(|modified| modified.elapsed().ok());
    found.is_some_and(|found| found >= age)
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
        let Opened::Locked(locked) = open_locked(&path).unwrap().unwrap() else { panic!("busy") };
        assert!(is_at(&locked, &path).unwrap());
        let in_use = PartsInUse(vec![directory.path().join("document"), path.clone()]);
        assert!(matches!(open_locked(&path), Ok(Some(Opened::Busy))));
        assert!(in_use.are_in_use());
        // A process that does not write for a long time may have been stopped.
        locked.set_modified(SystemTime::now() - IN_USE_SILENCE).unwrap();
        assert!(matches!(open_or_create(&path), Ok(Opened::Unusable)));
        assert!(!in_use.are_in_use());
        drop(locked);
        assert!(matches!(open_or_create(&path), Ok(Opened::Locked(_))));
        assert!(!in_use.are_in_use());
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
