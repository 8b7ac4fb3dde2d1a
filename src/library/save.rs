//! A document that is being downloaded: its file appears complete or not at all, and interrupted
//! downloads can be resumed (protocol.md section 5.6).
//!
//! Bytes go to a hidden file in the target's directory. A complete file is synced and renamed, and
//! the directories that changed are synced. Where no digest says which document it is to become, the
//! hidden file is temporary. With a digest it is **kept** if the download breaks off: its name has
//! the beginning of the digest, so that a later download of the same document resumes it. It is
//! locked meanwhile, so that no other process writes to it.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use tempfile::NamedTempFile;

use super::kept::part_bytes;
use super::part_files::{Opened, PartFiles, open_locked, remove_unused, temporary};
use super::part_limits::{PartFile, excess};
use super::part_names::{kept_path, pieces_path};
use super::target::SaveTarget;
use super::{Hasher, Pieces};
use crate::limits;
use crate::protocol::Digest;
use crate::system::{self, PageAligned};

/// A file that does not have its name yet.
#[derive(Debug)]
pub struct Incoming {
    pub(super) target: SaveTarget,
    pub(super) part: Part,
    /// What earlier downloads have left for this target.
    pub(super) left: Vec<PathBuf>,
    /// When the document changed last, if the file cannot say so before it is the document.
    modified: Option<SystemTime>,
}

#[derive(Debug)]
pub(super) enum Part {
    Temporary(NamedTempFile),
    Kept(Kept),
    Pieces(Arc<Pieces>),
}

#[derive(Debug)]
pub(super) struct Kept {
    file: File,
    path: PathBuf,
}

impl Incoming {
    /// Begins a file that is to become `target`. Temporary files that killed programs have left in
    /// its directory are removed.
    ///
    /// # Errors
    /// When the directory does not exist, or cannot be written.
    pub fn begin(target: &Path) -> io::Result<Self> {
        let target = SaveTarget::file(target);
        Self::begin_among(&target, &PartFiles::in_folder(target.root()))
    }

    /// The same with the partial files of the target's directory.
    ///
    /// # Errors
    /// As [`Incoming::begin`].
    pub fn begin_among(target: &SaveTarget, parts: &PartFiles) -> io::Result<Self> {
        let part = Part::Temporary(temporary(target)?);
        Ok(Self { target: target.clone(), part, left: parts.of(target), modified: None })
    }

    /// Whether files can be created in a directory at all.
    pub fn is_possible_in(folder: &Path) -> bool {
        temporary(&SaveTarget::file(&folder.join("probe"))).is_ok()
    }

    /// Whether another process has saved the document.
    pub fn is_saved_by_another(&self) -> bool {
        self.target.is_here().is_ok_and(|is_here| is_here)
    }

    /// Where the bytes go.
    pub fn file(&self) -> &File {
        match &self.part {
            Part::Temporary(file) => file.as_file(),
            Part::Kept(kept) => &kept.file,
            Part::Pieces(pieces) => pieces.file(),
        }
    }

    /// Says when the document changed last, when all of it is there. A time that the file system
    /// cannot keep is no reason to lose the document.
    pub fn set_modified(&mut self, time: SystemTime) {
        match &self.part {
            Part::Pieces(_) => self.modified = Some(time),
            Part::Temporary(_) | Part::Kept(_) => set_modified(self.file(), time),
        }
    }

    /// Looks whether the file is still where it is to become the document: if its folder was moved
    /// or removed meanwhile, writing to it does not tell.
    ///
    /// # Errors
    /// When it is not, as whatever asks for its place finds it.
    pub fn check_place(&self) -> io::Result<()> {
        fs::symlink_metadata(self.part_path()).map(drop)
    }

    /// The path of the file until it gets its own.
    pub(super) fn part_path(&self) -> &Path {
        match &self.part {
            Part::Temporary(file) => file.path(),
            Part::Kept(kept) => &kept.path,
            Part::Pieces(pieces) => pieces.path(),
        }
    }

    /// Removes the hidden file.
    pub(super) fn remove_part(&self) -> io::Result<()> {
        match &self.part {
            Part::Temporary(file) => fs::remove_file(file.path()),
            Part::Kept(kept) => kept.remove(),
            Part::Pieces(pieces) => pieces.remove(),
        }
    }

    /// The temporary file, which is gone when it is no longer needed; nothing if the file is kept.
    pub fn temporary_path(&self) -> Option<&Path> {
        match &self.part {
            Part::Temporary(file) => Some(file.path()),
            Part::Kept(_) | Part::Pieces(_) => None,
        }
    }

    /// How many bytes there are of this target that a download could go on with, if any.
    pub fn kept_length(&self) -> Option<u64> {
        let kept = match &self.part {
            Part::Pieces(pieces) => {
                let missing: u64 = pieces.missing().iter().map(|part| part.end - part.start).sum();
                pieces.length() - missing
            }
            Part::Temporary(_) | Part::Kept(_) => {
                let names = self.left.iter().filter_map(|path| path.file_name()?.to_str());
                names.filter_map(|name| part_bytes(self.target.root(), name)).max().unwrap_or(0)
            }
        };
        (kept > 0).then_some(kept)
    }

    /// How many bytes an earlier download has left of the document's beginning, if it has.
    pub fn beginning_length(&self) -> Option<u64> {
        let is_beginning = |path: &&PathBuf| {
            !path.to_string_lossy().rsplit('.').nth(1).is_some_and(|m| m.contains('-'))
        };
        let left = self.left.iter().filter(is_beginning);
        let lengths = left.filter_map(|path| Some(path.metadata().ok()?.len()));
        lengths.max().filter(|length| *length > 0)
    }

