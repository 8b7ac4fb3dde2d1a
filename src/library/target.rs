//! Where a downloaded document is saved, and how its complete file gets there.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::system;

/// The place of a file below a directory that exists.
///
/// Partial files are kept in that directory. The sub-directories between it and the file are created
/// when the file is complete.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SaveTarget {
    root: PathBuf,
    below: PathBuf,
}

impl SaveTarget {
    /// A file directly in its directory.
    pub fn file(path: &Path) -> Self {
        let below = path.file_name().map(PathBuf::from).unwrap_or_default();
        Self { root: folder_of(path).into(), below }
    }

    /// A file below a shared directory, by its path there with `/` between segments.
    pub(super) fn below(root: &Path, name: &str) -> Self {
        Self { root: root.into(), below: name.split('/').collect() }
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.below)
    }

    /// The directory in which partial files are kept.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path below the root with `/` between its segments; `None` if it is not UTF-8.
    pub(super) fn name(&self) -> Option<String> {
        let segments: Option<Vec<&str>> =
            self.below.iter().map(|segment| segment.to_str()).collect();
        segments.map(|segments| segments.join("/"))
    }

    /// What tells this target from all others of its directory.
    pub(super) fn key(&self) -> &[u8] {
        self.below.as_os_str().as_encoded_bytes()
    }

    /// Fails if something in the way would keep the file from being saved, so that nobody downloads
    /// it in vain. A file that may be overwritten is no obstacle.
    ///
    /// # Errors
    /// When the target is not a regular file, or a directory on its path is none.
    pub fn check(&self) -> io::Result<()> {
        for folder in self.folders() {
            match folder.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => return Err(not_a_directory(&folder)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        let path = self.path();
        match path.symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => {
                let text = format!("expected a regular file or nothing at `{}`", path.display());
                Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether a regular file of exactly this name is here already. Where the file system ignores
    /// case, a file whose name differs by case is another document.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn is_here(&self) -> io::Result<bool> {
        let path = self.path();
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok(false);
        }
        if !self.ignores_case() {
            return Ok(true);
        }
        let name = path.file_name();
        let mut entries = fs::read_dir(folder_of(&path))?.filter_map(Result::ok);
        if entries.any(|entry| Some(entry.file_name().as_os_str()) == name) {
            return Ok(true);
        }
        let text = format!("`{}` differs by case from a file that is here", path.display());
        Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
    }

    /// Whether the file system finds the file by a name in other case, too.
    fn ignores_case(&self) -> bool {
        let Some(name) = self.below.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let other =
            [name.to_lowercase(), name.to_uppercase()].into_iter().find(|other| other != name);
        let path = self.path();
        other.is_some_and(|other| system::is_same_file(&path, &path.with_file_name(other)))
    }

    /// Creates the directories on the path of the file. None of them may be a symbolic link, which
    /// could lead anywhere. Returns all directories that have to be synced for the file to last.
    pub(super) fn create_folders(&self) -> io::Result<Vec<PathBuf>> {
        let mut changed = Vec::new();
        let mut parent = self.root.clone();
        for folder in self.folders() {
            match fs::create_dir(&folder) {
                Ok(()) => changed.push(parent),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
            if !folder.symlink_metadata()?.is_dir() {
                return Err(not_a_directory(&folder));
            }
            parent = folder;
        }
        changed.push(parent);
        Ok(changed)
    }

    /// The directories between the root and the file, from the outside in.
    fn folders(&self) -> impl Iterator<Item = PathBuf> {
        let segments = self.below.parent().into_iter().flat_map(Path::components);
        segments.scan(self.root.clone(), |folder, segment| {
            folder.push(segment);
            Some(folder.clone())
        })
    }
}

/// The directory that a path is in.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn not_a_directory(path: &Path) -> io::Error {
    let text = format!("expected a directory `{}`, found something else", path.display());
    io::Error::new(io::ErrorKind::NotADirectory, text)
}

/// Renames a complete file. Without `overwrite` nothing that has the name is replaced.
pub(super) fn rename(path: &Path, target: &Path, overwrite: bool) -> io::Result<()> {
    if overwrite {
        return fs::rename(path, target);
    }
    match system::rename_new(path, target) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {}
        outcome => return outcome,
    }
    // A link fails where a rename would overwrite. Some file systems have no links.
    match fs::hard_link(path, target) {
        Ok(()) => fs::remove_file(path),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        Err(error) if target.symlink_metadata().is_ok() => Err(error),
        Err(_) => fs::rename(path, target),
    }
}
