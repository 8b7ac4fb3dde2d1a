//! How many bytes of a document its part files have; they are only read (protocol.md section 5.6).

use std::path::Path;

use super::chunked::bytes_in_map;
use super::part_names::{hidden_files, key_of, split_name};
use crate::library::target::SaveTarget;
use crate::system::open_regular;

/// The number of bytes from which a download of a target can resume: the largest number of its part
/// files. Another process may be writing them.
pub fn kept_bytes(target: &SaveTarget) -> Option<u64> {
    let key = key_of(target.key());
    let kept = hidden_files(target.root()).filter_map(|path| {
        let name = path.file_name()?.to_str()?;
        split_name(name).filter(|(of, _)| *of == key)?;
        part_bytes(target.root(), name)
    });
    kept.max().filter(|bytes| *bytes > 0)
}

/// The number of bytes that a part file has of its document.
pub(super) fn part_bytes(directory: &Path, name: &str) -> Option<u64> {
    let (_, rest) = split_name(name)?;
    let (file, _) = open_regular(directory, name).ok()?;
    match rest.split_once('-') {
        Some((_, length)) => bytes_in_map(&file, length.parse().ok()?).ok(),
        None => file.metadata().ok().map(|found| found.len()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::library::Opened;
    use crate::library::partial::chunked::{CHUNK, ChunkedPart};
    use crate::library::partial::part_names::{chunked_path, resumable_path};
    use crate::protocol::Digest;

    #[test]
    fn the_bytes_of_part_files_are_counted() {
        let directory = tempfile::tempdir().unwrap();
        let target = SaveTarget::file(&directory.path().join("a"));
        let digest = Digest::new([1; 32]);
        assert_eq!(kept_bytes(&target), None);
        let beginning = resumable_path(&target, &digest);
        fs::write(&beginning, "12345").unwrap();
        fs::write(
            resumable_path(&SaveTarget::file(&directory.path().join("b")), &digest),
            "more of b",
        )
        .unwrap();
        assert_eq!(kept_bytes(&target), Some(5));
        let length = 3 * CHUNK + 7;
        let path = chunked_path(&target, &digest, length);
        let opened = ChunkedPart::open(&path, &directory.path().join("none"), length);
        let Ok(Opened::Locked(part)) = opened else { panic!("{opened:?}") };
        part.write(&[1; 7], 3 * CHUNK).unwrap();
        assert_eq!(kept_bytes(&target), Some(7));
        part.write(&vec![1; usize::try_from(CHUNK).unwrap()], CHUNK).unwrap();
        assert_eq!(kept_bytes(&target), Some(CHUNK + 7));
        assert!(beginning.exists());
    }
}