    /// Goes on with the file that an earlier download of the document with this digest has left,
    /// or begins one that later downloads can go on with. Returns how many bytes are there, at
    /// most `most`, and cuts off others; the file stands behind them, and `hasher` has seen them.
    ///
    /// # Errors
    /// When the file cannot be read or written. Without an error, but with 0 bytes and a temporary
    /// file, when another process is writing it.
    pub fn keep(&mut self, digest: &Digest, most: u64, hasher: &mut Hasher) -> io::Result<u64> {
        self.set_aside()?;
        *hasher = Hasher::default();
        let path = kept_path(&self.target, digest);
        if self.keep_temporary(&path)? {
            return Ok(0);
        }
        let Opened::Locked(file) = open_locked(&path, true)? else { return Ok(0) };
        let mut beginning = (&file).take(most);
        let mut chunk = PageAligned::new(256 * 1024);
        let mut length = 0;
        loop {
            match beginning.read(&mut chunk)? {
                0 => break,
                count => {
                    hasher.update(chunk.get(..count).unwrap_or_default());
                    length += count as u64;
                }
            }
        }
        file.set_len(length)?;
        self.remember(&path);
        self.part = Part::Kept(Kept { file, path });
        Ok(length)
    }

    /// Gives the temporary file a name under which it is kept, if nothing else has that; returns
    /// whether it is kept now. So a document is one file from its first byte to its last: making
    /// files is what takes longest about small ones.
    fn keep_temporary(&mut self, path: &Path) -> io::Result<bool> {
        let Part::Temporary(temporary) = &mut self.part else { return Ok(false) };
        let file = temporary.as_file().try_clone()?;
        empty(&file)?;
        if system::rename_new(temporary.path(), path).is_err() {
            return Ok(false);
        }
        temporary.disable_cleanup(true);
        self.remember(path);
        self.part = Part::Kept(Kept { file, path: path.into() });
        Ok(true)
    }

    /// The same for a document of this length that comes in pieces; `None` when another process is
    /// writing it.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn pieces(&mut self, digest: &Digest, length: u64) -> io::Result<Option<Arc<Pieces>>> {
        self.set_aside()?;
        let path = pieces_path(&self.target, digest, length);
        let beginning = kept_path(&self.target, digest);
        let Some(pieces) = Pieces::open(&path, &beginning, length)? else { return Ok(None) };
        self.remember(&path);
        let pieces = Arc::new(pieces);
        self.part = Part::Pieces(Arc::clone(&pieces));
        Ok(Some(pieces))
    }

    /// Throws away what has come, and begins anew.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn start_over(&mut self, hasher: &mut Hasher) -> io::Result<()> {
        *hasher = Hasher::default();
        empty(self.file())
    }

    /// Goes back to a temporary file, if this is none. What is kept stays.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn set_aside(&mut self) -> io::Result<()> {
        if !matches!(self.part, Part::Temporary(_)) {
            self.part = Part::Temporary(temporary(&self.target)?);
        }
        Ok(())
    }

    /// Throws away what has come of a document that turned out to be another, so that nobody goes
    /// on with it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn discard(&mut self) -> io::Result<()> {
        let next = Part::Temporary(temporary(&self.target)?);
        match std::mem::replace(&mut self.part, next) {
            Part::Temporary(_) => Ok(()),
            Part::Kept(kept) => kept.remove(),
            Part::Pieces(pieces) => pieces.remove(),
        }
    }

    /// Removes everything that was kept of a document that is given up, but for what another
    /// process is writing.
    pub fn abandon(self) {
        // A file that cannot be removed only takes space. A full disk may have no room for a temporary file.
        let _ = self.remove_part();
        self.left.iter().for_each(|path| remove_unused(path));
    }

    /// Closes a file that is not complete, and has `parts` remember what can be resumed. `is_trusted`
    /// says whether the user trusts its digest.
    pub fn set_down(self, parts: &PartFiles, is_trusted: bool) {
        let Self { target, part, left, .. } = self;
        drop(part);
        parts.remember(&target, left, is_trusted);
    }

    /// Makes the file's bytes and time those of the document.
    pub(super) fn complete(&self) -> io::Result<()> {
        if let Part::Pieces(pieces) = &self.part {
            pieces.become_document()?;
        }
        if let Some(time) = self.modified {
            set_modified(self.file(), time);
        }
        Ok(())
    }

    /// Notes the part file that is written now. Each version of a document has one of its own, and
    /// holders can announce any number of versions: the smallest others are deleted.
    fn remember(&mut self, path: &Path) {
        if !self.left.iter().any(|left| left == path) {
            self.left.push(path.into());
        }
        let others = self.left.iter().filter(|left| *left != path);
        let others: Vec<PartFile> = others.cloned().filter_map(PartFile::at).collect();
        for part in excess(self.target.root(), others, limits::PART_FILES_OF_DOCUMENT - 1) {
            remove_unused(&part.path);
            self.left.retain(|left| *left != part.path);
        }
    }
}

fn set_modified(file: &File, time: SystemTime) {
    let _ = file.set_modified(time);
}

/// Throws away a file's bytes.
fn empty(mut file: &File) -> io::Result<()> {
    // Even cutting nothing off is written down by some file systems.
    if file.metadata()?.len() > 0 {
        file.set_len(0)?;
    }
    file.rewind()
}

impl Kept {
    /// Removes the file, unless it has its final name by now and the path is another's.
    fn remove(&self) -> io::Result<()> {
        if system::is_at(&self.file, &self.path)? { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            // An empty file is nothing to resume. If it stays, it only takes room.
            let _ = self.remove();
        }
    }
}

#[cfg(test)]
mod tests;
