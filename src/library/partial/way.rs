//! The directories of a target's path: created one segment at a time, never through a symbolic link,
//! and synced when names in them have changed (protocol.md section 9).

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::system::{Directory, Entered};

/// Directories in which names have changed, as a root and a path below it.
#[derive(Debug, Default)]
pub(super) struct Changed(BTreeSet<(PathBuf, PathBuf)>);

impl Changed {
    fn add(&mut self, root: &Path, below: &Path) {
        self.0.insert((root.into(), below.into()));
    }

    /// Syncs the directories. One that was removed meanwhile needs no sync.
    pub(super) fn sync(self) -> io::Result<()> {
        for (root, below) in self.0 {
            let entered = Directory::open(&root).and_then(|root| {
                below
                    .iter()
                    .try_fold(root, |directory, segment| directory.enter(Path::new(segment)))
            });
            match entered.and_then(|directory| directory.sync()) {
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }
}

/// The open directories from the root to the directory of a file.
pub(super) struct Way<'a> {
    root: &'a Directory,
    /// The directories below the root, and whether they were created.
    below: Vec<(Directory, Entered)>,
}

impl<'a> Way<'a> {
    /// Enters the directories of a path below the root, and creates those that are missing. With
    /// `overwrite`, a file or a link in place of a directory is removed first.
    pub(super) fn create(root: &'a Directory, below: &Path, overwrite: bool) -> io::Result<Self> {
        let mut way = Self { root, below: Vec::new() };
        for segment in below {
            let (last, segment) = (way.last(), Path::new(segment));
            let entered = match last.enter_or_create(segment) {
                Err(error) if overwrite && error.kind() == io::ErrorKind::NotADirectory => {
                    last.remove_file(segment).and_then(|()| last.enter_or_create(segment))
                }
                entered => entered,
            };
            match entered {
                Ok(entered) => way.below.push(entered),
                Err(error) => {
                    way.undo(below);
                    return Err(error);
                }
            }
        }
        Ok(way)
    }

    /// The directory of the file.
    pub(super) fn last(&self) -> &Directory {
        self.below.last().map_or(self.root, |(directory, _)| directory)
    }

    /// Removes the directories that were created and are empty.
    pub(super) fn undo(mut self, below: &Path) {
        let segments: Vec<_> = below.iter().collect();
        while let Some((_, entered)) = self.below.pop() {
            if let (Entered::Created, Some(segment)) = (entered, segments.get(self.below.len())) {
                // This fails if another process has created something there.
                let _ = self.last().remove_directory(Path::new(segment));
            }
        }
    }

    /// Notes the directories with new names: the last one, and the parent of each new one.
    pub(super) fn note_changes(&self, root: &Path, below: &Path, changed: &mut Changed) {
        changed.add(root, below);
        let mut parent = PathBuf::new();
        for ((_, entered), segment) in self.below.iter().zip(below) {
            if *entered == Entered::Created {
                changed.add(root, &parent);
            }
            parent.push(segment);
        }
    }
}
