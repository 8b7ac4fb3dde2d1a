//! The hidden files in which downloads lie until they are whole: their names, and what killed
//! programs have left of them.
//!
//! | name | what it is |
//! |---|---|
//! | `.p2p-ci-XXXXXX.part` | temporary: nobody knows which document it is to become |
//! | `.fedcba9876543210.0123456789abcdef.part` | the beginning of the document with this digest |
//! | `.fedcba9876543210.0123456789abcdef-9000000.part` | pieces of it, in any order ([`super::Pieces`]) |
//!
//! The first number is the beginning of the SHA-256 of the target's name, so that long names fit.
//! Earlier versions had the name itself there: such files are renamed.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use super::Hasher;
use super::target::{SaveTarget, folder_of, rename};
use crate::protocol::Digest;
use crate::system::{is_at, open_part};

/// What the names of temporary files begin with.
const TEMPORARY: &str = ".p2p-ci-";
/// What the names of all our hidden files end with.
const SUFFIX: &str = ".part";
/// Hexadecimal digits of a digest in a name.
const DIGITS: usize = 16;

/// A temporary file in the target's directory, removed when it is dropped.
pub(super) fn temporary(target: &SaveTarget) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY).suffix(SUFFIX);
    // What everybody may read after a plain copy, everybody may read after a download.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(target.root())?;
    // Where there are no locks, an abandoned file cannot be told from one in use, and stays.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// What earlier downloads have left in a directory, found by reading it once.
#[derive(Debug, Default)]
pub struct PartFiles {
    by_target: Mutex<HashMap<String, Vec<PathBuf>>>,
    /// Sub-directories that were searched for files of earlier versions.
    searched: Mutex<HashSet<PathBuf>>,
}

impl PartFiles {
    /// Reads a directory. Temporary files that killed programs have left there are removed.
    pub fn in_folder(folder: &Path) -> Self {
        let mut by_target: HashMap<String, Vec<PathBuf>> = HashMap::new();
        for path in hidden_files(folder) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(TEMPORARY) {
                if is_abandoned(&path) {
                    // If it cannot be removed, it only takes room.
                    let _ = fs::remove_file(&path);
                }
                continue;
            }
            let Some((target, rest)) = split_name(name) else { continue };
            let key = if is_hex(target) { target.to_string() } else { key_of(target.as_bytes()) };
            let current = folder.join(format!(".{key}.{rest}{SUFFIX}"));
            if current == path || adopt(&path, &current) {
                by_target.entry(key).or_default().push(current);
            }
        }
        Self { by_target: Mutex::new(by_target), searched: Mutex::default() }
    }

    /// Whether there are any of this target.
    pub fn has(&self, target: &SaveTarget) -> bool {
        self.by_target().contains_key(&key_of(target.key()))
    }

    /// Those of one target.
    pub(super) fn of(&self, target: &SaveTarget) -> Vec<PathBuf> {
        self.remove_earlier(target);
        self.by_target().get(&key_of(target.key())).cloned().unwrap_or_default()
    }

    /// Remembers what can be resumed of a target.
    pub(super) fn remember(&self, target: &SaveTarget, left: Vec<PathBuf>) {
        let key = key_of(target.key());
        match left.is_empty() {
            true => self.by_target().remove(&key),
            false => self.by_target().insert(key, left),
        };
    }

    fn by_target(&self) -> MutexGuard<'_, HashMap<String, Vec<PathBuf>>> {
        // Each change is one insertion.
        self.by_target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes what earlier versions have left in the sub-directory of a target.
    fn remove_earlier(&self, target: &SaveTarget) {
        let path = target.path();
        let folder = folder_of(&path);
        if folder == target.root() {
            return;
        }
        let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = searched.insert(folder.into());
        drop(searched);
        if is_new {
            let is_part = |path: &PathBuf| {
                let name = path.file_name().and_then(|name| name.to_str());
                name.and_then(split_name).is_some_and(|(target, _)| !is_hex(target))
            };
            hidden_files(folder).filter(is_part).for_each(|path| remove_unused(&path));
        }
    }
}

/// The files of a directory whose names may be those of partial files.
fn hidden_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().map(OsStr::as_encoded_bytes).unwrap_or_default();
        name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
    })
}

