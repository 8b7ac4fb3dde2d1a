//! One shared document: where it lies, and how it is opened (protocol.md section 2.4).

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::digest::Hasher;
use super::file_state::FileState;
use super::packed::{unpacked, unpacked_bytes, unpacked_name};
use super::unpacked::{CopyReader, UnpackedCopies};
use crate::protocol::{Digest, Title};
use crate::system;

/// One shared document.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) title: Title,
    pub(super) folder: Arc<Path>,
    /// The path below the folder, with `/` between its segments.
    pub(super) name: Arc<str>,
    pub(super) state: FileState,
    /// Whether somebody asked for exactly this file to be shared: then it is, wherever it lies, and
    /// under the title that was given.
    pub(super) is_asked_for: bool,
}

/// A document that is open for reading.
#[derive(Debug)]
pub struct OpenDocument {
    /// Its bytes.
    pub file: File,
    /// Their number.
    pub length: u64,
    /// When it changed last.
    pub modified: SystemTime,
    /// What its digest is kept by.
    pub(super) state: FileState,
    /// The copy that is read instead of a packed file.
    pub(super) _copy: Option<CopyReader>,
}

impl Entry {
    /// The title under which it is shared.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// Where the file lies.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.name)
    }

    /// The media type, by the file's name.
    pub fn media_type(&self) -> &'static str {
        let name = match self.state.packed {
            true => unpacked_name(&self.name).unwrap_or(&self.name),
            false => &self.name,
        };
        mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream")
    }

    /// Opens the document; links and everything that is no regular file are refused.
    ///
    /// # Errors
    /// When the file is gone, is not what it was, or cannot be unpacked.
    pub fn open(&self) -> io::Result<OpenDocument> {
        let (file, metadata) = system::open_regular(&self.folder, &self.name)?;
        let state = self.state_of(&metadata);
        let modified = metadata.modified()?;
        let (file, length) = if state.packed {
            let file = unpacked(file)?;
            let length = file.metadata()?.len();
            (file, length)
        } else {
            (file, metadata.len())
        };
        Ok(OpenDocument { file, length, modified, state, _copy: None })
    }

    /// Opens the document as [`Entry::open`] does. One that has to be unpacked is read from a copy
    /// that others read, too: where its file stands means nothing.
    ///
    /// # Errors
    /// As [`Entry::open`], and [`io::ErrorKind::ResourceBusy`] when there is no room for a copy.
    pub fn open_shared(&self, copies: &UnpackedCopies) -> io::Result<OpenDocument> {
        if !self.state.packed {
            return self.open();
        }
        let (file, metadata) = system::open_regular(&self.folder, &self.name)?;
        let state = self.state_of(&metadata);
        let modified = metadata.modified()?;
        let copy = copies.of(&file, state)?;
        let (file, length) = (copy.file()?, copy.length());
        Ok(OpenDocument { file, length, modified, state, _copy: Some(copy) })
    }

    /// Whether the document has to be unpacked.
    pub fn is_packed(&self) -> bool {
        self.state.packed
    }

    /// Reads the document and computes its digest.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn digest(&self) -> io::Result<Digest> {
        let mut hasher = Hasher::default();
        match self.state.packed {
            true => io::copy(&mut self.unpack()?.0, &mut hasher)?,
            false => io::copy(&mut self.open()?.file, &mut hasher)?,
        };
        Ok(hasher.finish())
    }

    /// Reads a packed document without a copy of it; the file, and its state when it was opened.
    pub(super) fn unpack(&self) -> io::Result<(impl Read, Arc<File>, FileState)> {
        let (file, metadata) = system::open_regular(&self.folder, &self.name)?;
        let file = Arc::new(file);
        Ok((unpacked_bytes(Arc::clone(&file)), file, self.state_of(&metadata)))
    }

    /// Opens the file without asking what it is now. Whoever reads it asks at the end whether it is
    /// still as it was when it was last looked at, and believes nothing before: whatever else may
    /// have taken its place is not.
    pub(super) fn open_as_seen(&self) -> io::Result<File> {
        system::open_without_following(&self.folder, &self.name)
    }

    /// The state of the file now.
    pub(super) fn state_now(&self) -> io::Result<FileState> {
        let metadata = self.path().symlink_metadata()?;
        if metadata.is_file() {
            Ok(self.state_of(&metadata))
        } else {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    /// The same for a file that can be read. It is opened only if its state has changed.
    pub(super) fn readable_state(&self) -> io::Result<FileState> {
        let state = self.state_now()?;
        if state == self.state {
            return Ok(state);
        }
        let (_, metadata) = system::open_regular(&self.folder, &self.name)?;
        Ok(self.state_of(&metadata))
    }

    pub(super) fn state_of(&self, metadata: &Metadata) -> FileState {
        let mut state = FileState::of(metadata);
        // That is a matter of the name, which an entry keeps.
        state.packed = self.state.packed;
        state
    }

    /// Whether another entry is the same file in the same state, under the same title.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.folder, &self.name, &self.state, &self.title)
            == (&other.folder, &other.name, &other.state, &other.title)
    }
}

impl OpenDocument {
    /// Whether the file is not any more what it was when it was opened. One that was unpacked is
    /// read from a copy, which nobody changes.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn has_changed(&self) -> io::Result<bool> {
        self.state.has_changed(&self.file)
    }
}
