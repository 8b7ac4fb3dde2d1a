//! Documents that lie packed in a folder: `rfc793.txt.gz` is RFC 793 (protocol.md section 5.3 is
//! about the unpacked bytes).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

use crate::limits;

/// The extension of packed files.
const SUFFIX: &str = ".gz";

/// The name that a packed file has when it is unpacked; `None` for another file.
pub(super) fn unpacked_name(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(SUFFIX.len())?;
    let (stem, suffix) = name.split_at_checked(at)?;
    suffix.eq_ignore_ascii_case(SUFFIX).then_some(stem)
}

/// Reads what a packed file unpacks to, up to `most` bytes: its beginning is enough for a title.
///
/// What is packed is never much longer than what it unpacks to, except in a file that was made to
/// do harm, for example of a million empty members. So the packed bytes are bounded, too.
pub(super) fn beginning(file: impl Read, most: u64) -> impl Read {
    const MARGIN: u64 = 64 * 1024;
    MultiGzDecoder::new(file.take(most.saturating_add(most / 64 + MARGIN))).take(most)
}

/// Reads what a packed file unpacks to. If that is more than 64 MiB, as only that of a file that was
/// made to do harm is, an error follows that many bytes.
pub(super) fn unpacked_bytes(file: impl Read) -> impl Read {
    /// Fails when it has read more than a document may have.
    struct Bounded<R> {
        unpacked: R,
        left: u64,
    }

    impl<R: Read> Read for Bounded<R> {
        fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
            let count = self.unpacked.read(bytes)?;
            self.left = self.left.checked_sub(count as u64).ok_or_else(too_long)?;
            Ok(count)
        }
    }

    let unpacked = beginning(file, limits::UNPACKED.saturating_add(1));
    Bounded { unpacked, left: limits::UNPACKED }
}

/// Unpacks a file into another that has no name and goes when it is closed: what is sent has a
/// length, can be read from anywhere, and stays as it is even if the packed file changes.
///
/// # Errors
/// When the file is not packed in this way, or as [`unpacked_bytes`].
pub(super) fn unpacked(file: File) -> io::Result<File> {
    let mut unpacked = tempfile::tempfile()?;
    io::copy(&mut unpacked_bytes(file), &mut unpacked)?;
    unpacked.seek(SeekFrom::Start(0))?;
    Ok(unpacked)
}

/// A packed document is longer than any that is not made to do harm.
fn too_long() -> io::Error {
    let text = "expected a packed document of at most 64 MiB, found a longer one";
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: impl Read) -> File {
        let mut bytes = bytes;
        let mut encoder = GzEncoder::new(tempfile::tempfile().unwrap(), Compression::fast());
        io::copy(&mut bytes, &mut encoder).unwrap();
        let mut file = encoder.finish().unwrap();
        file.rewind().unwrap();
        file
    }

    #[test]
    fn a_file_is_unpacked_from_its_beginning() {
        let mut text = String::new();
        unpacked(packed(&b"whole"[..])).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole");
    }

    #[test]
    fn what_cannot_be_unpacked_is_an_error() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"no gzip").unwrap();
        file.rewind().unwrap();
        assert!(unpacked(file).is_err());
        let bomb = packed(io::repeat(0).take(limits::UNPACKED + 1));
        assert!(unpacked(bomb).unwrap_err().to_string().contains("64 MiB"));
    }

    #[test]
    fn packed_names() {
        assert_eq!(unpacked_name("rfc1.txt.gz"), Some("rfc1.txt"));
        assert_eq!(unpacked_name("RFC1.TXT.GZ"), Some("RFC1.TXT"));
        for name in ["rfc1.txt", "gz", "", "é"] {
            assert_eq!(unpacked_name(name), None, "{name}");
        }
    }
}
