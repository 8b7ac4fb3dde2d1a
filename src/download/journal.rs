//! The downloads that were tried for each document, and their results.
//!
//! The journal shows why a document is not here, which digest a downloaded document had, and which
//! downloads were unfinished when a program ended. Several processes may use one journal: each
//! reads the file for each query, so that it sees the events of the others.
//!
//! | file | subject |
//! |---|---|
//! | `entries` | events, their lines, and which of them are kept |
//! | `file` | the file: appended to, locked, compacted, synced |

mod entries;
mod file;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

pub use entries::{Entry, Event};

use crate::escape::escaped_path;
use crate::protocol::{Digest, Document};
use entries::Entries;
use file::JournalFile;

/// The journal of the downloads into one directory.
#[derive(Debug)]
pub struct Journal(Store);

#[derive(Debug)]
enum Store {
    Memory(Mutex<Entries>, EarlierRuns),
    File(Mutex<JournalFile>),
}

/// What a journal without a file knows of the downloads of earlier runs.
#[derive(Debug)]
enum EarlierRuns {
    /// There were none.
    None,
    /// Their journal could not be opened, or was not needed.
    Unknown,
}

impl Journal {
    /// A journal that ends with the program.
    pub fn in_memory() -> Self {
        Self(Store::Memory(Mutex::default(), EarlierRuns::Unknown))
    }

    /// The same for a directory into which nothing was downloaded before.
    pub fn without_earlier_runs() -> Self {
        Self(Store::Memory(Mutex::default(), EarlierRuns::None))
    }

    /// Opens a journal, or creates an empty one.
    ///
    /// # Errors
    /// When it cannot be read or written, or is not a regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Store::File(Mutex::new(JournalFile::open(path)?))))
    }

    /// Records an event. A journal that cannot be written does not end a download.
    pub fn add(&self, document: &Document, event: Event) {
        self.add_all([(document.clone(), event)].into_iter());
    }

    /// The same for many documents.
    pub fn add_all(&self, events: impl Iterator<Item = (Document, Event)>) {
        let time = SystemTime::now();
        let mut events = events.map(|(document, event)| (document, Entry { time, event }));
        match &self.0 {
            Store::Memory(entries, _) => {
                let mut entries = lock(entries);
                events.for_each(|(document, entry)| entries.add(document, entry));
            }
            Store::File(file) => lock(file).append(&mut events),
        }
    }

    /// Syncs added events to disk, unless that was done recently. A caller that adds events without
    /// an end, or waits after the last event, calls it at intervals.
    pub fn sync_if_due(&self) {
        if let Store::File(file) = &self.0 {
            lock(file).sync_if_due();
        }
    }

    /// Syncs added events to disk.
    pub fn sync(&self) {
        if let Store::File(file) = &self.0 {
            lock(file).sync();
        }
    }

    /// The history of a document, the oldest event first.
    pub fn of(&self, document: &Document) -> Vec<Entry> {
        self.read(|entries| entries.of(document).to_vec())
    }

    /// Whether no other process had it open when this one opened it.
    pub fn was_alone(&self) -> bool {
        match &self.0 {
            Store::Memory(..) => true,
            Store::File(file) => lock(file).was_alone(),
        }
    }

    /// The documents that were wanted and neither fetched nor given up, with the digest that they
    /// must have.
    pub fn unfinished(&self) -> BTreeMap<Document, Option<Digest>> {
        self.read(Entries::unfinished)
    }

    /// The digests with which documents were fetched last.
    pub fn fetched(&self) -> BTreeMap<Document, Digest> {
        self.read(Entries::fetched)
    }

    /// Checks that the history of earlier runs can be read.
    ///
    /// # Errors
    /// When it cannot, or there is none, and nothing was downloaded since this program started.
    pub fn check(&self) -> io::Result<()> {
        match &self.0 {
            Store::Memory(entries, EarlierRuns::Unknown) if lock(entries).fetched().is_empty() => {
                Err(io::Error::other("this program could not open it when it started"))
            }
            Store::Memory(..) => Ok(()),
            Store::File(file) => {
                let path = lock(file).path().to_path_buf();
                file::read(&path).map(drop)
            }
        }
    }

    fn read<T>(&self, take: impl FnOnce(&Entries) -> T) -> T {
        match &self.0 {
            Store::Memory(entries, _) => take(&lock(entries)),
            Store::File(file) => {
                let path = lock(file).path().to_path_buf();
                let entries = file::read(&path).unwrap_or_else(|error| {
                    log::warn!("cannot read the journal `{}`: {error}", escaped_path(&path));
                    Entries::default()
                });
                take(&entries)
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one insertion, or one write to the file.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
