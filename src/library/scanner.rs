//! Scans of a shared directory: a scan compares its files with the shared documents, and finds new,
//! changed and removed ones (protocol.md section 9).
//!
//! Each scan covers all files, so lost or repeated events of the system do no harm. A scan reads names
//! and metadata, and the first pages of new and changed files. It does not lock the library while it
//! reads, so uploads do not wait for it.

use std::io;
use std::path::Path;

use super::catalog::{Library, SharedLibrary};
use super::comparison::{Change, Comparison, Snapshot, Stability, compare};
use super::directory::{Depth, SharedDirectory};
use super::scan_state::ScanState;
use crate::protocol::Document;

/// The changes that a scan has found.
#[derive(Debug, Default)]
pub struct ScanResult {
    /// The documents that were added, have changed, or are gone.
    pub changed: Vec<Document>,
    /// Whether files were skipped because they were written to recently. A later scan shares
    /// them.
    pub has_unstable: bool,
    /// Whether a part of the directory could not be read because the disk failed. A later scan tries
    /// again.
    pub is_incomplete: bool,
}

impl Library {
    /// Shares the files of a directory, except hidden files, links, and files that `.p2pciignore`
    /// excludes. A missing directory is empty, and is not created.
    ///
    /// # Errors
    /// When the directory cannot be read. A file that cannot be read is skipped and logged.
    pub fn scan(directory: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        Self::scan_all(directory, depth, &[])
    }

    /// Shares several directories. Of documents that several have, that of the first one is shared.
    ///
    /// # Errors
    /// As [`Library::scan`]. A directory after the first one that cannot be read is skipped and logged.
    pub fn scan_all(
        directory: &Path,
        depth: Depth,
        others: &[SharedDirectory],
    ) -> io::Result<SharedLibrary> {
        let library = SharedLibrary::empty(directory, depth, others);
        match library.scan(Stability::Any) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(library),
            outcome => outcome.map(|_| library),
        }
    }

    /// Shares a directory in which other programs may be writing. If a file was written to in the last
    /// second, this waits for a second and scans again. A file that has changed again is left to the
    /// next scan.
    ///
    /// # Errors
    /// As [`Library::scan`].
    pub fn scan_quiet(directory: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        Self::scan_all_quiet(directory, depth, &[])
    }

    /// Shares several directories in the same way.
    ///
    /// # Errors
    /// As [`Library::scan_all`].
    pub fn scan_all_quiet(
        directory: &Path,
        depth: Depth,
        others: &[SharedDirectory],
    ) -> io::Result<SharedLibrary> {
        let library = SharedLibrary::empty(directory, depth, others);
        if library.rescan()?.has_unstable {
            let quiet_time = library.read().scan_state.quiet_time;
            std::thread::sleep(quiet_time);
            library.rescan()?;
        }
        Ok(library)
    }
}

impl SharedLibrary {
    /// Scans the directory again. A missing directory is empty.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn rescan(&self) -> io::Result<ScanResult> {
        self.scan(Stability::Stable)
    }

    fn scan(&self, stability: Stability) -> io::Result<ScanResult> {
        let snapshot = Snapshot::of(&self.read());
        let mut state = self.write().scan_state.take();
        let comparison = compare(&snapshot, &mut state, stability);
        state.end_scan(comparison.is_ok());
        self.put_back(state);
        let Comparison { changes, official, has_unstable, is_incomplete } = comparison?;
        let mut library = self.write();
        if let Some(official) = official {
            library.official = official;
        }
        let changes = changes.into_iter();
        let changed = changes.filter_map(|change| library.apply(change)).collect();
        library.forget_old_digests();
        Ok(ScanResult { changed, has_unstable, is_incomplete })
    }

    /// Puts the state back after a scan, without documents that were removed during the scan.
    fn put_back(&self, mut state: ScanState) {
        let mut library = self.write();
        state.unreadable.retain(|document, _| !library.withdrawn.contains(document));
        library.scan_state = state;
    }
}

impl Library {
    /// Applies a change and returns its document, unless the document was added, changed or removed
    /// during the scan.
    fn apply(&mut self, change: Change) -> Option<Document> {
        let Change { document, before, after } = change;
        let is_as_before = match (self.entries.get(&document), &before) {
            (Some(now), Some(before)) => now.is_same(before),
            (None, None) => !self.withdrawn.contains(&document),
            _ => false,
        };
        if !is_as_before {
            return None;
        }
        match after {
            Some(entry) => self.entries.insert(document.clone(), entry),
            None => self.entries.remove(&document),
        };
        Some(document)
    }
}

#[cfg(test)]
mod tests;
