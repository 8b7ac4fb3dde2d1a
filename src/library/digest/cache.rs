//! SHA-256 digests of files, computed once and cached by the state of the file (protocol.md section 5.5).
//!
//! A file whose state has changed is read again. [`super::store`] keeps the cache between runs.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use super::hasher::Hasher;
use super::store::{DigestStore, Known};
use crate::escape::escaped_path;
use crate::library::entry::{Entry, OpenDocument};
use crate::library::file_state::FileState;
use crate::limits;
use crate::protocol::{Content, Digest, Document};
use crate::system::{self, PageAligned};

/// The time between two checks whether the state of a file is old enough.
const RACE_POLL: Duration = Duration::from_millis(10);

/// The digests of files, by the states of the files.
#[derive(Debug, Default)]
pub struct DigestCache {
    known: Mutex<HashMap<FileState, Known>>,
    store: Option<DigestStore>,
}

impl DigestCache {
    /// Loads the digests of this store. If its format is wrong, there are none.
    pub fn load(store: &Path) -> Self {
        let stored = DigestStore::at(store);
        let known = stored.read();
        if known.is_none() && store.exists() {
            log::warn!(
                "the digests in `{}` cannot be read: they are computed again",
                escaped_path(&store)
            );
        }
        Self { known: Mutex::new(known.unwrap_or_default()), store: Some(stored) }
    }

    /// A buffer for reading files. It fits into the cache of the processor.
    pub fn buffer() -> PageAligned {
        PageAligned::new(64 * 1024)
    }

    /// The length and the digest of the document in a file of this state, as far as they are known.
    pub(in crate::library) fn content(&self, state: &FileState) -> Content {
        match self.lock().get(state) {
            Some(known) => Content { digest: Some(known.digest), length: Some(known.length) },
            None => Content { digest: None, length: state.document_length() },
        }
    }

    /// Caches the digest of a file that was read or written here.
    pub(in crate::library) fn insert(&self, state: FileState, digest: Digest, length: u64) {
        self.lock().insert(state, Known { digest, length });
    }

    /// Forgets the states that no document has any more, if there are many. Each change of a file leaves
    /// one.
    pub(in crate::library) fn forget_old<'a>(
        &self,
        entries: impl ExactSizeIterator<Item = &'a Arc<Entry>>,
    ) {
        if self.lock().len() <= limits::OLD_DIGESTS.saturating_add(entries.len()) {
            return;
        }
        let states: HashSet<FileState> = entries.map(|entry| entry.state).collect();
        self.lock().retain(|state, _| states.contains(state));
    }

    /// The cached digest of an open document; `None` if it was not computed for this state of the file.
    pub fn known(&self, document: &OpenDocument) -> Option<Digest> {
        self.content(&document.state).digest
    }

    /// Selects the documents without a cached digest for the state of their file at the last scan, and
    /// reserves memory for their digests.
    pub fn unknown<'a>(
        &self,
        documents: impl Iterator<Item = (&'a Document, &'a Arc<Entry>)>,
    ) -> Vec<Document> {
        let mut known = self.lock();
        let unknown: Vec<_> = documents
            .filter(|(_, entry)| !known.contains_key(&entry.state))
            .map(|(document, _)| document.clone())
            .collect();
        known.reserve(unknown.len());
        unknown
    }

    /// Computes and caches the digest of a shared document; `None` as in [`DigestCache::compute`], or if
    /// its file has changed since the last scan.
    ///
    /// # Errors
    /// When the document cannot be opened or read.
    pub fn compute_unknown(
        &self,
        entry: &Entry,
        buffer: &mut PageAligned,
        resume: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        // While the file could change without a change of its state, a digest cannot be cached.
        while entry.state.is_racy(SystemTime::now()) {
            if !resume() {
                return Ok(None);
            }
            thread::sleep(RACE_POLL);
        }
        match entry.state.document_length() {
            Some(length) => self.read(&entry.open_as_seen()?, length, entry.state, buffer, resume),
            None => self.read_packed(entry, buffer, resume),
        }
    }

    /// Computes the digest of a packed document without a copy of it.
    fn read_packed(
        &self,
        entry: &Entry,
        buffer: &mut PageAligned,
        resume: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        let (unpacked, file, state) = entry.unpack()?;
        let is_racy = state.is_racy(SystemTime::now());
        let mut hasher = Hasher::default();
        let Some(length) = hasher.read_from(unpacked, buffer, resume)? else { return Ok(None) };
        if state.is_another(&file)? {
            return Ok(None);
        }
        Ok(Some(self.digest_of(hasher, state, length, is_racy)))
    }

    /// Computes and caches the digest of an open document; `None` if `resume` has returned `false`, or
    /// the file has changed meanwhile. The position of the file does not matter.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn compute(
        &self,
        document: &OpenDocument,
        buffer: &mut PageAligned,
        resume: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        self.read(&document.file, document.length, document.state, buffer, resume)
    }

    fn read(
        &self,
        file: &File,
        length: u64,
        state: FileState,
        buffer: &mut PageAligned,
        resume: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        let is_racy = state.is_racy(SystemTime::now());
        let mut hasher = Hasher::default();
        let bytes = FileBytes { file, at: 0, end: length };
        let Some(length) = hasher.read_from(bytes, buffer, resume)? else { return Ok(None) };
        if state.has_changed(file)? {
            return Ok(None);
        }
        Ok(Some(self.digest_of(hasher, state, length, is_racy)))
    }

    /// The digest of a file that was read, which is cached unless its state is too young.
    fn digest_of(&self, hasher: Hasher, state: FileState, length: u64, is_racy: bool) -> Digest {
        let digest = hasher.finish();
        if !is_racy {
            self.insert(state, digest, length);
        }
        digest
    }

    /// Writes the digests to the store, together with digests that other processes have stored.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        store.replace(|others| {
            let mut all = self.lock().clone();
            // If there are too many digests, those of other processes are forgotten.
            let room = limits::DIGESTS.saturating_sub(all.len());
            if others.len() <= room {
                others.into_iter().for_each(|(state, other)| {
                    all.entry(state).or_insert(other);
                });
            }
            all
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FileState, Known>> {
        // Each change is one insertion, so a poisoned map is consistent.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a file from its beginning to a known end, whatever its position. At that end it makes no
/// system call; a file that has grown has changed.
struct FileBytes<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for FileBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.end {
            return Ok(0);
        }
        let count = match system::read_at(self.file, buffer, self.at) {
            // It is no regular file any more, so its state has changed.
            Err(error) if error.kind() == io::ErrorKind::NotSeekable => 0,
            result => result?,
        };
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
