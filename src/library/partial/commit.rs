//! The commit of downloads: the files are synced and renamed into place, and the directories with new
//! names are synced, so that a power cut loses nothing (protocol.md section 5.6).
//!
//! Directories are entered one segment at a time, and never through a symbolic link. The renamed file
//! is identified by its descriptor, not by its name. So a digest is cached for exactly the bytes that
//! were written, whatever another process does to the name (protocol.md section 5.5).

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock::remove_unused;
use super::part_names::{SUFFIX, TEMPORARY};
use super::partial_file::{Part, PartialFile};
use super::way::{Changed, Way};
use crate::escape::escaped_path;
use crate::library::saved::Saved;
use crate::library::target::SaveTarget;
use crate::limits;
use crate::system::{self, Directory, is_disk_full};

impl PartialFile {
    /// Syncs the file and renames it into place. Without `overwrite` an existing file is not replaced.
    ///
    /// # Errors
    /// When the file cannot be synced or renamed, or a file of its name exists.
    pub fn commit(self, overwrite: bool) -> io::Result<Saved> {
        let mut batch = Batch::default();
        let saved = batch.commit(self, overwrite, true)?;
        batch.changed.sync()?;
        Ok(saved)
    }

    /// Syncs many files together and renames them into place. The flag of each file says whether it
    /// may replace an existing file.
    ///
    /// # Errors
    /// When the file system cannot be synced. Then no file was renamed.
    pub fn commit_all(all: Vec<(Self, bool)>) -> io::Result<CommitResults> {
        let is_synced = match sync_together(&all) {
            // Not all of them fit, but some may: each is synced by itself.
            Err(error) if is_disk_full(&error) => false,
            outcome => outcome?,
        };
        let mut batch = Batch::default();
        let commit = |(file, overwrite): (Self, bool)| batch.commit(file, overwrite, !is_synced);
        let outcomes = all.into_iter().map(commit).collect();
        Ok(CommitResults { outcomes, synced: batch.changed.sync() })
    }

    fn sync(&self) -> io::Result<()> {
        self.complete()?;
        self.file().sync_all()
    }
}

/// The results of the commit of many files.
#[derive(Debug)]
pub struct CommitResults {
    /// The saved files, in the order of the partial files.
    pub outcomes: Vec<io::Result<Saved>>,
    /// Whether the directories were synced. The files have their new names in any case.
    pub synced: io::Result<()>,
}

/// Syncs the file system of many files of one directory; `false` if each file has to be synced by
/// itself. For few files that is faster, because a sync of the file system also waits for what other
/// programs have written.
fn sync_together(all: &[(PartialFile, bool)]) -> io::Result<bool> {
    let [(first, _), ..] = all else { return Ok(false) };
    let directory = first.target.root();
    if all.len() < limits::SYNC_TOGETHER
        || all.iter().any(|(one, _)| one.target.root() != directory)
    {
        return Ok(false);
    }
    // A file that cannot be completed fails by itself later.
    let completed: Vec<io::Result<()>> = all.iter().map(|(one, _)| one.complete()).collect();
    Ok(completed.iter().all(Result::is_ok) && system::sync_file_system(directory)?)
}

/// Files that are renamed together.
#[derive(Debug, Default)]
struct Batch {
    /// The root of the last file, which mostly is the root of the next one as well.
    root: Option<(PathBuf, Arc<Directory>)>,
    changed: Changed,
}

impl Batch {
    fn root(&mut self, path: &Path) -> io::Result<Arc<Directory>> {
        match &self.root {
            Some((open, root)) if open == path => Ok(Arc::clone(root)),
            _ => {
                let root = Arc::new(Directory::open(path)?);
                self.root = Some((path.into(), Arc::clone(&root)));
                Ok(root)
            }
        }
    }

    /// Renames a file into place, after it was synced if it `needs_sync`.
    fn commit(
        &mut self,
        mut partial: PartialFile,
        overwrite: bool,
        needs_sync: bool,
    ) -> io::Result<Saved> {
        let synced = if needs_sync { partial.sync() } else { Ok(()) };
        let saved = synced.and_then(|()| {
            let root = self.root(partial.target.root())?;
            rename(&mut partial, &root, overwrite, &mut self.changed)
        });
        if let Err(error) = &saved {
            delete_if_full(partial, error);
        }
        saved
    }
}

/// Deletes the part files of a complete document for which there is no space, also where the file system
/// reports that only when a file is synced: they would leave no space for other documents.
fn delete_if_full(partial: PartialFile, error: &io::Error) {
    if is_disk_full(error) {
        partial.delete_own();
    }
}

