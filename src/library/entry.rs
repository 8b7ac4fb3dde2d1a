//! One shared document, and how its file is opened (protocol.md section 2.4).

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
    pub(super) directory: Arc<Path>,
    /// The path below the directory, with `/` between its segments.
    pub(super) name: Arc<str>,
    pub(super) state: FileState,
    /// Whether the user or a download has added this file. Then it is shared wherever it is, and scans
    /// do not change its title.
    pub(super) is_added: bool,
}

/// A document that is open for reading.
#[derive(Debug)]
pub struct OpenDocument {
    /// The file with its bytes.
    pub file: File,
    /// Its length in bytes.
    pub length: u64,
    /// When it was last modified.
    pub modified: SystemTime,
    /// The state of the file, by which its digest is cached.
    pub(super) state: FileState,
    /// The unpacked copy that is read instead of a packed file.
    pub(super) _copy: Option<CopyReader>,
}

impl Entry {
    /// The title under which it is shared.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// The path of the file.
    pub fn path(&self) -> PathBuf {
        self.directory.join(&*self.name)
    }

    /// The media type, which depends on the extension of the file.
    pub fn media_type(&self) -> &'static str {
        let name = match self.state.packed {
            true => unpacked_name(&self.name).unwrap_or(&self.name),
            false => &self.name,
        };
        mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream")
    }

    /// Opens the document. A symbolic link or a special file is an error.
    ///
    /// # Errors
    /// When the file does not exist, is no regular file, or cannot be unpacked.
    pub fn open(&self) -> io::Result<OpenDocument> {
        let (file, metadata) = system::open_regular(&self.directory, &self.name)?;
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

    /// Opens the document as [`Entry::open`] does. A packed document is read from a copy that all its
    /// readers share, so the position of the file must not be used.
    ///
    /// # Errors
    /// As [`Entry::open`], and [`io::ErrorKind::ResourceBusy`] when the limits leave no space for a copy.
    pub fn open_shared(&self, copies: &UnpackedCopies) -> io::Result<OpenDocument> {
        if !self.state.packed {
            return self.open();
        }
        let (file, metadata) = system::open_regular(&self.directory, &self.name)?;
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

    /// The length of the document, as the last scan has found it; `None` if it has to be unpacked.
    pub fn known_length(&self) -> Option<u64> {
        self.state.document_length()
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

    /// Unpacks a document while it is read, without a copy. Returns also the file, and its state when it
    /// was opened.
    pub(super) fn unpack(&self) -> io::Result<(impl Read, Arc<File>, FileState)> {
        let (file, metadata) = system::open_regular(&self.directory, &self.name)?;
        let file = Arc::new(file);
        Ok((unpacked_bytes(Arc::clone(&file)), file, self.state_of(&metadata)))
    }

    /// Opens the file without a check of its state. The caller compares the state after it has read the
    /// file, which also detects any other file at its path.
    pub(super) fn open_as_seen(&self) -> io::Result<File> {
        system::open_without_following(&self.directory, &self.name)
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

    /// The state of the file now. If it has changed, the file is opened, so that an unreadable file is
    /// an error.
    pub(super) fn readable_state(&self) -> io::Result<FileState> {
        let state = self.state_now()?;
        if state == self.state {
            return Ok(state);
        }
        let (_, metadata) = system::open_regular(&self.directory, &self.name)?;
        Ok(self.state_of(&metadata))
    }

    pub(super) fn state_of(&self, metadata: &Metadata) -> FileState {
        let mut state = FileState::of(metadata);
        // This depends on the name, which does not change.
        state.packed = self.state.packed;
        state
    }

    /// Whether another entry has the same file, state and title.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.directory, &self.name, &self.state, &self.title)
            == (&other.directory, &other.name, &other.state, &other.title)
    }
}

impl OpenDocument {
    /// Whether the file has changed since it was opened. The copy of a packed document never changes.
    ///
    /// # Errors
    /// When the state of the file cannot be read.
    pub fn has_changed(&self) -> io::Result<bool> {
        self.state.has_changed(&self.file)
    }
}
