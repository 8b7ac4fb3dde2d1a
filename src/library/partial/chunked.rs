//! A part file that receives the chunks of a large document in any order, from several holders
//! (protocol.md section 5.6).
//!
//! After the last byte of the document the file has a map with a bit for each complete chunk. The map
//! is written when the first chunk is complete. A chunk is marked after its last byte was written, so a
//! killed process loses its incomplete chunks and nothing else. A wrong map does no harm: the digest of
//! the whole document is verified at the end.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lock::{Opened, note_use, open_locked, open_or_create, remove_open, remove_unreadable};
use crate::system::{read_at, rename_new, write_at};

/// Bytes of a chunk. Eight parallel transfers lose at most one megabyte when they are killed.
pub const CHUNK: u64 = 128 * 1024;

/// The bytes between the document and the map.
const MARK: &[u8; 16] = b"p2p-ci pieces 1\n";

/// A part file for chunks in any order. Several threads may write to it.
#[derive(Debug)]
pub struct ChunkedPart {
    file: File,
    path: PathBuf,
    length: u64,
    map: Mutex<Map>,
}

#[derive(Debug)]
struct Map {
    /// A bit for each chunk, the first in the lowest bit.
    bits: Vec<u8>,
    /// Whether the file has the map. A holder announces the length before it has sent anything, so
    /// the file gets the map, and with it its length, when a chunk is complete.
    is_written: bool,
}

impl ChunkedPart {
    /// Resumes the file at this path, or creates it. If there is a part file with the `beginning` of the
    /// document, it becomes the chunked part. A file that cannot be read is replaced.
    pub(super) fn open(path: &Path, beginning: &Path, length: u64) -> io::Result<Opened<Self>> {
        match Self::open_once(path, beginning, length) {
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => Err(error),
            Err(error) => {
                let found = if path.symlink_metadata().is_ok() { path } else { beginning };
                remove_unreadable(found, error)?;
                Self::open_once(path, beginning, length)
            }
            opened => opened,
        }
    }

    fn open_once(path: &Path, beginning: &Path, length: u64) -> io::Result<Opened<Self>> {
        let (file, taken_over) = match open(path, beginning, length)? {
            Opened::Locked(opened) => opened,
            Opened::Busy => return Ok(Opened::Busy),
            Opened::Unusable => return Ok(Opened::Unusable),
        };
        note_use(&file);
        let count = usize::try_from(length.div_ceil(CHUNK)).map_err(io::Error::other)?;
        let map = match file.metadata()?.len() {
            _ if taken_over > 0 => None,
            // The document is complete, and was not renamed into place.
            found if found == length => Some(vec![u8::MAX; count.div_ceil(8)]),
            found if found == length + (MARK.len() + count.div_ceil(8)) as u64 => {
                read_map(&file, length, count)?
            }
            _ => None,
        };
        let is_known = map.is_some();
        let mut bits = map.unwrap_or_else(|| vec![0; count.div_ceil(8)]);
        for chunk in 0..taken_over {
            set(&mut bits, chunk);
        }
        let map = Mutex::new(Map { bits, is_written: is_known });
        let part = Self { file, path: path.into(), length, map };
        if !is_known {
            part.file.set_len(taken_over.saturating_mul(CHUNK).min(length))?;
        }
        if taken_over > 0 {
            part.write_map(&mut part.lock())?;
        }
        Ok(Opened::Locked(part))
    }

    /// Checks that the file is still at its path.
    ///
    /// # Errors
    /// When it is not.
    pub fn check_place(&self) -> io::Result<()> {
        fs::symlink_metadata(&self.path).map(drop)
    }

    /// Deletes the file, because its bytes cannot be read, and reports that.
    ///
    /// # Errors
    /// The same error, when the file cannot be deleted.
    pub fn remove_unreadable(&self, error: io::Error) -> io::Result<()> {
        remove_unreadable(&self.path, error)
    }