/// Gives the file of an earlier version its present name; `false` if another process uses it.
fn adopt(path: &Path, current: &Path) -> bool {
    match open_locked(path, false) {
        Ok(Opened::Locked(_file)) => rename(path, current, false).is_ok(),
        Ok(Opened::Busy | Opened::Missing) | Err(_) => false,
    }
}

/// What came of opening a partial file.
pub(super) enum Opened {
    /// It is open, and no other process has it.
    Locked(File),
    /// Another process is writing it.
    Busy,
    /// There is none, and it was not to be created.
    Missing,
}

/// Opens a partial file and locks it. Between the two, another process may complete the document
/// and rename the file: then what is open is the document, and must not be touched.
pub(super) fn open_locked(path: &Path, create: bool) -> io::Result<Opened> {
    loop {
        let file = match open_part(path, create) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !create => {
                return Ok(Opened::Missing);
            }
            file => file?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Opened::Busy),
            // The file system has no locks.
            Err(TryLockError::Error(_)) => return Ok(Opened::Busy),
        }
        if is_at(&file, path)? {
            return Ok(Opened::Locked(file));
        }
    }
}

/// Removes a partial file that no other process has.
pub(super) fn remove_unused(path: &Path) {
    if let Ok(Opened::Locked(_file)) = open_locked(path, false) {
        // If it cannot be removed, it only takes room.
        let _ = fs::remove_file(path);
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

/// Which target a partial file is of, and the rest of its name.
fn split_name(part: &str) -> Option<(&str, &str)> {
    let (target, rest) = part.strip_prefix('.')?.strip_suffix(SUFFIX)?.rsplit_once('.')?;
    let (hex, length) = rest.split_once('-').unwrap_or((rest, "0"));
    let is_ours = is_hex(hex) && length.parse::<u64>().is_ok() && !target.is_empty();
    is_ours.then_some((target, rest))
}

fn is_hex(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The name for the beginning of a document.
pub(super) fn kept_path(target: &SaveTarget, digest: &Digest) -> PathBuf {
    named(target, &short(digest))
}

/// The name for its pieces.
pub(super) fn pieces_path(target: &SaveTarget, digest: &Digest, length: u64) -> PathBuf {
    named(target, &format!("{}-{length}", short(digest)))
}

fn named(target: &SaveTarget, middle: &str) -> PathBuf {
    target.root().join(format!(".{}.{middle}{SUFFIX}", key_of(target.key())))
}

fn key_of(name: &[u8]) -> String {
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
            let kept = kept_path(&target, &digest);
            assert_eq!(kept, Path::new("a").join(format!(".{key}.abababababababab.part")));
            for path in [kept, pieces_path(&target, &digest, 9_000_000)] {
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

    #[test]
    fn parts_of_earlier_versions_are_renamed_or_removed() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join(".a.txt.abababababababab.part");
        fs::write(&old, "begun").unwrap();
        fs::create_dir(folder.path().join("sub")).unwrap();
        let below = folder.path().join("sub/.b.txt.abababababababab.part");
        fs::write(&below, "begun").unwrap();
        let parts = PartFiles::in_folder(folder.path());
        let target = SaveTarget::file(&folder.path().join("a.txt"));
        assert!(parts.has(&target) && !old.exists());
        let kept = kept_path(&target, &Digest::new([0xab; 32]));
        assert_eq!(fs::read(kept).unwrap(), b"begun");
        assert!(parts.of(&SaveTarget::in_library(folder.path(), "sub/b.txt")).is_empty());
        assert!(!below.exists());
    }

    #[test]
    fn what_was_renamed_while_it_was_opened_is_not_taken_for_the_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        fs::write(&path, "whole").unwrap();
        let file = open_part(&path, false).unwrap();
        fs::rename(&path, folder.path().join("document")).unwrap();
        assert!(!is_at(&file, &path).unwrap());
        fs::write(&path, "other").unwrap();
        assert!(!is_at(&file, &path).unwrap());
        let Opened::Locked(locked) = open_locked(&path, false).unwrap() else { panic!("busy") };
        assert!(is_at(&locked, &path).unwrap());
        assert!(matches!(open_locked(&path, false).unwrap(), Opened::Busy));
    }
}
