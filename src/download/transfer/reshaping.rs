//! Changes the beginning and the end of a document that was received from another program (protocol.md section
//! 5.4).

use std::fs::File;
use std::io;

use crate::library::Hasher;
use crate::protocol::Digest;
use crate::system;

/// Bytes that are read and written at a time.
const PIECE: usize = 64 * 1024;

/// What is different between the bytes that have arrived after a head and the document.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Change {
    /// Bytes that belong before the first ones.
    pub(super) front: Vec<u8>,
    /// The number of the first ones that do not belong to the document.
    pub(super) dropped: usize,
    /// Bytes that belong after the last ones.
    pub(super) back: Vec<u8>,
}

impl Change {
    /// The document, from the bytes that have arrived.
    pub(super) fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        [&self.front, bytes.get(self.dropped..).unwrap_or_default(), &self.back].concat()
    }

    /// Changes a file with these bytes, one chunk at a time: it may not fit into memory. Adds the bytes of
    /// the document to `hasher`.
    pub(super) fn apply_to(&self, file: &File, hasher: &mut Hasher) -> io::Result<()> {
        let (mut from, mut to) = (self.dropped as u64, 0);
        let mut piece = vec![0; PIECE];
        // The bytes that are not written yet; the first of them belongs at `to`.
        let mut moved = self.front.clone();
        loop {
            let count = match system::read_at(file, &mut piece, from) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                count => count?,
            };
            from += count as u64;
            moved.extend_from_slice(piece.get(..count).unwrap_or_default());
            if count == 0 {
                moved.extend_from_slice(&self.back);
            }
            // Only bytes that were read already are overwritten.
            let ready = usize::try_from(from - to).unwrap_or(usize::MAX).min(moved.len());
            let rest = if count > 0 { moved.split_off(ready) } else { Vec::new() };
            hasher.update(&moved);
            system::write_at(file, &moved, to)?;
            to += moved.len() as u64;
            if count == 0 {
                return file.set_len(to);
            }
            moved = rest;
        }
    }
}

/// The digest of a document in memory.
pub(super) fn digest_of(document: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(document);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_any_length_are_changed_like_bytes_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let changes = [
            Change { front: b"\r\n".to_vec(), ..Change::default() },
            Change { dropped: 4, back: b"only".to_vec(), ..Change::default() },
            Change { dropped: 11, ..Change::default() },
            Change { front: vec![b'x'; 300], dropped: 2, back: vec![b'y'; 9] },
        ];
        for length in [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE + 5] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
            for change in changes.iter().filter(|change| change.dropped <= length) {
                std::fs::write(&path, &bytes).unwrap();
                let file = File::options().read(true).write(true).open(&path).unwrap();
                let mut hasher = Hasher::default();
                change.apply_to(&file, &mut hasher).unwrap();
                let (found, expected) = (std::fs::read(&path).unwrap(), change.apply(&bytes));
                assert!(found == expected, "{length} {}", change.dropped);
                let mut of_all = Hasher::default();
                of_all.update(&expected);
                assert_eq!(hasher.finish(), of_all.finish(), "{length}");
            }
        }
    }
}