    /// Deletes the file, unless it was renamed into place.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove_open(&self.file, &self.path)
    }

    /// The length of the document.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The missing ranges, in order. Each begins at the beginning of a chunk.
    pub fn missing(&self) -> Vec<Range<u64>> {
        let mut missing: Vec<Range<u64>> = Vec::new();
        let map = self.lock();
        for chunk in (0..self.length.div_ceil(CHUNK)).filter(|&chunk| !is_set(&map.bits, chunk)) {
            let range = chunk * CHUNK..((chunk + 1) * CHUNK).min(self.length);
            match missing.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => missing.push(range),
            }
        }
        missing
    }

    /// Writes bytes at an offset of the document, and marks the chunks that end in them. If the offset
    /// is within a chunk, the caller has written the bytes of the chunk before it.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        if end >= self.length {
            // A file without a map that has the length of the document counts as complete.
            let mut map = self.lock();
            if !map.is_written {
                self.write_map(&mut map)?;
            }
        }
        write_at(&self.file, bytes, offset)?;
        let last = if end == self.length { end.div_ceil(CHUNK) } else { end / CHUNK };
        let mut map = self.lock();
        for chunk in offset / CHUNK..last {
            let at = usize::try_from(chunk / 8).map_err(io::Error::other)?;
            set(&mut map.bits, chunk);
            if !map.is_written {
                self.write_map(&mut map)?;
                continue;
            }
            let place = self.length + (MARK.len() + at) as u64;
            write_at(&self.file, map.bits.get(at..=at).unwrap_or_default(), place)?;
        }
        Ok(())
    }

    /// Reads bytes that were written; 0 at the end of the document.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        read_at(&self.file, bytes.get_mut(..most).unwrap_or_default(), offset)
    }

    /// Marks all chunks as missing, because the digest of the document is wrong.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear(&self) -> io::Result<()> {
        let mut map = self.lock();
        map.bits.fill(0);
        if map.is_written { self.write_map(&mut map) } else { Ok(()) }
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts the map off, so that the file has exactly the bytes of the document.
    pub(super) fn cut_map_off(&self) -> io::Result<()> {
        self.file.set_len(self.length)
    }

    fn write_map(&self, map: &mut Map) -> io::Result<()> {
        write_at(&self.file, &[MARK, map.bits.as_slice()].concat(), self.length)?;
        map.is_written = true;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Map> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of the complete chunks in a file, which another process may be writing.
pub(super) fn bytes_in_map(file: &File, length: u64) -> io::Result<u64> {
    let found = file.metadata()?.len();
    if found == length {
        // The document is complete, and was not renamed into place.
        return Ok(length);
    }
    let chunks = length.div_ceil(CHUNK);
    // The length is from the name of the file, and may be any number.
    let is_whole = length.checked_add(MARK.len() as u64 + chunks.div_ceil(8)) == Some(found);
    let Some(map) = usize::try_from(chunks)
        .ok()
        .filter(|_| is_whole)
        .and_then(|chunks| read_map(file, length, chunks).transpose())
        .transpose()?
    else {
        return Ok(0);
    };
    let bytes = |chunk: u64| CHUNK.min(length.saturating_sub(chunk.saturating_mul(CHUNK)));
    Ok((0..chunks).filter(|&chunk| is_set(&map, chunk)).map(bytes).sum())
}

/// Opens the file at this path, or renames the `beginning` to it; returns the number of complete chunks
/// in the beginning.
fn open(path: &Path, beginning: &Path, length: u64) -> io::Result<Opened<(File, u64)>> {
    let new = |opened| match opened {
        Opened::Locked(file) => Opened::Locked((file, 0)),
        Opened::Busy => Opened::Busy,
        Opened::Unusable => Opened::Unusable,
    };
    if let Some(opened) = open_locked(path)? {
        return Ok(new(opened));
    }
    match open_locked(beginning)? {
        // The lock stays with the file while it gets its new name.
        Some(Opened::Locked(file)) => match rename_new(beginning, path) {
            Ok(()) => {
                let chunks = file.metadata()?.len().min(length) / CHUNK;
                Ok(Opened::Locked((file, chunks)))
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(Opened::Busy),
            Err(error) => Err(error),
        },
        Some(opened) => Ok(new(opened)),
        None => open_or_create(path).map(new),
    }
}

/// Marks a chunk as complete. The map has a bit for each chunk of the document.
fn set(map: &mut [u8], chunk: u64) {
    if let Some(byte) = usize::try_from(chunk / 8).ok().and_then(|at| map.get_mut(at)) {
        *byte |= 1 << (chunk % 8);
    }
}

fn is_set(map: &[u8], chunk: u64) -> bool {
    let byte = usize::try_from(chunk / 8).ok().and_then(|at| map.get(at));
    byte.is_some_and(|byte| byte & (1 << (chunk % 8)) != 0)
}

fn read_map(file: &File, length: u64, chunks: usize) -> io::Result<Option<Vec<u8>>> {
    let mut trailer = vec![0; MARK.len() + chunks.div_ceil(8)];
    let mut filled = 0;
    while filled < trailer.len() {
        let rest = trailer.get_mut(filled..).unwrap_or_default();
        match read_at(file, rest, length + filled as u64)? {
            0 => return Ok(None),
            count => filled += count,
        }
    }
    Ok(trailer.strip_prefix(MARK.as_slice()).map(<[u8]>::to_vec))
}

#[cfg(test)]
mod tests;
