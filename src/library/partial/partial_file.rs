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
use super::lock::{PartsInUse, remove_unused};
use super::part_files::PartFiles;
use super::part_names::{is_chunked, resumable_path};
use super::resumable::ResumablePart;
use super::temporary::temporary;
use crate::library::digest::Hasher;
use crate::library::target::SaveTarget;
use crate::protocol::Digest;

/// A file that does not have its final name yet.
#[derive(Debug)]
pub struct PartialFile {
    pub(super) target: SaveTarget,
    pub(super) part: Part,
    /// The part files of this target that can be resumed, including the present one.
    pub(super) left: Vec<PathBuf>,
    /// Those of them that this process has written.
    pub(super) own: Vec<PathBuf>,
    /// Part files of the document that another process was writing.
    pub(super) in_use: Option<PartsInUse>,
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
        Ok(Self { target, part, left, own: Vec::new(), in_use: None, modified: None })
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
}

fn set_modified(file: &File, time: SystemTime) {
    let _ = file.set_modified(time);
}

/// Discards a file's bytes.
pub(super) fn empty(mut file: &File) -> io::Result<()> {
    // Some file systems write to the disk even if nothing is cut off.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    file.rewind()
}

#[cfg(test)]
mod tests;
