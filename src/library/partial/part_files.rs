//! The part files that earlier downloads have left in a directory, and their limits (protocol.md section
//! 7).
//!
//! Any peer can announce a digest, so part files of digests that the user does not trust are limited
//! in number and size ([`super::part_limits`]). Part files that no download needs any more are
//! deleted. A file that another process has locked is never changed or deleted.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::lock::{Opened, is_older, open_locked, remove_unused};
use super::part_limits::{ListedPart, excess, most_bytes};
use super::part_names::{SUFFIX, TEMPORARY, hidden_files, is_hex, key_of, split_name};
use super::temporary::remove_abandoned;
use crate::counted::counted;
use crate::escape::escaped_path;
use crate::library::target::{SaveTarget, directory_of};
use crate::limits::{DISK_FREE, PART_AGE, PART_FILES};
use crate::system::{free_space, rename_new};

/// Part files of earlier downloads in a directory, found by reading it once.
#[derive(Debug, Default)]
pub struct PartFiles {
    directory: PathBuf,
    by_target: Mutex<HashMap<String, Parts>>,
    /// Subdirectories that were searched for part files of earlier versions of this program.
    searched: Mutex<HashSet<PathBuf>>,
}

/// The part files of one target.
#[derive(Debug, Default)]
struct Parts {
    files: Vec<ListedPart>,
    /// The paths of those that this process has written.
    own: HashSet<PathBuf>,
    /// Whether the user trusts their digest.
    is_trusted: bool,
}

