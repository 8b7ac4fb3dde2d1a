//! The names of part files (protocol.md section 5.6).
//!
//! | name | content |
//! |---|---|
//! | `.p2p-ci-XXXXXX.part` | temporary: nothing was written, or the digest of the document is not known |
//! | `.p2p-ci-fedcba9876543210.part` | the same, after the download has written bytes |
//! | `.fedcba9876543210.0123456789abcdef.part` | the beginning of the document with this digest |
//! | `.fedcba9876543210.0123456789abcdef-9000000.part` | chunks of it, in any order ([`super::ChunkedPart`]) |
//!
//! The number `fedcba9876543210` is the beginning of the SHA-256 of the target's name, so that long names fit.
//! Earlier versions of this program used the name itself: their files are renamed.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::library::digest::Hasher;
use crate::library::target::SaveTarget;
use crate::protocol::Digest;

/// The prefix of the names of temporary files.
pub(super) const TEMPORARY: &str = ".p2p-ci-";
/// The suffix of the names of all part files.
pub(super) const SUFFIX: &str = ".part";
/// Hexadecimal digits of a digest in a name.
const DIGITS: usize = 16;

/// The files of a directory whose names may be those of part files.
pub(super) fn hidden_files(directory: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
        name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
    })
}

/// Splits the name of a part file into the key of its target and the rest.
pub(super) fn split_name(part: &str) -> Option<(&str, &str)> {
    let (target, rest) = part.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let (hex, length) = rest.split_once('-').unwrap_or((rest, "0"));
    let is_ours = is_hex(hex) && length.parse::<u64>().is_ok() && !target.is_empty();
    is_ours.then_some((target, rest))
}

/// Whether a part file of this name is chunked.
pub(super) fn is_chunked(part: &Path) -> bool {
    let name = part.file_name().and_then(|name| name.to_str());
    name.and_then(split_name).is_some_and(|(_, rest)| rest.contains('-'))
}

/// Whether a part file of this name cannot be resumed.
pub(super) fn is_temporary(part: &Path) -> bool {
    part.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes()))
}

pub(super) fn is_hex(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The path of the part file for the beginning of a document.
pub(super) fn resumable_path(target: &SaveTarget, digest: &Digest) -> PathBuf {
    named(target, &short(digest))
}

/// The path of the temporary file of a document whose digest is not known.
pub(super) fn claimed_path(target: &SaveTarget) -> PathBuf {
    target.root().join(format!("{TEMPORARY}{}{SUFFIX}", key_of(target.key())))
}

/// The path of the part file for chunks of a document.
pub(super) fn chunked_path(target: &SaveTarget, digest: &Digest, length: u64) -> PathBuf {
    named(target, &format!("{}-{length}", short(digest)))
}

fn named(target: &SaveTarget, middle: &str) -> PathBuf {
    target.root().join(format!(".{}.{middle}{SUFFIX}", key_of(target.key())))
}

pub(super) fn key_of(name: &[u8]) -> String {
    let mut hasher = Hasher::default();
    hasher.update(name);
    short(&hasher.finish())
}

/// The first digits of a digest.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().skip("sha-256=".len()).take(DIGITS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_fit_whatever_the_target_is_called() {
        let digest = Digest::new([0xab; 32]);
        for name in ["rfc1.txt".to_string(), "x".repeat(255)] {
            let target = SaveTarget::file(&Path::new("a").join(&name));
            let key = key_of(name.as_bytes());
            let kept = resumable_path(&target, &digest);
            assert_eq!(kept, Path::new("a").join(format!(".{key}.abababababababab.part")));
            for path in [kept, chunked_path(&target, &digest, 9_000_000)] {
                let part = path.file_name().unwrap().to_str().unwrap();
                assert_eq!(split_name(part).unwrap().0, key, "{part}");
            }
        }
        for name in
            [".x.part", ".x.abab.part", "x.abababababababab.part", ".x.abababababababab-y.part"]
        {
            assert_eq!(split_name(name), None, "{name}");
        }
    }
}
