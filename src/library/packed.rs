//! Documents in gzip files: `rfc793.txt.gz` is shared as RFC 793. Its length and its digest are those of
//! the unpacked bytes (protocol.md section 5.3).

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use flate2::read::MultiGzDecoder;

use crate::{limits, system};

/// The suffix of packed files.
const SUFFIX: &str = ".gz";

/// The name of a packed file without its suffix; `None` for another file.
pub(super) fn unpacked_name(name: &str) -> Option<&str> {
    let at = name.len().checked_sub(SUFFIX.len())?;
    let (stem, suffix) = name.split_at_checked(at)?;
    suffix.eq_ignore_ascii_case(SUFFIX).then_some(stem)
}

/// The unpacked length that the last bytes of a packed file say. It is wrong for a file of several members, a
/// malicious file, and a file that is no gzip file.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn expected_length(file: &File) -> io::Result<u64> {
    let mut bytes = [0; 4];
    let Some(at) = file.metadata()?.len().checked_sub(bytes.len() as u64) else { return Ok(0) };
    let count = system::read_at(file, &mut bytes, at)?;
    Ok(if count == bytes.len() { u32::from_le_bytes(bytes).into() } else { 0 })
}

/// Reads the first `most` unpacked bytes of a packed file.
///
/// The packed bytes are bounded as well. They are never much longer than the unpacked bytes, except in
/// a malicious file, such as one of a million empty members.
pub(super) fn beginning(file: impl Read, most: u64) -> impl Read {
    const MARGIN: u64 = 64 * 1024;
    MultiGzDecoder::new(file.take(most.saturating_add(most / 64 + MARGIN))).take(most)
}

/// Reads the unpacked bytes of a packed file. After [`limits::UNPACKED`] bytes, which only a malicious
/// file exceeds, this fails.
pub(super) fn unpacked_bytes(file: impl Read) -> impl Read {
    /// Fails when it has read more than the limit.
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

/// Unpacks a file into a temporary file without a name. So the length of the document is known, it can
/// be read from any offset, and it does not change when the packed file changes.
///
/// # Errors
/// When the file is no gzip file, or as [`unpacked_bytes`].
pub(super) fn unpacked(file: File) -> io::Result<File> {
    let mut unpacked = tempfile::tempfile()?;
    io::copy(&mut unpacked_bytes(file), &mut unpacked)?;
    unpacked.seek(SeekFrom::Start(0))?;
    Ok(unpacked)
}

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
    fn a_file_that_cannot_be_unpacked_is_an_error() {
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
