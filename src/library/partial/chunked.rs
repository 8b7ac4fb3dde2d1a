//! A large document that comes in pieces, in any order and from several holders (protocol.md section
//! 5.6).
//!
//! After the place of the document's last byte the file holds a map: a bit for each piece that is
//! there. The map is written when the first piece is complete. A piece is marked when its last byte
//! was written, so that a program that is killed loses what it had of unfinished pieces and nothing
//! else. What the map says is not
//! believed in the end: the digest of the whole is.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lock::{Opened, open_locked, remove_open};
use crate::system::{read_at, rename_new, write_at};

/// Bytes of a piece: eight downloads at once lose at most a megabyte.
pub const CHUNK: u64 = 128 * 1024;

/// Stands between the document and the map.
const MARK: &[u8; 16] = b"p2p-ci pieces 1\n";

/// The file of a document that comes in pieces. It may be written from several threads.
#[derive(Debug)]
pub struct ChunkedPart {
    file: File,
    path: PathBuf,
    length: u64,
    map: Mutex<Map>,
}

#[derive(Debug)]
struct Map {
    /// A bit for each piece, the first in the lowest bit.
    bits: Vec<u8>,
    /// Whether the file has it. A holder announces the length before it has sent anything, so the
    /// file gets a map, and with it its length, when a piece has come.
    is_written: bool,
}

impl ChunkedPart {
    /// Goes on with the file that an earlier download has left, or begins one; `None` if somebody
    /// else is writing it. `beginning` is the file of a download that had only one holder: what
    /// it has is taken over.
    pub(super) fn open(path: &Path, beginning: &Path, length: u64) -> io::Result<Option<Self>> {
        let Some((file, taken_over)) = open(path, beginning, length)? else { return Ok(None) };
        let count = usize::try_from(length.div_ceil(CHUNK)).map_err(io::Error::other)?;
        let map = match file.metadata()?.len() {
            _ if taken_over > 0 => None,
            // It was whole, and only its name was missing.
            found if found == length => Some(vec![u8::MAX; count.div_ceil(8)]),
            found if found == length + (MARK.len() + count.div_ceil(8)) as u64 => {
                read_map(&file, length, count)?
            }
            _ => None,
        };
        let is_known = map.is_some();
        let mut bits = map.unwrap_or_else(|| vec![0; count.div_ceil(8)]);
        for piece in 0..taken_over {
            set(&mut bits, piece);
        }
        let map = Mutex::new(Map { bits, is_written: is_known });
        let pieces = Self { file, path: path.into(), length, map };
        if !is_known {
            pieces.file.set_len(taken_over.saturating_mul(CHUNK).min(length))?;
        }
        if taken_over > 0 {
            pieces.write_map(&mut pieces.lock())?;
        }
        Ok(Some(pieces))
    }

    /// Looks whether the file is still where it was begun.
    ///
    /// # Errors
    /// When it is not, as whatever asks for its place finds it.
    pub fn check_place(&self) -> io::Result<()> {
        fs::symlink_metadata(&self.path).map(drop)
    }

    /// Removes the file, unless it has its final name by now and the path is another's.
    pub(super) fn remove(&self) -> io::Result<()> {
        remove_open(&self.file, &self.path)
    }

    /// The length of the document.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// What is not there yet, in order; each range begins where a piece begins.
    pub fn missing(&self) -> Vec<Range<u64>> {
        let mut missing: Vec<Range<u64>> = Vec::new();
        let map = self.lock();
        for piece in (0..self.length.div_ceil(CHUNK)).filter(|&piece| !is_set(&map.bits, piece)) {
            let range = piece * CHUNK..((piece + 1) * CHUNK).min(self.length);
            match missing.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ => missing.push(range),
            }
        }
        missing
    }

    /// Writes bytes at their place, and marks the pieces that end in them. Whoever begins within
    /// a piece has written what is before.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        let end = offset + bytes.len() as u64;
        if end >= self.length {
            // A file without a map that is as long as the document counts as complete.
            let mut map = self.lock();
            if !map.is_written {
                self.write_map(&mut map)?;
            }
        }
        write_at(&self.file, bytes, offset)?;
        let last = if end == self.length { end.div_ceil(CHUNK) } else { end / CHUNK };
        let mut map = self.lock();
        for piece in offset / CHUNK..last {
            let at = usize::try_from(piece / 8).map_err(io::Error::other)?;
            set(&mut map.bits, piece);
            if !map.is_written {
                self.write_map(&mut map)?;
                continue;
            }
            let place = self.length + (MARK.len() + at) as u64;
            write_at(&self.file, map.bits.get(at..=at).unwrap_or_default(), place)?;
        }
        Ok(())
    }

    /// Reads bytes that are there; 0 at the end of the document.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        read_at(&self.file, bytes.get_mut(..most).unwrap_or_default(), offset)
    }

    /// Forgets all pieces, because together they were not the document.
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

    /// Cuts the map off: what remains is the document.
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

