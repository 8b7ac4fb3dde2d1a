//! The hidden files in which downloads lie until they are whole: their names, and what killed
//! programs have left of them.
//!
//! | name | what it is |
//! |---|---|
//! | `.p2p-ci-XXXXXX.part` | temporary: nobody knows which document it is to become |
//! | `.rfc793.txt.0123456789abcdef.part` | the beginning of the document with this digest |
//! | `.rfc793.txt.0123456789abcdef-9000000.part` | pieces of it, in any order ([`super::Pieces`]) |

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::protocol::Digest;
use crate::system::open_part;

/// What the names of temporary files begin with.
const TEMPORARY: &str = ".p2p-ci-";
/// What the names of all our hidden files end with.
const SUFFIX: &str = ".part";
/// Hexadecimal digits of a digest in a name.
const DIGITS: usize = 16;

/// A temporary file beside the target, gone when it is dropped.
pub(super) fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY).suffix(SUFFIX);
    // What everybody may read after a plain copy, everybody may read after a download.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder_of(target))?;
    // Where there are no locks, an abandoned file cannot be told from one in use, and stays.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// What earlier downloads have left in a folder, found by one look at it.
#[derive(Debug, Default)]
pub struct PartFiles(HashMap<String, Vec<PathBuf>>);

impl PartFiles {
    /// Looks into a folder. Temporary files that killed programs have left there are removed.
    pub fn in_folder(folder: &Path) -> Self {
        let mut parts: HashMap<String, Vec<PathBuf>> = HashMap::new();
        let Ok(entries) = fs::read_dir(folder) else { return Self::default() };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(TEMPORARY) && name.ends_with(SUFFIX) {
                if is_abandoned(&path) {
                    // If it cannot be removed, it only takes room.
                    let _ = fs::remove_file(&path);
                }
            } else if let Some(target) = target_of(name) {
                parts.entry(target.to_string()).or_default().push(path);
            }
        }
        Self(parts)
    }

    /// Whether there are any of this target.
    pub fn has(&self, target: &Path) -> bool {
        self.find(target).is_some()
    }

    /// Those of one target.
    pub(super) fn of(&self, target: &Path) -> Vec<PathBuf> {
        self.find(target).cloned().unwrap_or_default()
    }

    fn find(&self, target: &Path) -> Option<&Vec<PathBuf>> {
        self.0.get(target.file_name()?.to_str()?)
    }
}

/// Whether nobody has locked a temporary file. Young ones are left alone: their owner may be about
/// to lock them.
fn is_abandoned(path: &Path) -> bool {
    const AGE: Duration = Duration::from_secs(60);
    // Not whatever else somebody has put there.
    open_part(path, false).is_ok_and(|file| {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        let age = modified.ok().and_then(|modified| modified.elapsed().ok());
        age.is_some_and(|age| age >= AGE) && file.try_lock().is_ok()
    })
}

/// The name of the file that a kept part is to become.
fn target_of(part: &str) -> Option<&str> {
    let (name, rest) = part.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let (hex, length) = rest.split_once('-').unwrap_or((rest, "0"));
    let is_ours = hex.len() == DIGITS
        && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
        && length.parse::<u64>().is_ok();
    (is_ours && !name.is_empty()).then_some(name)
}

/// The folder that a path lies in.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The name for the beginning of a document; nothing where it would be too long for a file name.
pub(super) fn kept_path(target: &Path, digest: &Digest) -> Option<PathBuf> {
    named(target, &hex(digest)?)
}

/// The name for its pieces.
pub(super) fn pieces_path(target: &Path, digest: &Digest, length: u64) -> Option<PathBuf> {
    named(target, &format!("{}-{length}", hex(digest)?))
}

fn named(target: &Path, middle: &str) -> Option<PathBuf> {
    let name = target.file_name()?.to_str().filter(|name| name.len() <= 210)?;
    Some(folder_of(target).join(format!(".{name}.{middle}{SUFFIX}")))
}

fn hex(digest: &Digest) -> Option<String> {
    digest.to_string().split_once('=').map(|(_, hex)| hex[..DIGITS].to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_parts_and_of_what_they_become() {
        let digest = Digest::new([0xab; 32]);
        let target = Path::new("a/rfc1.txt");
        let names =
            [kept_path(target, &digest).unwrap(), pieces_path(target, &digest, 9_000_000).unwrap()];
        assert_eq!(names[0], Path::new("a/.rfc1.txt.abababababababab.part"));
        assert_eq!(names[1], Path::new("a/.rfc1.txt.abababababababab-9000000.part"));
        for path in names {
            let name = path.file_name().unwrap().to_str().unwrap();
            assert_eq!(target_of(name), Some("rfc1.txt"), "{name}");
        }
        for name in
            [".x.part", ".x.abab.part", "x.abababababababab.part", ".x.abababababababab-y.part"]
        {
            assert_eq!(target_of(name), None, "{name}");
        }
        assert_eq!(kept_path(Path::new(&"x".repeat(240)), &digest), None);
    }
}
