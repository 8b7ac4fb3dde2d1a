//! Directories that are entered one segment at a time, so that no symbolic link is followed, and changes
//! of names in them (protocol.md section 9).

use std::fs::{File, Metadata};
use std::io;
#[cfg(unix)]
use std::os::fd::AsFd;
use std::path::Path;
use std::time::SystemTime;

/// An open directory.
#[derive(Debug)]
pub(crate) struct Directory {
    #[cfg(unix)]
    file: File,
    #[cfg(not(unix))]
    path: std::path::PathBuf,
}

/// Identifies a directory, to detect that a path leads to another one later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct DirectoryId {
    /// Device and inode, if the system has them.
    file: (u64, u64),
    /// The time of creation, because the number of an inode is used again.
    created: Option<SystemTime>,
}

/// The directory that a path leads to; `None` if there is none.
pub(crate) fn directory_id(path: &Path) -> Option<DirectoryId> {
    let metadata = path.metadata().ok().filter(Metadata::is_dir)?;
    #[cfg(unix)]
    let file = {
        use std::os::unix::fs::MetadataExt;
        (metadata.dev(), metadata.ino())
    };
    #[cfg(not(unix))]
    let file = (0, 0);
    Some(DirectoryId { file, created: metadata.created().ok() })
}

/// Whether a directory existed when it was entered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entered {
    Existing,
    Created,
}

#[cfg(unix)]
impl Directory {
    /// Opens a directory that the user has chosen. Links are followed.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, open};

        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { file: File::from(open(path, flags, Mode::empty())?) })
    }

    /// Enters a directory in this one, and creates it if it does not exist. A symbolic link is not
    /// followed.
    pub(crate) fn enter_or_create(&self, name: &Path) -> io::Result<(Self, Entered)> {
        use rustix::fs::{Mode, mkdirat};

        let entered = match mkdirat(&self.file, name, Mode::from_raw_mode(0o777)) {
            Ok(()) => Entered::Created,
            Err(rustix::io::Errno::EXIST) => Entered::Existing,
            Err(error) => return Err(error.into()),
        };
        Ok((self.enter(name)?, entered))
    }

    /// Enters a directory in this one. A symbolic link is not followed.
    pub(crate) fn enter(&self, name: &Path) -> io::Result<Self> {
        use rustix::fs::{Mode, OFlags, openat};
        use rustix::io::Errno;

        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(&self.file, name, flags, Mode::empty()) {
            Ok(file) => Ok(Self { file: File::from(file) }),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(not_a_directory(name)),
            Err(error) => Err(error.into()),
        }
    }

    /// Syncs the names in this directory.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Renames a file of this directory into another one, unless the new name exists.
    pub(crate) fn rename_new(&self, from: &Path, to: &Self, name: &Path) -> io::Result<()> {
        super::rename::rename_new_at((self.file.as_fd(), from), (to.file.as_fd(), name))
    }

    /// Renames a file of this directory into another one, and replaces a file of the new name.
    pub(crate) fn rename(&self, from: &Path, to: &Self, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.file, from, &to.file, name)?)
    }

    /// Removes an empty directory in this one.
    pub(crate) fn remove_directory(&self, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.file, name, rustix::fs::AtFlags::REMOVEDIR)?)
    }

    /// Removes a file of this directory.
    pub(crate) fn remove_file(&self, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.file, name, rustix::fs::AtFlags::empty())?)
    }

    /// Creates a file in this directory, with the permissions that the umask allows.
    pub(crate) fn create_file(&self, name: &Path) -> io::Result<File> {
        use rustix::fs::{Mode, OFlags, openat};

        let flags =
            OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(File::from(openat(&self.file, name, flags, Mode::from_raw_mode(0o666))?))
    }

    /// Whether a name in this directory is the open file with this metadata.
    pub(crate) fn is_file_at(&self, name: &Path, open: &Metadata) -> io::Result<bool> {
        use std::os::unix::fs::MetadataExt;

        use rustix::fs::{AtFlags, statat};

        match statat(&self.file, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((there.st_dev, there.st_ino) == (open.dev(), open.ino())),
            Err(rustix::io::Errno::NOENT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(not(unix))]
impl Directory {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        match path.metadata()?.is_dir() {
            true => Ok(Self { path: path.into() }),
            false => Err(not_a_directory(path)),
        }
    }

    pub(crate) fn enter_or_create(&self, name: &Path) -> io::Result<(Self, Entered)> {
        let entered = match std::fs::create_dir(self.path.join(name)) {
            Ok(()) => Entered::Created,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Entered::Existing,
            Err(error) => return Err(error),
        };
        Ok((self.enter(name)?, entered))
    }

    pub(crate) fn enter(&self, name: &Path) -> io::Result<Self> {
        let path = self.path.join(name);
        match path.symlink_metadata()?.is_dir() {
            true => Ok(Self { path }),
            false => Err(not_a_directory(name)),
        }
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub(crate) fn rename_new(&self, from: &Path, to: &Self, name: &Path) -> io::Result<()> {
        super::rename::rename_new(&self.path.join(from), &to.path.join(name))
    }

    pub(crate) fn rename(&self, from: &Path, to: &Self, name: &Path) -> io::Result<()> {
        std::fs::rename(self.path.join(from), to.path.join(name))
    }

    pub(crate) fn remove_directory(&self, name: &Path) -> io::Result<()> {
        std::fs::remove_dir(self.path.join(name))
    }

    pub(crate) fn remove_file(&self, name: &Path) -> io::Result<()> {
        std::fs::remove_file(self.path.join(name))
    }

    pub(crate) fn create_file(&self, name: &Path) -> io::Result<File> {
        let mut options = File::options();
        options.read(true).write(true).create_new(true).open(self.path.join(name))
    }

    /// The identity of an open file is not available without unsafe code. An open locked file keeps its
    /// name on these systems, unless another program of this user renames it.
    pub(crate) fn is_file_at(&self, name: &Path, _open: &Metadata) -> io::Result<bool> {
        self.path.join(name).try_exists()
    }
}

fn not_a_directory(name: &Path) -> io::Error {
    let text = format!("expected a directory `{}`, found something else", name.display());
    io::Error::new(io::ErrorKind::NotADirectory, text)
}
