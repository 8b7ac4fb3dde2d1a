//! A document on its way into a folder: it appears whole or not at all.
//!
//! Bytes go to a hidden temporary file beside the target. When all is there it is synced, renamed,
//! and the folder is synced. Dropping an [`Incoming`] before that leaves nothing behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use crate::system;

/// A file that does not have its name yet.
#[derive(Debug)]
pub struct Incoming {
    file: NamedTempFile,
    target: PathBuf,
}

impl Incoming {
    /// Begins a file that is to become `target`.
    ///
    /// # Errors
    /// When the folder does not exist, or cannot be written.
    pub fn begin(target: &Path) -> io::Result<Self> {
        let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut builder = Builder::new();
        builder.prefix(".p2p-ci-").suffix(".part");
        // What everybody may read after a plain copy, everybody may read after a download.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder.unwrap_or(Path::new(".")))?;
        Ok(Self { file, target: target.into() })
    }

    /// Where the bytes are meanwhile.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Where the bytes go.
    pub fn file(&mut self) -> &mut File {
        self.file.as_file_mut()
    }

    /// Gives the file its name. Without `overwrite` an existing file is left alone.
    ///
    /// # Errors
    /// When the bytes cannot be brought to disk, or the name is taken.
    pub fn finish(self, overwrite: bool) -> io::Result<()> {
        let Self { file, target } = self;
        file.as_file().sync_all()?;
        if overwrite {
            file.persist(&target)?;
        } else {
            file.persist_noclobber(&target)?;
        }
        match target.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) => system::sync_folder(folder),
            None => system::sync_folder(Path::new(".")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("rfc1.txt");

        let mut incoming = Incoming::begin(&target).unwrap();
        incoming.file().write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(incoming);
        assert!(names(folder.path()).is_empty());

        let mut incoming = Incoming::begin(&target).unwrap();
        incoming.file().write_all(b"whole").unwrap();
        incoming.finish(false).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(names(folder.path()), ["rfc1.txt"]);
    }

    #[test]
    fn an_existing_file_is_overwritten_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("rfc1.txt");
        std::fs::write(&target, "old").unwrap();
        let new = || {
            let mut incoming = Incoming::begin(&target).unwrap();
            incoming.file().write_all(b"new").unwrap();
            incoming
        };
        assert_eq!(new().finish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        new().finish(true).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["rfc1.txt"]);
    }
}
