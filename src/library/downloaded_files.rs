//! A directory that stands where a document is saved. It is replaced only if its files were downloaded, and
//! are unchanged (protocol.md section 9): otherwise any peer could take the name of a document for good, by
//! a record of a document below it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::digest::Hasher;
use super::name::file_name_of;
use crate::escape::escaped_path;
use crate::protocol::{Digest, Document};
use crate::system;

/// The files that were downloaded into a directory, by their paths below the shared directory, and their
/// digests.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct DownloadedFiles(Vec<(PathBuf, Digest)>);

/// What is in a directory, by paths below the shared directory.
struct Content {
    files: Vec<(PathBuf, Digest)>,
    /// The directory itself and those below it, each after its parent.
    directories: Vec<PathBuf>,
}

impl DownloadedFiles {
    /// The downloaded documents that are saved below a path.
    pub(super) fn below(path: &Path, digests: &BTreeMap<Document, Digest>) -> Self {
        let saved = digests.iter().filter_map(|(document, digest)| {
            let name: PathBuf = file_name_of(document).ok()?.split('/').collect();
            (name != path && name.starts_with(path)).then_some((name, *digest))
        });
        Self(saved.collect())
    }

    /// Checks by their names that all files in a directory were downloaded.
    pub(super) fn check(&self, root: &Path, directory: &Path) -> io::Result<()> {
        self.content(root, directory).map(drop)
    }

    /// Deletes the directory, if all files in it were downloaded and are unchanged.
    pub(super) fn remove(&self, root: &Path, directory: &Path) -> io::Result<()> {
        let content = self.content(root, directory)?;
        for (file, digest) in &content.files {
            if !has_digest(root, file, *digest)? {
                return Err(is_kept(root, directory, file));
            }
        }
        for (file, _) in &content.files {
            fs::remove_file(root.join(file))?;
        }
        content.directories.iter().rev().try_for_each(|one| fs::remove_dir(root.join(one)))
    }

    /// The content of a directory.
    ///
    /// # Errors
    /// When something in it is neither a downloaded file nor a directory of one.
    fn content(&self, root: &Path, directory: &Path) -> io::Result<Content> {
        let digests: HashMap<&Path, Digest> =
            self.0.iter().map(|(file, digest)| (file.as_path(), *digest)).collect();
        let parents: HashSet<&Path> =
            digests.keys().flat_map(|file| file.ancestors().skip(1)).collect();
        let mut content = Content { files: Vec::new(), directories: vec![directory.into()] };
        let mut read = 0;
        while let Some(parent) = content.directories.get(read).cloned() {
            read += 1;
            for entry in fs::read_dir(root.join(&parent))? {
                let entry = entry?;
                let (path, kind) = (parent.join(entry.file_name()), entry.file_type()?);
                match digests.get(path.as_path()) {
                    Some(digest) if kind.is_file() => content.files.push((path, *digest)),
                    _ if kind.is_dir() && parents.contains(path.as_path()) => {
                        content.directories.push(path);
                    }
                    _ => return Err(is_kept(root, directory, &path)),
                }
            }
        }
        Ok(content)
    }
}

/// Whether a file has the content with which it was downloaded.
fn has_digest(root: &Path, file: &Path, digest: Digest) -> io::Result<bool> {
    let segments: Option<Vec<&str>> = file.iter().map(|segment| segment.to_str()).collect();
    let Some(segments) = segments else { return Ok(false) };
    let (mut open, _) = system::open_regular(root, &segments.join("/"))?;
    let mut hasher = Hasher::default();
    io::copy(&mut open, &mut hasher)?;
    Ok(hasher.finish() == digest)
}

fn is_kept(root: &Path, directory: &Path, found: &Path) -> io::Error {
    let (directory, found) = (root.join(directory), root.join(found));
    let text = format!(
        "expected a file or nothing at `{}`, found a directory with `{}`, which is not as it was \
         downloaded and is never deleted: move or remove it",
        escaped_path(&directory),
        escaped_path(&found)
    );
    io::Error::new(io::ErrorKind::IsADirectory, text)
}
