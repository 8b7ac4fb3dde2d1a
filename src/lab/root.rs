//! The temporary directory of a laboratory. A laboratory that was killed cannot remove it; a later one does.

use std::fs::{self, File, Metadata};
use std::io::{self, Write};
use std::path::Path;

use tempfile::TempDir;

/// The beginning of the name.
const PREFIX: &str = "p2p-ci-lab-";
/// A file in it that its laboratory has locked.
const LOCK: &str = ".running";
/// The content of that file.
const CONTENT: &[u8] = b"A running p2p-ci lab has locked this file.\n";

/// A temporary directory that is removed with this value.
#[derive(Debug)]
pub(super) struct Root {
    /// Is locked until the process ends; `None` where the file system has no locks, so that the directory is never
    /// taken for an abandoned one. It is closed before the directory is removed.
    _lock: Option<File>,
    directory: TempDir,
}

impl Root {
    /// Creates a directory, and removes those of laboratories whose processes were killed.
    pub(super) fn create() -> io::Result<Self> {
        Self::create_in(&std::env::temp_dir())
    }

    fn create_in(parent: &Path) -> io::Result<Self> {
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        // The file has its name only after it is locked, so that no other laboratory finds it unlocked.
        let mut file = tempfile::NamedTempFile::new_in(directory.path())?;
        file.write_all(CONTENT)?;
        let is_locked = file.as_file().try_lock().is_ok();
        let lock = is_locked.then(|| file.persist(directory.path().join(LOCK)).ok()).flatten();
        let own = fs::metadata(directory.path())?;
        // A directory that cannot be removed is no obstacle.
        for entry in fs::read_dir(parent)?.filter_map(Result::ok) {
            if entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes()) {
                let _ = remove_abandoned(&entry.path(), &own);
            }
        }
        Ok(Self { _lock: lock, directory })
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// Removes a directory if it is that of a laboratory of this user that has ended.
fn remove_abandoned(directory: &Path, own: &Metadata) -> io::Result<()> {
    let path = directory.join(LOCK);
    let is_of_user = |found: &Metadata| is_of_same_user(found, own);
    let metadata = fs::symlink_metadata(directory)?;
    if !metadata.is_dir() || !is_of_user(&metadata) {
        return Ok(());
    }
    let metadata = fs::symlink_metadata(&path)?;
    if !metadata.is_file() || !is_of_user(&metadata) || metadata.len() != CONTENT.len() as u64 {
        return Ok(());
    }
    let lock = File::open(&path)?;
    if fs::read(&path)? == CONTENT && lock.try_lock().is_ok() {
        fs::remove_dir_all(directory)?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_of_same_user(found: &Metadata, own: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    found.uid() == own.uid()
}

/// Elsewhere each user has a temporary directory.
#[cfg(not(unix))]
fn is_of_same_user(_: &Metadata, _: &Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_directories_of_ended_laboratories_are_removed() {
        let parent = tempfile::tempdir().unwrap();
        let directory = |name: &str| {
            let path = parent.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let running = Root::create_in(parent.path()).unwrap();
        let killed = directory("p2p-ci-lab-killed");
        fs::create_dir(killed.join("peer-0")).unwrap();
        fs::write(killed.join("peer-0/rfc1.txt"), "text").unwrap();
        fs::write(killed.join(LOCK), CONTENT).unwrap();
        // Other directories, also with the name of one of a laboratory.
        let others =
            [directory("p2p-ci-lab-mine"), directory("p2p-ci-lab-other-file"), directory("other")];
        fs::write(others[1].join(LOCK), "mine").unwrap();
        fs::write(others[2].join(LOCK), CONTENT).unwrap();
        let file = parent.path().join("p2p-ci-lab-file");
        fs::write(&file, CONTENT).unwrap();

        let later = Root::create_in(parent.path()).unwrap();
        assert!(!killed.exists());
        assert!(running.path().is_dir() && later.path().is_dir() && file.is_file());
        assert!(others.iter().all(|other| other.is_dir()));
        let (first, second) = (running.path().to_path_buf(), later.path().to_path_buf());
        drop((running, later));
        assert!(!first.exists() && !second.exists());
    }

    #[cfg(unix)]
    #[test]
    fn links_are_not_followed() {
        let (parent, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(elsewhere.path().join(LOCK), CONTENT).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), parent.path().join("p2p-ci-lab-link"))
            .unwrap();
        let root = Root::create_in(parent.path()).unwrap();
        assert!(elsewhere.path().join(LOCK).is_file());
        assert!(root.path().join(LOCK).is_file());
    }
}
