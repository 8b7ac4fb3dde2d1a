//! SHA-256 of files, computed once and kept (protocol.md section 5.5).
//!
//! A digest is kept by the state of its file; one that was touched is read again. How they are
//! stored is not decided here, but in `digest_store`.

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

/// Between two looks whether a file's state is old enough.
const RACE_POLL: Duration = Duration::from_millis(10);

/// The digests of files, by what the file system says of them.
#[derive(Debug, Default)]
pub struct DigestCache {
    known: Mutex<HashMap<FileState, Known>>,
    store: Option<DigestStore>,
}

impl DigestCache {
    /// The digests in this file, or none if its format is wrong.
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

    /// Memory to read files into, as much as stays in the processor's cache: larger pieces would
    /// come from the system's memory, page by page.
    pub fn buffer() -> PageAligned {
        PageAligned::new(64 * 1024)
    }

    /// What is known of the document in a file of this state.
    pub(in crate::library) fn content(&self, state: &FileState) -> Content {
        match self.lock().get(state) {
            Some(known) => Content { digest: Some(known.digest), length: Some(known.length) },
            None => Content { digest: None, length: state.document_length() },
        }
    }

    /// Remembers the digest of a file whose bytes were seen.
    pub(in crate::library) fn insert(&self, state: FileState, digest: Digest, length: u64) {
        self.lock().insert(state, Known { digest, length });
    }

    /// Forgets states that no document has any more, if they are many: each change of a file leaves
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

    /// The digest of an open document; `None` if it was not computed for this state of the file.
    pub fn known(&self, document: &OpenDocument) -> Option<Digest> {
        self.content(&document.state).digest
    }

    /// Those of these documents whose digests are not known, as their files were when they were
    /// last looked at. There is room for what is going to be known of them.
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

    /// Computes the digest of a shared document, piece by piece; `None` as in [`DigestCache::compute`],
    /// or if its file is not what it was when it was last looked at.
    ///
    /// # Errors
    /// When the document cannot be opened or read.
    pub fn compute_unknown(
        &self,
        entry: &Entry,
        buffer: &mut PageAligned,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        // If its bytes can still change without its state, what is computed now is not to be kept.
        while entry.state.is_racy(SystemTime::now()) {
            if !go_on() {
                return Ok(None);
            }
            thread::sleep(RACE_POLL);
        }
        match entry.state.document_length() {
            Some(length) => self.read(&entry.open_as_seen()?, length, entry.state, buffer, go_on),
            None => self.read_packed(entry, buffer, go_on),
        }
    }

    /// Unpacks a document only to read it.
    fn read_packed(
        &self,
        entry: &Entry,
        buffer: &mut PageAligned,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        let (mut unpacked, file, state) = entry.unpack()?;
        let is_racy = state.is_racy(SystemTime::now());
        let (mut hasher, mut length) = (Hasher::default(), 0_u64);
        loop {
            let count = match unpacked.read(buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(buffer.get(..count).unwrap_or_default());
            length = length.saturating_add(count as u64);
            if !go_on() {
                return Ok(None);
            }
        }
        if state.is_another(&file)? {
            return Ok(None);
        }
        let digest = hasher.finish();
        if !is_racy {
            self.insert(state, digest, length);
        }
        Ok(Some(digest))
    }

    /// Computes the digest of an open document; `None` if `go_on` did not want to go on, or the
    /// file changed meanwhile. Where the file stands does not matter.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn compute(
        &self,
        document: &OpenDocument,
        buffer: &mut PageAligned,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        self.read(&document.file, document.length, document.state, buffer, go_on)
    }

    fn read(
        &self,
        file: &File,
        length: u64,
        state: FileState,
        buffer: &mut PageAligned,
        go_on: &dyn Fn() -> bool,
    ) -> io::Result<Option<Digest>> {
        let is_racy = state.is_racy(SystemTime::now());
        let mut read = 0;
        let mut hasher = Hasher::default();
        // To be told that this is the end takes another call; what has grown has changed.
        while read < length {
            let count = match system::read_at(file, buffer, read) {
                Ok(0) => break,
                Ok(count) => count,
                // It is no regular file any more, and its state says so.
                Err(error) if error.kind() == io::ErrorKind::NotSeekable => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            hasher.update(buffer.get(..count).unwrap_or_default());
            read = read.saturating_add(count as u64);
            if !go_on() {
                return Ok(None);
            }
        }
        if state.has_changed(file)? {
            return Ok(None);
        }
        let digest = hasher.finish();
        if !is_racy {
            self.insert(state, digest, read);
        }
        Ok(Some(digest))
    }

    /// Writes what is known to the store, beside what other programs have stored there meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        store.replace(|others| {
            let mut all = self.lock().clone();
            // Files that are long gone are forgotten when there are too many of them.
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
        // Each change is one insertion: a poisoned map is still whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::library::{Depth, Library};

    const OF_ABC: &str = "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn open(path: &Path) -> OpenDocument {
        let file = File::open(path).unwrap();
        let metadata = file.metadata().unwrap();
        let (length, state) = (metadata.len(), FileState::of(&metadata));
        OpenDocument { file, length, modified: metadata.modified().unwrap(), state, _copy: None }
    }

    fn digest(digests: &DigestCache, path: &Path) -> Option<String> {
        while open(path).state.is_racy(SystemTime::now()) {
            thread::sleep(RACE_POLL);
        }
        digests
            .compute(&open(path), &mut DigestCache::buffer(), &|| true)
            .unwrap()
            .map(|digest| digest.to_string())
    }

    #[test]
    fn a_digest_is_computed_once_and_a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        let digests = DigestCache::default();
        assert_eq!(digests.known(&open(&path)), None);
        assert_eq!(digest(&digests, &path).as_deref(), Some(OF_ABC));
        assert!(digests.known(&open(&path)).is_some());
        fs::write(&path, "abcd").unwrap();
        assert_eq!(digests.known(&open(&path)), None);
        assert_ne!(digest(&digests, &path).as_deref(), Some(OF_ABC));
    }

    #[test]
    fn what_is_not_as_it_was_seen_has_no_digest_before_it_is_looked_at_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        let shared = Library::scan(folder.path(), Depth::Folder).unwrap();
        let digests = DigestCache::default();
        let unknown = || digests.unknown(shared.read().entries());
        let compute = || {
            let entry = shared.read().entry(&unknown()[0]).cloned().unwrap();
            digests.compute_unknown(&entry, &mut DigestCache::buffer(), &|| true)
        };

        for other in ["ab", "abcd"] {
            fs::write(&path, other).unwrap();
            assert_eq!(compute().unwrap(), None, "{other}");
        }
        fs::remove_file(&path).unwrap();
        assert_eq!(compute().unwrap_err().kind(), io::ErrorKind::NotFound);
        #[cfg(unix)]
        {
            let fifo = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(fifo.success());
            assert_eq!(compute().unwrap(), None);
            fs::remove_file(&path).unwrap();
        }
        assert!(digests.lock().is_empty());

        fs::write(&path, "abc").unwrap();
        // One that was written to in the last second is not looked at yet.
        let old = SystemTime::now() - Duration::from_secs(60);
        File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
        shared.rescan().unwrap();
        assert_eq!(compute().unwrap().unwrap().to_string(), OF_ABC);
        assert!(unknown().is_empty());
    }

    #[test]
    fn computing_stops_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        let digests = DigestCache::default();
        assert_eq!(
            digests.compute(&open(&path), &mut DigestCache::buffer(), &|| false).unwrap(),
            None
        );
        assert!(digests.lock().is_empty());
    }
}
