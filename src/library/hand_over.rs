//! Moves a document that was handed over to another peer out of the shared directory (protocol.md
//! section 8.8).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;

use super::directory::HANDED_OVER;
use super::entry::{Entry, OpenDocument};
use crate::escape::escaped_path;
use crate::system;

/// The number of names that are tried for a document, if documents of its name were handed over before.
const NAMES: u32 = 100;

impl Entry {
    /// Moves the sent file to the subdirectory `handed-over` of a directory, which scans skip. If a file
    /// of its name exists there, a number is appended to the name. Returns the new path.
    ///
    /// # Errors
    /// When the file was changed or replaced since it was opened, or cannot be moved. Then it stays at
    /// its path.
    pub fn hand_over(&self, sent: &OpenDocument, directory: &Path) -> io::Result<PathBuf> {
        let path = self.path();
        self.check(sent)?;
        let target = directory.join(HANDED_OVER).join(&*self.name);
        let parent = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        create_directories(directory, Path::new(&*self.name).parent())?;
        let target = first_free(&target, |target| match self.rename_sent(sent, &path, target) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                self.copy_new(sent, target)
            }
            result => result,
        })?;
        for directory in [Some(parent), path.parent()].into_iter().flatten() {
            if let Err(error) = system::sync_directory(directory) {
                log::debug!("`{}` is not synced: {error}", escaped_path(&directory));
            }
        }
        Ok(target)
    }

    /// Checks that the file is still in the state in which it was opened.
    ///
    /// # Errors
    /// When it was changed, replaced or removed.
    pub fn check(&self, opened: &OpenDocument) -> io::Result<()> {
        match self.state_now()? == opened.state {
            true => Ok(()),
            false => Err(replaced()),
        }
    }

    /// Renames the file, unless the new name exists.
    fn rename_sent(&self, sent: &OpenDocument, path: &Path, target: &Path) -> io::Result<()> {
        system::rename_new(path, target)?;
        // The file may have been replaced after the check.
        if self.state_of(&target.symlink_metadata()?).is_same_content(&sent.state) {
            return Ok(());
        }
        match system::rename_new(target, path) {
            Ok(()) => Err(replaced()),
            Err(error) => {
                let text = format!(
                    "another file was moved to `{}`, and cannot be moved back: {error}",
                    escaped_path(&target)
                );
                Err(io::Error::other(text))
            }
        }
    }

    /// Copies the file to another file system, and deletes it.
    fn copy_new(&self, sent: &OpenDocument, target: &Path) -> io::Result<()> {
        let parent = target.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let (mut file, metadata) = system::open_regular(&self.directory, &self.name)?;
        let mut copy = tempfile::Builder::new().prefix(".handed-over").tempfile_in(parent)?;
        io::copy(&mut file, copy.as_file_mut())?;
        copy.as_file().set_permissions(metadata.permissions())?;
        copy.as_file().set_modified(metadata.modified()?)?;
        copy.as_file().sync_all()?;
        copy.persist_noclobber(target).map_err(|error| error.error)?;
        let removed = match self.state_of(&file.metadata()?) == sent.state {
            true => system::sync_directory(parent).and_then(|()| self.remove_sent(sent)),
            false => Err(replaced()),
        };
        if removed.is_err() {
            // The document stays at its path, so the copy is deleted.
            fs::remove_file(target)?;
        }
        removed
    }

    /// Deletes the file. It is first renamed to a hidden name, under which no other program replaces it.
    /// So a file that has replaced it is noticed, and stays.
    fn remove_sent(&self, sent: &OpenDocument) -> io::Result<()> {
        let path = self.path();
        let parent = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        let hide = |hidden: &Path| self.rename_sent(sent, &path, hidden);
        let name = format!(".p2p-ci-{}.moved", process::id());
        let hidden = first_free(&parent.join(name), hide)?;
        let removed = fs::remove_file(&hidden);
        if removed.is_err() {
            system::rename_new(&hidden, &path)?;
        }
        removed
    }
}

/// Creates the directory of handed-over documents, and the directories in it that a document needs. A link
/// is not followed, which could lead out of the shared directory.
fn create_directories(directory: &Path, below: Option<&Path>) -> io::Result<()> {
    let mut path = directory.join(HANDED_OVER);
    for segment in std::iter::once(None).chain(below.into_iter().flatten().map(Some)) {
        path.extend(segment);
        match fs::create_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            outcome => outcome?,
        }
        if !path.symlink_metadata()?.is_dir() {
            let text = format!(
                "expected a directory `{}`, found something else: move or remove it",
                escaped_path(&path)
            );
            return Err(io::Error::new(io::ErrorKind::NotADirectory, text));
        }
    }
    Ok(())
}

/// Calls `place` with numbered names until one does not exist.
fn first_free(target: &Path, place: impl Fn(&Path) -> io::Result<()>) -> io::Result<PathBuf> {
    let mut name = target.to_path_buf();
    for number in 2..=NAMES {
        match place(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            result => return result.map(|()| name),
        }
        let mut numbered = target.as_os_str().to_owned();
        numbered.push(format!(".{number}"));
        name = numbered.into();
    }
    let text = format!(
        "`{}` and its numbered names exist already: remove some of them",
        escaped_path(&target)
    );
    Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
}

fn replaced() -> io::Error {
    io::Error::other("the file was changed or replaced while it was sent")
}

#[cfg(test)]
mod tests {
    use super::super::{Depth, Library};
    use super::*;

