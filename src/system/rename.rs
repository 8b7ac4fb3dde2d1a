//! Renaming a file without replacing an existing one (protocol.md sections 8.8 and 9).
//!
//! Not every system and file system has one call for that. Each of the methods below fails with
//! [`io::ErrorKind::AlreadyExists`] when the new name exists, and never replaces it.

use std::io;
use std::path::Path;

#[cfg(unix)]
pub(super) use unix::rename_new_at;

/// Renames a file, unless the new name exists.
///
/// # Errors
/// When the new name exists ([`io::ErrorKind::AlreadyExists`]), or is on another file system
/// ([`io::ErrorKind::CrossesDevices`]). The file keeps its old name then.
#[cfg(unix)]
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::CWD;

    rename_new_at((CWD, from), (CWD, to))
}

/// Renames a file by a hard link. If the file system has none, this creates an empty file under the new
/// name first, and replaces only that.
#[cfg(not(unix))]
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use std::fs::{File, hard_link, remove_file, rename};

    match hard_link(from, to) {
        Ok(()) => remove_file(from).inspect_err(|_| drop(remove_file(to))),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::AlreadyExists
                    | io::ErrorKind::CrossesDevices
                    | io::ErrorKind::NotFound
            ) =>
        {
            Err(error)
        }
        Err(_) => {
            File::options().write(true).create_new(true).open(to)?;
            rename(from, to).inspect_err(|_| drop(remove_file(to)))
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::fd::BorrowedFd;
    use std::path::Path;

    use rustix::fs::{AtFlags, Mode, OFlags, linkat, openat, renameat, unlinkat};
    use rustix::io::Errno;

    /// A name in an open directory.
    type Place<'a> = (BorrowedFd<'a>, &'a Path);

    /// Renames a file in open directories, unless the new name exists.
    pub(in crate::system) fn rename_new_at(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            use rustix::fs::{RenameFlags, renameat_with};

            match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {}
                outcome => return Ok(outcome?),
            }
        }
        by_link(from, to)
    }

    /// Renames by a hard link, which fails if the new name exists.
    fn by_link(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        match linkat(from.0, from.1, to.0, to.1, AtFlags::empty()) {
            Ok(()) => {
                let removed = unlinkat(from.0, from.1, AtFlags::empty());
                Ok(removed.inspect_err(|_| remove(to))?)
            }
            Err(error @ (Errno::EXIST | Errno::XDEV | Errno::NOENT)) => Err(error.into()),
            // Some file systems have no hard links.
            Err(_) => by_placeholder(from, to),
        }
    }

    /// Renames onto an empty file that is created under the new name, so that nothing else is replaced.
    fn by_placeholder(from: Place<'_>, to: Place<'_>) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        drop(openat(to.0, to.1, flags, Mode::RUSR | Mode::WUSR)?);
        Ok(renameat(from.0, from.1, to.0, to.1).inspect_err(|_| remove(to))?)
    }

    /// Removes a name that was created for a failed rename.
    fn remove(place: Place<'_>) {
        if let Err(error) = unlinkat(place.0, place.1, AtFlags::empty()) {
            // The quoted form escapes control characters.
            log::warn!("{:?} is a second name and stays: {error}", place.1);
        }
    }

    #[cfg(test)]
    mod tests {
        use std::fs;
        use std::os::unix::fs::symlink;

        use rustix::fs::CWD;

        use super::*;

        #[test]
        fn no_method_of_renaming_replaces_anything() {
            for rename in [rename_new_at, by_link, by_placeholder] {
                let directory = tempfile::tempdir().unwrap();
                let path = |name: &str| directory.path().join(name);
                let rename = |from: &str, to: &str| {
                    rename((CWD, path(from).as_path()), (CWD, path(to).as_path()))
                };
                fs::write(path("file"), "file").unwrap();
                fs::write(path("taken"), "taken").unwrap();
                fs::create_dir(path("directory")).unwrap();
                symlink("nothing", path("dangling")).unwrap();
                for taken in ["taken", "directory", "dangling"] {
                    let error = rename("file", taken).unwrap_err();
                    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "{taken}");
                }
                assert_eq!(rename("none", "new").unwrap_err().kind(), io::ErrorKind::NotFound);
                assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 4, "nothing is left");
                rename("file", "new").unwrap();
                assert_eq!(fs::read(path("new")).unwrap(), b"file");
                assert_eq!(fs::read(path("taken")).unwrap(), b"taken");
                assert!(path("dangling").is_symlink() && !path("file").exists());
            }
        }
    }
}
