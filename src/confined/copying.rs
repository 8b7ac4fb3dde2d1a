//! Copies a directory of others with limits, and removes one.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::limits;

/// What may still be copied.
struct Budget {
    bytes: u64,
    files: u64,
}

/// Makes a directory with this mode, which `owner` owns.
///
/// # Errors
/// When it exists, or cannot be made.
pub(crate) fn make_directory(path: &Path, mode: u32, owner: Option<u32>) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    own(path, owner)
}

/// Copies the regular files, directories and links of a directory into a new one, which `owner` owns. Links
/// are not followed. Other kinds of files are left out.
///
/// # Errors
/// When a file cannot be read or written, or there are more or larger files than the limits allow.
pub(crate) fn copy_tree(from: &Path, to: &Path, owner: Option<u32>) -> io::Result<()> {
    let mut budget =
        Budget { bytes: limits::SUBMISSION_FILES / 2, files: limits::SUBMISSION_FILE_COUNT / 2 };
    let mut waiting = vec![(from.to_path_buf(), to.to_path_buf(), 0_usize)];
    while let Some((from, to, depth)) = waiting.pop() {
        make_directory(&to, 0o700, owner)?;
        if depth > limits::SUBMISSION_DEPTH {
            let most = limits::SUBMISSION_DEPTH;
            return Err(io::Error::other(format!(
                "expected at most {most} directories in each other, found more"
            )));
        }
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            budget.files = budget.files.checked_sub(1).ok_or_else(too_large)?;
            let (kind, target) = (entry.file_type()?, to.join(entry.file_name()));
            if kind.is_dir() {
                waiting.push((entry.path(), target, depth.saturating_add(1)));
            } else if kind.is_symlink() {
                symlink(fs::read_link(entry.path())?, &target)?;
                own(&target, owner)?;
            } else if kind.is_file() {
                copy_file(&entry.path(), &target, &mut budget)?;
                own(&target, owner)?;
            }
        }
    }
    Ok(())
}

fn copy_file(from: &Path, to: &Path, budget: &mut Budget) -> io::Result<()> {
    // A FIFO that has replaced the file is not waited for, and a link not followed.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(from)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    let mode = 0o600 | (metadata.permissions().mode() & 0o777);
    let mut target = OpenOptions::new().write(true).create_new(true).mode(mode).open(to)?;
    let copied = io::copy(&mut file.take(budget.bytes.saturating_add(1)), &mut target)?;
    budget.bytes = budget.bytes.checked_sub(copied).ok_or_else(too_large)?;
    Ok(())
}

fn own(path: &Path, owner: Option<u32>) -> io::Result<()> {
    owner.map_or(Ok(()), |owner| lchown(path, Some(owner), Some(owner)))
}

fn too_large() -> io::Error {
    let (bytes, files) = (limits::SUBMISSION_FILES / 2, limits::SUBMISSION_FILE_COUNT / 2);
    let mebibytes = bytes / 1024 / 1024;
    io::Error::other(format!(
        "expected at most {files} files with {mebibytes} MiB in all, found more"
    ))
}

/// Bytes and number of the files below a directory, as far as they can be read. It ends when one of them is
/// above its limit.
pub(crate) fn size_of_tree(directory: &Path) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt;

    let (mut bytes, mut files) = (0_u64, 0_u64);
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            files = files.saturating_add(1);
            bytes = bytes.saturating_add(metadata.blocks().saturating_mul(512));
            if bytes > limits::SUBMISSION_FILES || files > limits::SUBMISSION_FILE_COUNT {
                return (bytes, files);
            }
            if metadata.is_dir() {
                waiting.push(entry.path());
            }
        }
    }
    (bytes, files)
}

/// Removes a directory and everything in it, also directories that a program has made unreadable.
///
/// # Errors
/// When something cannot be removed.
pub(crate) fn remove_tree(directory: &Path) -> io::Result<()> {
    if fs::remove_dir_all(directory).is_ok() {
        return Ok(());
    }
    let mut waiting: Vec<PathBuf> = vec![directory.into()];
    while let Some(directory) = waiting.pop() {
        let _ = fs::set_permissions(&directory, Permissions::from_mode(0o700));
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        waiting.extend(directories.map(|entry| entry.path()));
    }
    fs::remove_dir_all(directory)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_tree_is_copied_without_following_links_and_removed() {
        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("from"), root.path().join("to"));
        fs::create_dir_all(from.join("a b/c")).unwrap();
        fs::write(from.join("a b/run.sh"), "text").unwrap();
        fs::set_permissions(from.join("a b/run.sh"), Permissions::from_mode(0o4755)).unwrap();
        symlink("/etc", from.join("link")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, from.join("fifo"), 0o600.into()).unwrap();
        copy_tree(&from, &to, None).unwrap();
        assert_eq!(fs::read_to_string(to.join("a b/run.sh")).unwrap(), "text");
        let mode = to.join("a b/run.sh").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o7100, 0o100);
        assert!(to.join("link").is_symlink() && to.join("a b/c").is_dir());
        assert!(!to.join("fifo").exists());
        assert_eq!(size_of_tree(&to).1, 4);
        fs::set_permissions(to.join("a b"), Permissions::from_mode(0o000)).unwrap();
        remove_tree(&to).unwrap();
        assert!(!to.exists());
    }

    #[test]
    fn a_deep_tree_is_refused_with_that_limit() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        fs::create_dir_all(from.join("d/".repeat(60))).unwrap();
        let error = copy_tree(&from, &root.path().join("to"), None).unwrap_err();
        assert!(error.to_string().starts_with("expected at most 32 directories"), "{error}");
    }

    #[test]
    fn a_tree_beyond_the_limits_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        fs::create_dir(&from).unwrap();
        File::create(from.join("large")).unwrap().set_len(limits::SUBMISSION_FILES).unwrap();
        let mut budget = Budget { bytes: 100, files: 1 };
        let error =
            copy_file(&from.join("large"), &root.path().join("copy"), &mut budget).unwrap_err();
        assert!(error.to_string().contains("at most"), "{error}");
        assert_eq!(root.path().join("copy").metadata().unwrap().len(), 101);
    }
}