/// The bytes of complete pieces in a file of pieces, which another process may be writing.
pub(super) fn bytes_in_map(file: &File, length: u64) -> io::Result<u64> {
    let found = file.metadata()?.len();
    if found == length {
        // It is complete, and only its name is missing.
        return Ok(length);
    }
    let pieces = length.div_ceil(CHUNK);
    // The length is from the name of the file, which anybody may have given it.
    let is_whole = length.checked_add(MARK.len() as u64 + pieces.div_ceil(8)) == Some(found);
    let Some(map) = usize::try_from(pieces)
        .ok()
        .filter(|_| is_whole)
        .and_then(|pieces| read_map(file, length, pieces).transpose())
        .transpose()?
    else {
        return Ok(0);
    };
    let bytes = |piece: u64| CHUNK.min(length.saturating_sub(piece.saturating_mul(CHUNK)));
    Ok((0..pieces).filter(|&piece| is_set(&map, piece)).map(bytes).sum())
}

/// Opens the file of the pieces, or makes it of the beginning; returns how many pieces the beginning
/// has. `None` if another process is writing one of them.
fn open(path: &Path, beginning: &Path, length: u64) -> io::Result<Option<(File, u64)>> {
    match open_locked(path, false)? {
        Opened::Locked(file) => return Ok(Some((file, 0))),
        Opened::Busy => return Ok(None),
        Opened::Missing => {}
    }
    match open_locked(beginning, false)? {
        // The lock stays with the file while it gets its new name.
        Opened::Locked(file) => match rename_new(beginning, path) {
            Ok(()) => {
                let pieces = file.metadata()?.len().min(length) / CHUNK;
                return Ok(Some((file, pieces)));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(None),
            Err(error) => return Err(error),
        },
        Opened::Busy => return Ok(None),
        Opened::Missing => {}
    }
    match open_locked(path, true)? {
        Opened::Locked(file) => Ok(Some((file, 0))),
        Opened::Busy | Opened::Missing => Ok(None),
    }
}

/// Marks a piece as being there. The map has a bit for each piece of the document.
fn set(map: &mut [u8], piece: u64) {
    if let Some(byte) = usize::try_from(piece / 8).ok().and_then(|at| map.get_mut(at)) {
        *byte |= 1 << (piece % 8);
    }
}

fn is_set(map: &[u8], piece: u64) -> bool {
    let byte = usize::try_from(piece / 8).ok().and_then(|at| map.get(at));
    byte.is_some_and(|byte| byte & (1 << (piece % 8)) != 0)
}

fn read_map(file: &File, length: u64, pieces: usize) -> io::Result<Option<Vec<u8>>> {
    let mut trailer = vec![0; MARK.len() + pieces.div_ceil(8)];
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
mod tests {
    use super::*;

    const LENGTH: u64 = 3 * CHUNK + 5;
    const ALL: &[Range<u64>] = &[Range { start: 0, end: LENGTH }];

    fn open(folder: &Path) -> ChunkedPart {
        ChunkedPart::open(&folder.join("pieces"), &folder.join("beginning"), LENGTH)
            .unwrap()
            .unwrap()
    }

    #[test]
    fn pieces_are_marked_when_they_are_whole_and_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let pieces = open(folder.path());
        assert_eq!(pieces.missing(), ALL);
        pieces.write(&[1; 100], CHUNK).unwrap();
        assert_eq!(pieces.missing(), ALL);
        pieces.write(&vec![1; usize::try_from(CHUNK).unwrap()], CHUNK + 100).unwrap();
        pieces.write(&[1; 5], 3 * CHUNK).unwrap();
        assert_eq!(pieces.missing(), [0..CHUNK, 2 * CHUNK..3 * CHUNK]);
        let second = ChunkedPart::open(&folder.path().join("pieces"), Path::new("none"), LENGTH);
        assert!(second.unwrap().is_none(), "somebody is writing it");
        drop(pieces);

        let pieces = open(folder.path());
        assert_eq!(pieces.missing(), [0..CHUNK, 2 * CHUNK..3 * CHUNK]);
        pieces.clear().unwrap();
        drop(pieces);
        assert_eq!(open(folder.path()).missing(), ALL);
    }

    #[test]
    fn what_one_holder_gave_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let beginning: Vec<u8> = (0..CHUNK * 2 - 1).map(|at| at.to_le_bytes()[0]).collect();
        fs::write(folder.path().join("beginning"), &beginning).unwrap();
        let pieces = open(folder.path());
        assert_eq!(pieces.missing(), [Range { start: CHUNK, end: LENGTH }]);
        let mut read = vec![0; 1000];
        assert_eq!(pieces.read(&mut read, 500).unwrap(), 1000);
        assert_eq!(read, beginning[500..1500]);
        assert!(!folder.path().join("beginning").exists());
        drop(pieces);
        assert_eq!(open(folder.path()).missing(), [Range { start: CHUNK, end: LENGTH }]);
    }

    #[test]
    fn a_document_without_its_name_is_whole_and_anything_else_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let pieces = open(folder.path());
        pieces.cut_map_off().unwrap();
        drop(pieces);
        assert!(open(folder.path()).missing().is_empty());
        for length in [1, LENGTH - 1, LENGTH + 1, LENGTH + 17] {
            let file = File::create(folder.path().join("pieces")).unwrap();
            file.set_len(length).unwrap();
            drop(file);
            assert_eq!(open(folder.path()).missing(), ALL, "{length}");
        }
    }
}