    fn shared(directory: &Path, text: &str) -> (std::sync::Arc<Entry>, OpenDocument) {
        fs::write(directory.join("file"), text).unwrap();
        let library = Library::scan(directory, Depth::Directory).unwrap();
        let entry = library.read().entries().next().unwrap().1.clone();
        let document = entry.open().unwrap();
        (entry, document)
    }

    #[cfg(unix)]
    #[test]
    fn no_document_is_moved_through_a_link() {
        use std::os::unix::fs::symlink;

        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let directory = root.path();
        fs::create_dir(directory.join("sub")).unwrap();
        fs::write(directory.join("sub/file"), "text").unwrap();
        let library = Library::scan(directory, Depth::Tree).unwrap();
        let entry = library.read().entries().next().unwrap().1.clone();
        let document = entry.open().unwrap();
        for link in ["handed-over", "handed-over/sub"] {
            symlink(elsewhere.path(), directory.join(link)).unwrap();
            let error = entry.hand_over(&document, directory).unwrap_err();
            assert!(error.to_string().contains(link), "{error}");
            assert!(directory.join("sub/file").exists());
            fs::remove_file(directory.join(link)).unwrap();
            fs::create_dir(directory.join(link)).unwrap();
        }
        assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
        entry.hand_over(&document, directory).unwrap();
        assert_eq!(fs::read_to_string(directory.join("handed-over/sub/file")).unwrap(), "text");
    }

    #[test]
    fn nothing_is_overwritten() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        for (text, expected) in [("a", "file"), ("b", "file.2"), ("c", "file.3")] {
            let (entry, document) = shared(directory, text);
            let path = entry.hand_over(&document, directory).unwrap();
            assert_eq!(path, directory.join("handed-over").join(expected));
            assert_eq!(fs::read_to_string(path).unwrap(), text);
            assert!(!directory.join("file").exists());
        }
        assert_eq!(fs::read_to_string(directory.join("handed-over/file")).unwrap(), "a");
    }

    #[test]
    fn a_file_that_was_replaced_stays() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        let (entry, document) = shared(directory, "sent");
        fs::write(directory.join("new"), "new").unwrap();
        fs::rename(directory.join("new"), directory.join("file")).unwrap();
        assert!(entry.hand_over(&document, directory).is_err());
        assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "new");
        assert!(!directory.join("handed-over").exists());
    }

    #[test]
    fn the_file_stays_if_the_directory_cannot_be_created() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        let (entry, document) = shared(directory, "sent");
        fs::write(directory.join("handed-over"), "a file").unwrap();
        assert!(entry.hand_over(&document, directory).is_err());
        assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "sent");
        assert_eq!(fs::read_to_string(directory.join("handed-over")).unwrap(), "a file");
    }

    /// A file on another file system than the directory, if there is one.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_document_moves_from_another_file_system() {
        use std::os::unix::fs::MetadataExt;

        let root = tempfile::tempdir().unwrap();
        let device = |path: &Path| path.metadata().unwrap().dev();
        let other = tempfile::tempdir_in("/dev/shm").ok();
        let Some(other) = other.filter(|other| device(other.path()) != device(root.path())) else {
            return;
        };
        let (entry, document) = shared(other.path(), "bytes");
        let path = entry.hand_over(&document, root.path()).unwrap();
        assert_eq!(path, root.path().join("handed-over/file"));
        assert_eq!(fs::read(path).unwrap(), b"bytes");
        assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_is_moved_to_another_file_system_by_a_copy() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        let (entry, document) = shared(directory, "sent");
        fs::create_dir(directory.join("handed-over")).unwrap();
        fs::write(directory.join("handed-over/taken"), "other").unwrap();
        let taken = entry.copy_new(&document, &directory.join("handed-over/taken"));
        assert_eq!(taken.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(directory.join("handed-over/taken")).unwrap(), "other");
        entry.copy_new(&document, &directory.join("handed-over/file")).unwrap();
        assert_eq!(fs::read_to_string(directory.join("handed-over/file")).unwrap(), "sent");
        assert!(!directory.join("file").exists());
        assert_eq!(fs::read_dir(directory.join("handed-over")).unwrap().count(), 2);
    }

    #[test]
    fn a_file_that_has_replaced_the_copied_one_is_not_removed() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        let (entry, document) = shared(directory, "sent");
        fs::write(directory.join("new"), "new").unwrap();
        fs::rename(directory.join("new"), directory.join("file")).unwrap();
        assert!(entry.remove_sent(&document).is_err());
        assert_eq!(fs::read_to_string(directory.join("file")).unwrap(), "new");
        assert_eq!(fs::read_dir(directory).unwrap().count(), 1, "no hidden name is left");
        let (entry, document) = shared(directory, "sent");
        entry.remove_sent(&document).unwrap();
        assert_eq!(fs::read_dir(directory).unwrap().count(), 0);
    }

    #[test]
    fn files_of_subdirectories_keep_their_paths() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path();
        fs::create_dir(directory.join("sub")).unwrap();
        fs::write(directory.join("sub/file"), "sent").unwrap();
        let library = Library::scan(directory, Depth::Tree).unwrap();
        let entry = library.read().entries().next().unwrap().1.clone();
        let path = entry.hand_over(&entry.open().unwrap(), directory).unwrap();
        assert_eq!(path, directory.join("handed-over/sub/file"));
    }
}
