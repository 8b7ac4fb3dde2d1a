//! A document that is being downloaded: its file appears complete or not at all, and interrupted
//! downloads can be resumed (protocol.md section 5.6).
//!
//! The bytes are written to a hidden part file in the target's directory. While the digest of the
//! document is not known, that is a temporary file. With a known digest, it is a resumable part, or
//! a chunked part if the document is large: these stay when the download is interrupted, and their
//! names contain the beginning of the digest. A part file is locked while it is open, so that no other
//! process writes to it. [`super::commit`] renames a complete file into place.

use std::fs::{self, File};
use std::io::{self, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::chunked::ChunkedPart;
use super::kept_bytes::part_bytes;
use super::lock::remove_unused;
use super::part_files::PartFiles;
use super::part_limits::{ListedPart, excess};
use super::part_names::{chunked_path, is_chunked, resumable_path};
use super::resumable::ResumablePart;
use super::temporary::temporary;
use crate::library::digest::Hasher;
use crate::library::target::SaveTarget;
use crate::limits;
use crate::protocol::Digest;
use crate::system;

/// A file that does not have its final name yet.
#[derive(Debug)]
pub struct PartialFile {
    pub(super) target: SaveTarget,
    pub(super) part: Part,
    /// The part files of this target that can be resumed, including the present one.
    pub(super) left: Vec<PathBuf>,
    /// Those of them that this process has written.
    own: Vec<PathBuf>,
    /// When the document was last modified, if the file gets this time only when it is committed.
    modified: Option<SystemTime>,
}

/// The part file that is being written.
#[derive(Debug)]
pub(super) enum Part {
    Temporary(NamedTempFile),
    Resumable(ResumablePart),
    Chunked(Arc<ChunkedPart>),
}

impl PartialFile {
    /// Begins a file that is to become `target`. Temporary files of killed processes in its directory
    /// are deleted.
    ///
    /// # Errors
    /// When the directory does not exist, or no file can be created in it.
    pub fn begin(target: &Path) -> io::Result<Self> {
        let target = SaveTarget::file(target);
        Self::begin_with(&target, &PartFiles::in_directory(target.root()))
    }

    /// Begins a file, given the part files of the target's directory.
    ///
    /// # Errors
    /// As [`PartialFile::begin`].
    pub fn begin_with(target: &SaveTarget, parts: &PartFiles) -> io::Result<Self> {
        let part = Part::Temporary(temporary(target)?);
        let (target, left) = (target.clone(), parts.of(target));
        Ok(Self { target, part, left, own: Vec::new(), modified: None })
    }

    /// Whether files can be created in a directory.
    pub fn can_create_in(directory: &Path) -> bool {
        temporary(&SaveTarget::file(&directory.join("probe"))).is_ok()
    }

    /// Whether another process has saved the document.
    pub fn is_saved_by_another(&self) -> bool {
        self.target.is_here().is_ok_and(|is_here| is_here)
    }

    /// The part file. Bytes of a document that is not chunked are written here.
    pub fn file(&self) -> &File {
        match &self.part {
            Part::Temporary(file) => file.as_file(),
            Part::Resumable(part) => &part.file,
            Part::Chunked(part) => part.file(),
        }
    }

    /// Sets when the document was last modified, after its last byte was written. If the file system
    /// cannot store that time, it is ignored.
    pub fn set_modified(&mut self, time: SystemTime) {
        match &self.part {
            Part::Chunked(_) => self.modified = Some(time),
            Part::Temporary(_) | Part::Resumable(_) => set_modified(self.file(), time),
        }
    }

    /// Checks that the part file is still at its path. Writing does not fail when its directory was
    /// moved or removed.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_place(&self) -> io::Result<()> {
        fs::symlink_metadata(self.part_path()).map(drop)
    }

    /// The path of the part file.
    pub(super) fn part_path(&self) -> &Path {
        match &self.part {
            Part::Temporary(file) => file.path(),
            Part::Resumable(part) => part.path(),
            Part::Chunked(part) => part.path(),
        }
    }

    /// Deletes the part file.
    pub(super) fn remove_part(&self) -> io::Result<()> {
        match &self.part {
            Part::Temporary(file) => fs::remove_file(file.path()),
            Part::Resumable(part) => part.remove(),
            Part::Chunked(part) => part.remove(),
        }
    }

    /// The path of a temporary part file, which has to be deleted when the program ends. `None` if the
    /// part file can be resumed.
    pub fn temporary_path(&self) -> Option<&Path> {
        match &self.part {
            Part::Temporary(file) => Some(file.path()),
            Part::Resumable(_) | Part::Chunked(_) => None,
        }
    }

    /// The number of bytes of this target from which a download could resume, if any.
    pub fn resumable_bytes(&self) -> Option<u64> {
        let bytes = match &self.part {
            Part::Chunked(part) => {
                let missing: u64 = part.missing().iter().map(|range| range.end - range.start).sum();
                part.length() - missing
            }
            Part::Temporary(_) | Part::Resumable(_) => {
                let names = self.left.iter().filter_map(|path| path.file_name()?.to_str());
                names.filter_map(|name| part_bytes(self.target.root(), name)).max().unwrap_or(0)
            }
        };
        (bytes > 0).then_some(bytes)
    }

    /// The number of bytes of the document's beginning that an earlier download has left, if any.
    pub fn beginning_length(&self) -> Option<u64> {
        let beginnings = self.left.iter().filter(|path| !is_chunked(path));
        let lengths = beginnings.filter_map(|path| Some(path.metadata().ok()?.len()));
        lengths.max().filter(|length| *length > 0)
    }

    /// Whether an earlier download of the document with this digest has left this many bytes.
    pub fn has_beginning(&self, digest: &Digest, length: u64) -> bool {
        let left = resumable_path(&self.target, digest).metadata();
        left.is_ok_and(|left| left.len() >= length)
    }

    /// Resumes the part file that an earlier download of the document with this digest has left, or
    /// begins one that later downloads can resume. Returns its length, which is at most `most`: the
    /// rest is cut off. The position of the file is at its end, and `hasher` has hashed its bytes.
    ///
    /// # Errors
    /// When the file cannot be read or written. When another process is writing it, this is no error:
    /// then it returns 0, and the part file is a temporary one.
    pub fn resume(&mut self, digest: &Digest, most: u64, hasher: &mut Hasher) -> io::Result<u64> {
        self.use_temporary()?;
        *hasher = Hasher::default();
        let path = resumable_path(&self.target, digest);
        self.limit_others(&path);
        if self.keep_temporary(&path)? {
            return Ok(0);
        }
        let Some((part, length)) = ResumablePart::open(path, most, hasher)? else { return Ok(0) };
        self.note(&part.path);
        self.part = Part::Resumable(part);
        Ok(length)
    }

    /// Renames the temporary file to the path of a resumable part, unless that exists; returns whether
    /// it did. So a document is one file from its first byte to its last, because creating files is
    /// most of the cost of small documents.
    fn keep_temporary(&mut self, path: &Path) -> io::Result<bool> {
        let Part::Temporary(temporary) = &mut self.part else { return Ok(false) };
        let file = temporary.as_file().try_clone()?;
        empty(&file)?;
        if system::rename_new(temporary.path(), path).is_err() {
            return Ok(false);
        }
        temporary.disable_cleanup(true);
        self.note(path);
        self.part = Part::Resumable(ResumablePart { file, path: path.into() });
        Ok(true)
    }

    /// Resumes or begins the chunked part of a document with this digest and length; `None` when
    /// another process is writing it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn chunked(
        &mut self,
        digest: &Digest,
        length: u64,
    ) -> io::Result<Option<Arc<ChunkedPart>>> {
        self.use_temporary()?;
        let path = chunked_path(&self.target, digest, length);
        let beginning = resumable_path(&self.target, digest);
        self.limit_others(&path);
        let Some(part) = ChunkedPart::open(&path, &beginning, length)? else { return Ok(None) };
        self.note(&path);
        let part = Arc::new(part);
        self.part = Part::Chunked(Arc::clone(&part));
        Ok(Some(part))
    }

    /// Discards the bytes of the part file, and begins it again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn restart(&mut self, hasher: &mut Hasher) -> io::Result<()> {
        *hasher = Hasher::default();
        empty(self.file())
    }

    /// Closes a part file that can be resumed, and begins a temporary one. Does nothing if the part
    /// file is temporary.
    ///
    /// # Errors
    /// When no file can be created.
    pub fn use_temporary(&mut self) -> io::Result<()> {
        if !matches!(self.part, Part::Temporary(_)) {
            self.part = Part::Temporary(temporary(&self.target)?);
        }
        Ok(())
    }

    /// Deletes the part file, because its digest is wrong, and begins a temporary one.
    ///
    /// # Errors
    /// When no file can be created, or the part file cannot be deleted.
    pub fn discard(&mut self) -> io::Result<()> {
        let next = Part::Temporary(temporary(&self.target)?);
        match std::mem::replace(&mut self.part, next) {
            Part::Temporary(_) => Ok(()),
            Part::Resumable(part) => part.remove(),
            Part::Chunked(part) => part.remove(),
        }
    }

    /// Deletes all part files of a document that is given up, except those that another process uses.
    pub fn delete(self) {
        // A file that cannot be deleted only takes space. This needs no temporary file, for which a
        // full disk may have no space.
        let _ = self.remove_part();
        self.left.iter().for_each(|path| remove_unused(path));
    }

    /// Deletes the part files that this process has written, because the disk is full. Another process may
    /// wait to resume the others.
    pub fn delete_own(self) {
        let _ = self.remove_part();
        self.own.iter().for_each(|path| remove_unused(path));
    }

    /// Closes a file that is not complete, and records in `parts` what can be resumed. `is_trusted`
    /// says whether the user trusts its digest.
    pub fn suspend(self, parts: &PartFiles, is_trusted: bool) {
        let Self { target, part, left, own, .. } = self;
        drop(part);
        parts.remember(&target, left, own, is_trusted);
    }

    /// Gives the file exactly the bytes and the time of the document.
    pub(super) fn complete(&self) -> io::Result<()> {
        if let Part::Chunked(part) = &self.part {
            part.cut_map_off()?;
        }
        if let Some(time) = self.modified {
            set_modified(self.file(), time);
        }
        Ok(())
    }

    /// Deletes the smallest part files of this target, so that with a part file at `path` there are
    /// no more than [`limits::PART_FILES_OF_DOCUMENT`]. Each version of a document has a part file of
    /// its own, and holders can announce any number of versions.
    fn limit_others(&mut self, path: &Path) {
        let others = self.left.iter().filter(|left| *left != path);
        let others: Vec<ListedPart> = others.cloned().filter_map(ListedPart::at).collect();
        for part in excess(self.target.root(), others, limits::PART_FILES_OF_DOCUMENT - 1) {
            remove_unused(&part.path);
            self.left.retain(|left| *left != part.path);
        }
    }

    /// Notes a part file that can be resumed, and that this process writes.
    fn note(&mut self, path: &Path) {
        for paths in [&mut self.left, &mut self.own] {
            if !paths.iter().any(|noted| noted == path) {
                paths.push(path.into());
            }
        }
    }
}

fn set_modified(file: &File, time: SystemTime) {
    let _ = file.set_modified(time);
}

/// Discards a file's bytes.
fn empty(mut file: &File) -> io::Result<()> {
    // Some file systems write to the disk even if nothing is cut off.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    file.rewind()
}

#[cfg(test)]
mod tests;
