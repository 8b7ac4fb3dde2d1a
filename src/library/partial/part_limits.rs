//! Limits on the number and the size of part files (protocol.md section 7).
//!
//! A peer can announce any digest and deliver any part of a document, and each digest has a part file
//! of its own. Within the limits the largest part files are kept: they cost the downloader most to
//! fetch again, and they have cost an attacker most to send.

use std::cmp::Reverse;
use std::fs::Metadata;
use std::path::{Path, PathBuf};

use crate::limits;
use crate::system::free_space;

/// A part file that is not in use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct ListedPart {
    pub(super) path: PathBuf,
    /// The space on the disk. A chunked part is sparse at first.
    pub(super) bytes: u64,
}

impl ListedPart {
    /// The regular file at this path, if there is one.
    pub(super) fn at(path: PathBuf) -> Option<Self> {
        let metadata = path.symlink_metadata().ok().filter(Metadata::is_file)?;
        Some(Self { path, bytes: disk_bytes(&metadata) })
    }
}

fn disk_bytes(metadata: &Metadata) -> u64 {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::blocks(metadata)
        .saturating_mul(512)
        .min(metadata.len());
    #[cfg(not(unix))]
    metadata.len()
}

/// Bytes that part files may take in a directory where they take `used` now.
pub(super) fn most_bytes(directory: &Path, used: u64) -> u64 {
    let free = free_space(directory).unwrap_or(u64::MAX);
    (free.saturating_add(used) / limits::PARTS_SHARE).min(limits::PARTS_BYTES)
}

/// The smallest of these part files of a directory, which have to be deleted so that at most `most`
/// files are left and they take no more than their share of the disk. One file is always left.
pub(super) fn excess(directory: &Path, parts: Vec<ListedPart>, most: usize) -> Vec<ListedPart> {
    if parts.len() <= 1 {
        return Vec::new();
    }
    let used = parts.iter().map(|part| part.bytes).fold(0, u64::saturating_add);
    beyond(parts, most, most_bytes(directory, used))
}

fn beyond(mut parts: Vec<ListedPart>, most: usize, most_bytes: u64) -> Vec<ListedPart> {
    parts.sort_by_key(|part| Reverse(part.bytes));
    let (mut count, mut bytes) = (0, 0u64);
    let is_beyond = |part: &mut ListedPart| {
        let sum = bytes.saturating_add(part.bytes);
        let fits = count == 0 || (count < most && sum <= most_bytes);
        if fits {
            (count, bytes) = (count + 1, sum);
        }
        !fits
    };
    parts.extract_if(.., is_beyond).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_part_files_are_kept() {
        let left = |sizes: &[u64], most, most_bytes| {
            let part = |(at, bytes): (usize, &u64)| ListedPart {
                path: PathBuf::from(at.to_string()),
                bytes: *bytes,
            };
            let parts: Vec<ListedPart> = sizes.iter().enumerate().map(part).collect();
            let excess = beyond(parts.clone(), most, most_bytes);
            let kept = parts.into_iter().filter(|part| !excess.contains(part));
            kept.map(|part| part.bytes).collect::<Vec<u64>>()
        };
        assert_eq!(left(&[1, 5, 3, 4], 3, 100), [5, 3, 4]);
        assert_eq!(left(&[1, 5, 3, 4], 9, 9), [5, 4]);
        assert_eq!(left(&[1, 50, 3], 9, 9), [50]);
        assert_eq!(left(&[7, 8], 1, 0), [8]);
        assert_eq!(left(&[], 1, 0), [] as [u64; 0]);
    }
}
