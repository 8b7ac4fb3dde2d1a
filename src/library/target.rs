//! Where a downloaded document is saved, and what may be in the way (protocol.md section 9).

use std::collections::BTreeMap;
use std::fs::{self, FileType};
use std::io;
use std::path::{Path, PathBuf};

use super::downloaded_files::DownloadedFiles;
use super::folded_name::other_forms;
use super::name::file_name_of;
use crate::escape::escaped_path;
use crate::protocol::{Digest, Document};
use crate::system;

/// The remedy for an obstacle that can be replaced.
const REPLACE: &str = "`get --force` replaces it";
/// The remedy for a directory with files.
const REPLACE_DIRECTORY: &str = "`get --force` replaces it if all of them were downloaded";

/// The place of a file below an existing directory, the root.
///
/// Part files are kept in the root. The subdirectories between the root and the file are created when
/// the file is complete.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SaveTarget {
    root: PathBuf,
    below: PathBuf,
    /// The files that were downloaded into a directory of the target's name.
    downloaded: DownloadedFiles,
}

impl SaveTarget {
    /// A file directly in its directory.
    pub fn file(path: &Path) -> Self {
        let below = path.file_name().map(PathBuf::from).unwrap_or_default();
        Self { root: directory_of(path).into(), below, downloaded: DownloadedFiles::default() }
    }

    /// A file below a shared directory, by its path there with `/` between segments.
    pub(super) fn in_library(root: &Path, name: &str) -> Self {
        let below = name.split('/').collect();
        Self { root: root.into(), below, downloaded: DownloadedFiles::default() }
    }

    /// Adds the files that were downloaded into a directory of the target's name, from the digests with
    /// which documents were downloaded. A forced download replaces a directory that has no other files.
    #[must_use]
    pub fn with_downloaded(self, digests: &BTreeMap<Document, Digest>) -> Self {
        let downloaded = DownloadedFiles::below(&self.below, digests);
        Self { downloaded, ..self }
    }

    /// Whether a document cannot be saved together with this one: one is a file in place of a directory
    /// of the other.
    pub fn excludes(&self, document: &Document) -> bool {
        let Ok(name) = file_name_of(document) else { return false };
        let other: PathBuf = name.split('/').collect();
        other != self.below && (other.starts_with(&self.below) || self.below.starts_with(&other))
    }

    /// Whether the path is a directory.
    pub fn is_directory(&self) -> bool {
        self.path().symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
    }

    /// Deletes the directory at the path, if all files in it were downloaded and are unchanged.
    ///
    /// # Errors
    /// When there is another file or a directory without files, which is named, or one cannot be removed.
    pub(super) fn remove_downloaded(&self) -> io::Result<()> {
        self.downloaded.remove(&self.root, &self.below)
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.root.join(&self.below)
    }

    /// The directory for part files.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The path below the root with `/` between its segments; `None` if it is not UTF-8.
    pub(super) fn name(&self) -> Option<String> {
        let segments: Option<Vec<&str>> =
            self.below.iter().map(|segment| segment.to_str()).collect();
        segments.map(|segments| segments.join("/"))
    }

    /// The path below the root.
    pub(super) fn below(&self) -> &Path {
        &self.below
    }

    /// Identifies this target among all targets of its root.
    pub(super) fn key(&self) -> &[u8] {
        self.below.as_os_str().as_encoded_bytes()
    }

    /// Checks before a download whether something would keep the file from being saved. Something of
    /// its name that is no regular file is an obstacle, and so is a file in place of a directory of its
    /// path. With `overwrite`, only a directory with files that were not downloaded is one. Returns
    /// whether a regular file was found at the path.
    ///
    /// # Errors
    /// When there is an obstacle.
    pub fn check(&self, overwrite: bool) -> io::Result<bool> {
        for directory in self.directories() {
            match directory.symlink_metadata() {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) if overwrite => return Ok(false),
                Ok(metadata) => return Err(not_a_directory(&directory, metadata.file_type())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        let path = self.path();
        let kind = match path.symlink_metadata() {
            Ok(metadata) => metadata.file_type(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_full = || fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
        let (what, remedy) = match kind {
            _ if kind.is_file() => return Ok(true),
            _ if kind.is_dir() && is_full() && overwrite => {
                return self.downloaded.check(&self.root, &self.below).map(|()| false);
            }
            _ if kind.is_dir() && is_full() => ("a directory with files", REPLACE_DIRECTORY),
            _ if overwrite => return Ok(false),
            _ if kind.is_dir() => ("an empty directory", REPLACE),
            _ => (name_of(kind), REPLACE),
        };
        let text = format!(
            "expected a regular file or nothing at `{}`, found {what}: {remedy}",
            escaped_path(&path)
        );
        Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
    }

    /// Whether a regular file of exactly this name exists. If the file system ignores case, a file whose
    /// name differs by case is another document.
    ///
    /// # Errors
    /// When the directory cannot be read, or a file exists whose name differs only by case or
    /// normalization.
    pub fn is_here(&self) -> io::Result<bool> {
        let path = self.path();
        if !path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok(false);
        }
        if !self.ignores_case() {
            return Ok(true);
        }
        let name = path.file_name();
        let mut entries = fs::read_dir(directory_of(&path))?.filter_map(Result::ok);
        if entries.any(|entry| Some(entry.file_name().as_os_str()) == name) {
            return Ok(true);
        }
        let text = format!(
            "`{}` differs only by case or normalization from an existing file",
            escaped_path(&path)
        );
        Err(io::Error::new(io::ErrorKind::AlreadyExists, text))
    }

    /// Whether the file system also finds the file by a name that differs by case or normalization.
    fn ignores_case(&self) -> bool {
        let Some(name) = self.below.file_name().and_then(|name| name.to_str()) else {
            return false;
        };
        let mut others = other_forms(name);
        others.extend([name.to_lowercase(), name.to_uppercase()]);
        let path = self.path();
        let is_same = |other: &String| system::is_same_file(&path, &path.with_file_name(other));
        others.iter().filter(|other| *other != name).any(is_same)
    }

    /// The directories between the root and the file, the outermost first.
    fn directories(&self) -> impl Iterator<Item = PathBuf> {
        let segments = self.below.parent().into_iter().flat_map(Path::components);
        segments.scan(self.root.clone(), |directory, segment| {
            directory.push(segment);
            Some(directory.clone())
        })
    }
}

/// The directory that a path is in.
pub(super) fn directory_of(target: &Path) -> &Path {
    target.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn not_a_directory(path: &Path, found: FileType) -> io::Error {
    let (path, found) = (escaped_path(&path), name_of(found));
    let text = format!("expected a directory `{path}`, found {found}: {REPLACE}");
    io::Error::new(io::ErrorKind::NotADirectory, text)
}

/// What something that is no directory is called in a message.
fn name_of(kind: FileType) -> &'static str {
    match kind {
        _ if kind.is_file() => "a file",
        _ if kind.is_symlink() => "a symbolic link",
        _ => "a special file",
    }
}