/// Creates the directories of a file's path below `root`, and renames the file into the last one.
fn rename(
    partial: &mut PartialFile,
    root: &Directory,
    overwrite: bool,
    changed: &mut Changed,
) -> io::Result<Saved> {
    let target = partial.target.clone();
    let part = partial.part_path().to_path_buf();
    let (Some(part_name), Some(name)) = (part.file_name(), target.below().file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let (part_name, name) = (Path::new(part_name), Path::new(name));
    let before = partial.file().metadata()?;
    if !root.is_file_at(part_name, &before)? {
        let text = format!("the part file `{}` was removed or replaced", escaped_path(&part));
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let below = target.below().parent().unwrap_or(Path::new(""));
    // The message of the check names the remedy.
    let with_remedy = |error| target.check(overwrite).err().unwrap_or(error);
    let way = Way::create(root, below, overwrite).map_err(with_remedy)?;
    let file = match move_file(root, part_name, partial, way.last(), name, overwrite) {
        Ok(moved) => moved,
        Err(error) => {
            way.undo(below);
            if error.kind() != io::ErrorKind::AlreadyExists {
                return Err(error);
            }
            if target.path().symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
                // Another process has saved this document, so its part files are not needed.
                let _ = partial.remove_part();
                partial.left.iter().for_each(|left| remove_unused(left));
            }
            return Err(target.check(false).err().unwrap_or_else(|| name_is_taken(&target.path())));
        }
    };
    way.note_changes(target.root(), below, changed);
    if let Part::Temporary(temporary) = &mut partial.part {
        temporary.disable_cleanup(true);
    }
    let after = match &file {
        Some(copy) => copy.metadata()?,
        None => partial.file().metadata()?,
    };
    // Part files of other versions are not needed any more.
    let left = std::mem::take(&mut partial.left);
    left.iter().filter(|left| **left != part).for_each(|left| remove_unused(left));
    if !is_unchanged(&before, &after) {
        let text = format!("`{}` was changed by another program", escaped_path(&target.path()));
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Saved::of(&after))
}

/// Whether nothing was written to a file. Its `ctime` has changed, because it was renamed.
fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    before.len() == after.len() && before.modified().ok() == after.modified().ok()
}

/// Moves a part file into place. If the directory is on another file system, the file is copied; then
/// this returns the copy.
fn move_file(
    root: &Directory,
    part: &Path,
    partial: &PartialFile,
    directory: &Directory,
    name: &Path,
    overwrite: bool,
) -> io::Result<Option<File>> {
    let replaced = overwrite.then_some(&partial.target);
    match put(root, part, directory, name, replaced) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        outcome => return outcome.map(|()| None),
    }
    static COPIES: AtomicU64 = AtomicU64::new(0);
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let temporary = PathBuf::from(format!("{TEMPORARY}{}-{number}{SUFFIX}", process::id()));
    let mut copy = directory.create_file(&temporary)?;
    let copied = copy_to(partial.file(), &mut copy)
        .and_then(|()| put(directory, &temporary, directory, name, replaced));
    if let Err(error) = copied {
        let _ = directory.remove_file(&temporary);
        return Err(error);
    }
    let _ = root.remove_file(part);
    Ok(Some(copy))
}

fn copy_to(mut from: &File, to: &mut File) -> io::Result<()> {
    from.rewind()?;
    io::copy(&mut from, to)?;
    if let Ok(time) = from.metadata()?.modified() {
        let _ = to.set_modified(time);
    }
    to.sync_all()
}

/// The error that another file has the name of a document. The kind is as that of the system call.
fn name_is_taken(path: &Path) -> io::Error {
    let text = format!(
        "another file has taken the name `{}` meanwhile: `get --force` replaces it",
        escaped_path(&path)
    );
    io::Error::new(io::ErrorKind::AlreadyExists, text)
}

/// Renames a file. With `replaced`, its target, a file of its name is replaced, and so is an empty directory
/// or one of downloaded files.
fn put(
    from: &Directory,
    part: &Path,
    directory: &Directory,
    name: &Path,
    replaced: Option<&SaveTarget>,
) -> io::Result<()> {
    let Some(replaced) = replaced else { return from.rename_new(part, directory, name) };
    match from.rename(part, directory, name) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
        outcome => return outcome,
    }
    if directory.remove_directory(name).is_err() {
        replaced.remove_downloaded()?;
    }
    from.rename(part, directory, name)
}

#[cfg(test)]
mod tests;