impl PartFiles {
    /// Finds the part files of a directory. Temporary files of killed processes are deleted.
    pub fn in_directory(directory: &Path) -> Self {
        let mut by_target: HashMap<String, Parts> = HashMap::new();
        for path in hidden_files(directory) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(TEMPORARY) {
                remove_abandoned(&path);
                continue;
            }
            let Some((target, rest)) = split_name(name) else { continue };
            let key = if is_hex(target) { target.to_string() } else { key_of(target.as_bytes()) };
            let current = directory.join(format!(".{key}.{rest}{SUFFIX}"));
            if current == path || adopt(&path, &current) {
                by_target.entry(key).or_default().files.extend(ListedPart::at(current));
            }
        }
        Self {
            directory: directory.into(),
            by_target: Mutex::new(by_target),
            searched: Mutex::default(),
        }
    }

    /// Whether there are no part files.
    pub fn is_empty(&self) -> bool {
        self.by_target().is_empty()
    }

    /// Whether this target has part files.
    pub fn has(&self, target: &SaveTarget) -> bool {
        !self.is_empty() && self.by_target().contains_key(&key_of(target.key()))
    }

    /// The part files of one target.
    pub(super) fn of(&self, target: &SaveTarget) -> Vec<PathBuf> {
        self.remove_earlier(target);
        if self.is_empty() {
            return Vec::new();
        }
        let by_target = self.by_target();
        let parts = by_target.get(&key_of(target.key()));
        parts.into_iter().flat_map(|parts| &parts.files).map(|part| part.path.clone()).collect()
    }

    /// Records the part files of a target that can be resumed, and deletes the part files that exceed
    /// the limits of the directory.
    pub(super) fn remember(
        &self,
        target: &SaveTarget,
        left: Vec<PathBuf>,
        own: Vec<PathBuf>,
        is_trusted: bool,
    ) {
        let files: Vec<ListedPart> = left.into_iter().filter_map(ListedPart::at).collect();
        let mut by_target = self.by_target();
        let key = key_of(target.key());
        let mut parts = by_target.remove(&key).unwrap_or_default();
        if !files.is_empty() {
            parts.own.extend(own);
            by_target.insert(key, Parts { files, is_trusted, ..parts });
        }
        drop(by_target);
        self.limit();
    }

    /// Deletes the part files of a document that is complete, unless another process uses them.
    pub fn remove(&self, target: &SaveTarget) {
        let parts = self.by_target().remove(&key_of(target.key()));
        parts.unwrap_or_default().files.iter().for_each(|part| remove_unused(&part.path));
    }

    /// Deletes part files that this process has written, because the disk is full: those of digests that
    /// the user does not trust, and of the others the largest, until [`DISK_FREE`] bytes are free. Part
    /// files that other processes have written stay: their downloads may wait to resume them.
    pub fn delete_own(&self) {
        let mut own: Vec<(bool, ListedPart)> = Vec::new();
        self.by_target().retain(|_, parts| {
            let Parts { files, own: paths, is_trusted } = parts;
            let is_own = |part: &mut ListedPart| paths.contains(&part.path);
            own.extend(files.extract_if(.., is_own).map(|part| (*is_trusted, part)));
            !files.is_empty()
        });
        own.sort_by_key(|(is_trusted, part)| (*is_trusted, Reverse(part.bytes)));
        for (is_trusted, ListedPart { path, bytes }) in own {
            if is_trusted {
                if free_space(&self.directory).is_none_or(|free| free >= DISK_FREE) {
                    return;
                }
                let (bytes, path) = (counted(bytes, "byte"), escaped_path(&path));
                log::warn!("the disk is full: {bytes} of `{path}` deleted");
            }
            remove_unused(&path);
        }
    }

    /// Deletes the part files that no download needs: part files of complete documents, and part files
    /// that were not written to for [`PART_AGE`]. The part files of `wanted` targets stay.
    pub fn remove_unwanted(
        &self,
        wanted: impl Iterator<Item = SaveTarget>,
        complete: impl Iterator<Item = SaveTarget>,
    ) {
        if self.is_empty() {
            return;
        }
        let keys = |targets: &mut dyn Iterator<Item = SaveTarget>| -> HashSet<String> {
            targets.map(|target| key_of(target.key())).collect()
        };
        let (mut wanted, mut complete) = (wanted, complete);
        let (wanted, complete) = (keys(&mut wanted), keys(&mut complete));
        let is_unwanted = |key: &str, part: &ListedPart| {
            !wanted.contains(key) && (complete.contains(key) || is_older(&part.path, PART_AGE))
        };
        let mut unwanted = Vec::new();
        self.by_target().retain(|key, parts| {
            unwanted.extend(parts.files.extract_if(.., |part| is_unwanted(key, part)));
            !parts.files.is_empty()
        });
        unwanted.iter().for_each(|part| remove_unused(&part.path));
        self.limit();
    }

    /// Deletes the smallest part files of digests that the user does not trust, until the others
    /// are within the limits. Part files that are in use are locked, and stay.
    fn limit(&self) {
        let (count, bytes) = self.untrusted(|files| {
            files.fold((0, 0u64), |(count, bytes), part| {
                (count + 1, bytes.saturating_add(part.bytes))
            })
        });
        if count <= PART_FILES && bytes <= most_bytes(&self.directory, bytes) {
            return;
        }
        let untrusted = self.untrusted(|files| files.cloned().collect());
        let excess = excess(&self.directory, untrusted, PART_FILES);
        excess.iter().for_each(|part| remove_unused(&part.path));
        self.by_target().retain(|_, parts| {
            parts.files.retain(|part| !excess.contains(part));
            !parts.files.is_empty()
        });
    }

    /// Calls `show` with the part files whose digests the user does not trust.
    fn untrusted<T>(&self, show: impl FnOnce(&mut dyn Iterator<Item = &ListedPart>) -> T) -> T {
        let by_target = self.by_target();
        let parts = by_target.values().filter(|parts| !parts.is_trusted);
        show(&mut parts.flat_map(|parts| &parts.files))
    }

    fn by_target(&self) -> MutexGuard<'_, HashMap<String, Parts>> {
        // Each change is one insertion or removal.
        self.by_target.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes the part files of earlier versions of this program, and temporary files of killed
    /// processes, in the subdirectory of a target.
    fn remove_earlier(&self, target: &SaveTarget) {
        let path = target.path();
        let directory = directory_of(&path);
        if directory == target.root() {
            return;
        }
        let mut searched = self.searched.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = searched.insert(directory.into());
        drop(searched);
        if !is_new {
            return;
        }
        for path in hidden_files(directory) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if name.starts_with(TEMPORARY) {
                remove_abandoned(&path);
            } else if split_name(name).is_some_and(|(target, _)| !is_hex(target)) {
                remove_unused(&path);
            }
        }
    }
}

/// Renames a part file of an earlier version of this program to its present name; `false` if another
/// process uses it.
fn adopt(path: &Path, current: &Path) -> bool {
    match open_locked(path) {
        Ok(Some(Opened::Locked(_file))) => rename_new(path, current).is_ok(),
        Ok(Some(Opened::Busy | Opened::Unusable) | None) | Err(_) => false,
    }
}

#[cfg(test)]
mod tests;
