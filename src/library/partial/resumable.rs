//! A part file that holds the beginning of a document with a known digest. It stays when the download
//! is interrupted, so that a later download of the same document resumes it (protocol.md section 5.6).

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::lock::{Opened, note_use, open_or_create, remove_open, remove_unreadable};
use crate::library::digest::Hasher;
use crate::system::PageAligned;

/// A part file that a later download resumes. It is locked while it is open.
#[derive(Debug)]
pub(super) struct ResumablePart {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl ResumablePart {
    /// Opens or creates the part file at this path. Returns its length, which is at most `most`: it is
    /// truncated to that. The position of the file is at its end, and `hasher` has hashed its bytes.
    /// A file that cannot be read is replaced.
    pub(super) fn open(
        path: PathBuf,
        most: u64,
        hasher: &mut Hasher,
    ) -> io::Result<Opened<(Self, u64)>> {
        match Self::open_once(path.clone(), most, hasher) {
            Err(error) => remove_unreadable(&path, error)?,
            opened => return opened,
        }
        *hasher = Hasher::default();
        Self::open_once(path, most, hasher)
    }

    fn open_once(path: PathBuf, most: u64, hasher: &mut Hasher) -> io::Result<Opened<(Self, u64)>> {
        let file = match open_or_create(&path)? {
            Opened::Locked(file) => file,
            Opened::Busy => return Ok(Opened::Busy),
            Opened::Unusable => return Ok(Opened::Unusable),
        };
        note_use(&file);
        let mut beginning = (&file).take(most);
        let mut buffer = PageAligned::new(256 * 1024);
        let mut length = 0;
        loop {
            match beginning.read(&mut buffer)? {
                0 => break,
                count => {
                    hasher.update(buffer.get(..count).unwrap_or_default());
                    length += count as u64;
                }
            }
        }
        file.set_len(length)?;
        Ok(Opened::Locked((Self { file, path }, length)))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Deletes the file, unless it was renamed into place.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove_open(&self.file, &self.path)
    }
}

impl Drop for ResumablePart {
    fn drop(&mut self) {
        if self.file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
            // An empty file is nothing to resume. If this fails, it only takes space.
            let _ = self.remove();
        }
    }
}
