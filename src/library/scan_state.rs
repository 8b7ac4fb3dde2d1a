//! The state that is kept from one scan of a directory to the next.

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::directory;
use super::entry::Entry;
use super::file_state::FileState;
use crate::escape::escaped;
use crate::limits;
use crate::protocol::Document;

/// The state that is kept from one scan to the next.
#[derive(Debug)]
pub(super) struct ScanState {
    /// The time without writes after which a file is stable.
    pub(super) quiet_time: Duration,
    /// Files that were still being written, and since when they have been in that state.
    pub(super) unstable: HashMap<Document, (FileState, Instant)>,
    /// Files that the last complete scan has skipped, with the reasons.
    pub(super) skipped: HashSet<Vec<u8>>,
    /// Files that the present scan skips.
    skipped_now: HashSet<Vec<u8>>,
    /// Files that the user or a download has added and that cannot be read now. They are shared again
    /// when they can be read.
    pub(super) unreadable: HashMap<Document, Arc<Entry>>,
}

impl Default for ScanState {
    fn default() -> Self {
        Self {
            quiet_time: limits::Library::DEFAULT.quiet_time,
            unstable: HashMap::new(),
            skipped: HashSet::new(),
            skipped_now: HashSet::new(),
            unreadable: HashMap::new(),
        }
    }
}

impl ScanState {
    /// Takes the state for a scan. The unreadable files stay here as well, because the user may
    /// remove them during the scan.
    pub(super) fn take(&mut self) -> Self {
        let unreadable = self.unreadable.clone();
        std::mem::replace(self, Self { quiet_time: self.quiet_time, unreadable, ..Self::default() })
    }

    /// Ends a scan. A failed scan has not seen all files, so it does not change which files count as
    /// skipped. After a complete one, a file that is skipped again is logged again.
    pub(super) fn end_scan(&mut self, is_complete: bool) {
        let skipped = std::mem::take(&mut self.skipped_now);
        if is_complete {
            self.skipped = skipped;
        }
    }

    /// Logs that a file is skipped, unless the last scan has logged it.
    pub(super) fn skip(&mut self, name: &[u8], reason: &str) {
        let line = [name, b"\0", reason.as_bytes()].concat();
        let is_known = self.skipped.contains(&line);
        if self.skipped_now.insert(line) && !is_known {
            log_skipped(name, reason);
        }
    }

    /// Removes the unreadable files that can be read now, and returns them in their present state.
    /// Files that are gone are forgotten.
    pub(super) fn take_readable(&mut self) -> Vec<(Document, Entry)> {
        let mut readable = Vec::new();
        self.unreadable.retain(|document, entry| match entry.readable_state() {
            Err(error) => is_denied(&error) || directory::may_pass(&error),
            Ok(state) => {
                readable.push((document.clone(), Entry { state, ..Entry::clone(entry) }));
                false
            }
        });
        readable
    }

    /// When a file was first seen in this state, if that is too short a time for it to be stable.
    pub(super) fn unstable_since(&self, document: &Document, state: &FileState) -> Option<Instant> {
        let now = Instant::now();
        match self.unstable.get(document) {
            Some((before, since)) if before == state => {
                (now.duration_since(*since) < self.quiet_time).then_some(*since)
            }
            _ => state.was_modified_within(self.quiet_time, SystemTime::now()).then_some(now),
        }
    }
}

/// Whether this user may not read a file or directory.
pub(super) fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// Logs that a file is not shared.
pub(super) fn log_skipped(name: &[u8], reason: &str) {
    log::warn!("`{}` is not shared: {reason}", escaped(name));
}
