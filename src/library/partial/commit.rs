//! The commit of a download: its directories are created, it gets its final name, and both survive
//! a power cut.
//!
//! Directories are entered one segment at a time, and never through a symbolic link. Which file was
//! renamed is known by its descriptor, not by its name: so a digest is stored for exactly the bytes
//! that were written, whatever another process does to the name (protocol.md section 5.5).

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::lock::remove_unused;
use super::partial_file::{Part, PartialFile};
use super::way::{Changed, Way};
use crate::escape::escaped_path;
use crate::library::saved::Saved;
use crate::limits;
use crate::system::{self, Directory};

impl PartialFile {
    /// Gives the file its name. Without `overwrite` an existing file is left alone.
    ///
    /// # Errors
    /// When the bytes cannot be brought to disk, or the name is taken.
    pub fn commit(self, overwrite: bool) -> io::Result<Saved> {
        finish(self, overwrite)
    }

    /// Gives many files their names, with one wait for the disk.
    ///
    /// # Errors
    /// When the bytes cannot be brought to disk; then none of them has its name.
    pub fn commit_all(all: Vec<(Self, bool)>) -> io::Result<CommitResults> {
        finish_all(all)
    }
}

/// What became of many files.
#[derive(Debug)]
pub struct CommitResults {
    /// What was saved, in the order of the files.
    pub outcomes: Vec<io::Result<Saved>>,
    /// Whether the new names have been brought to disk. The files have them in any case.
    pub synced: io::Result<()>,
}

fn finish(incoming: PartialFile, overwrite: bool) -> io::Result<Saved> {
    incoming.complete()?;
    incoming.file().sync_all()?;
    let mut batch = Batch::default();
    let saved = batch.rename(incoming, overwrite)?;
    batch.changed.sync()?;
    Ok(saved)
}

fn finish_all(all: Vec<(PartialFile, bool)>) -> io::Result<CommitResults> {
    let mut batch = Batch::default();
    let is_synced = match &*all {
        // Syncing the whole file system waits for what all other programs have written, too.
        [(first, _), ..] if all.len() >= limits::SYNC_TOGETHER => {
            // A file that cannot be completed fails alone, below.
            let directory = first.target.root().to_path_buf();
            let is_one = all.iter().all(|(one, _)| one.target.root() == directory);
            let completed: Vec<io::Result<()>> =
                all.iter().map(|(one, _)| one.complete()).collect();
            is_one && completed.iter().all(Result::is_ok) && system::sync_file_system(&directory)?
        }
        _ => false,
    };
    let commit = |(incoming, overwrite): (PartialFile, bool)| {
        if !is_synced {
            incoming.complete()?;
            incoming.file().sync_all()?;
        }
        batch.rename(incoming, overwrite)
    };
    let outcomes = all.into_iter().map(commit).collect();
    Ok(CommitResults { outcomes, synced: batch.changed.sync() })
}

/// Files that get their names together.
#[derive(Debug, Default)]
struct Batch {
    /// The directory of the last one, which is that of the next one in most cases.
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

    fn rename(&mut self, incoming: PartialFile, overwrite: bool) -> io::Result<Saved> {
        let root = self.root(incoming.target.root())?;
        rename(incoming, &root, overwrite, &mut self.changed)
    }
}

/// Creates the directories of a file's path below `root`, and gives it its name there.
fn rename(
    mut incoming: PartialFile,
    root: &Directory,
    overwrite: bool,
    changed: &mut Changed,
) -> io::Result<Saved> {
    let target = incoming.target.clone();
    let part = incoming.part_path().to_path_buf();
    let (Some(part_name), Some(name)) = (part.file_name(), target.below().file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let (part_name, name) = (Path::new(part_name), Path::new(name));
    if !root.is_file_at(part_name, incoming.file())? {
        let text = format!("the part file `{}` was removed or replaced", escaped_path(&part));
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    let before = incoming.file().metadata()?;
    let below = target.below().parent().unwrap_or(Path::new(""));
    let way = Way::create(root, below)?;
    let file = match move_file(root, part_name, &incoming, way.last(), name, overwrite) {
        Ok(moved) => moved,
        Err(error) => {
            way.undo(below);
            if error.kind() == io::ErrorKind::AlreadyExists
                && target.path().symlink_metadata().is_ok_and(|metadata| metadata.is_file())
            {
                // Another process has completed this document: what is here of it is of no use.
                let _ = incoming.remove_part();
                incoming.left.iter().for_each(|left| remove_unused(left));
            }
            return Err(error);
        }
    };
    way.note_changes(target.root(), below, changed);
    if let Part::Temporary(temporary) = &mut incoming.part {
        temporary.disable_cleanup(true);
    }
    let after = match &file {
        Some(copy) => copy.metadata()?,
        None => incoming.file().metadata()?,
    };
    // Part files of other versions are of no use any more, unless another process has them.
    let left = std::mem::take(&mut incoming.left);
    left.iter().filter(|left| **left != part).for_each(|left| remove_unused(left));
    if !is_unchanged(&before, &after) {
        let text = format!("`{}` was changed by another program", escaped_path(&target.path()));
        return Err(io::Error::new(io::ErrorKind::InvalidData, text));
    }
    Ok(Saved::of(&after))
}

/// Whether the bytes are those of before. The name has changed, and with it the time of the inode.
fn is_unchanged(before: &Metadata, after: &Metadata) -> bool {
    before.len() == after.len() && before.modified().ok() == after.modified().ok()
}

/// Moves a file; returns its copy if the directory is on another file system.
fn move_file(
    root: &Directory,
    part: &Path,
    incoming: &PartialFile,
    directory: &Directory,
    name: &Path,
    overwrite: bool,
) -> io::Result<Option<File>> {
    match put(root, part, directory, name, overwrite) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        outcome => return outcome.map(|()| None),
    }
    static COPIES: AtomicU64 = AtomicU64::new(0);
    let number = COPIES.fetch_add(1, Ordering::Relaxed);
    let temporary = PathBuf::from(format!(".p2p-ci-{}-{number}.part", process::id()));
    let mut copy = directory.create_file(&temporary)?;
    let copied = copy_to(incoming.file(), &mut copy)
        .and_then(|()| put(directory, &temporary, directory, name, overwrite));
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

/// Renames a file. What has its name is replaced if that is wanted and possible.
fn put(
    from: &Directory,
    part: &Path,
    directory: &Directory,
    name: &Path,
    overwrite: bool,
) -> io::Result<()> {
    if !overwrite {
        return from.rename_new(part, directory, name);
    }
    match from.rename(part, directory, name) {
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {}
        outcome => return outcome,
    }
    // An empty directory is in the way. One that is not empty holds what may be wanted.
    directory.remove_directory(name).map_err(|error| {
        let text = format!(
            "a directory `{}` that is not empty is in the way: move or remove it ({error})",
            escaped_path(&name)
        );
        io::Error::new(io::ErrorKind::IsADirectory, text)
    })?;
    from.rename(part, directory, name)
}

#[cfg(test)]
mod tests;
