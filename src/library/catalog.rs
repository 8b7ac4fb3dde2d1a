//! The shared documents of a directory, with their titles and files (protocol.md sections 2.3 and 5).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::digest::DigestCache;
use super::directory::{Depth, SharedDirectory};
use super::entry::Entry;
use super::file_state::FileState;
use super::name::{NotSaved, file_name_of};
use super::scan_state::ScanState;
use super::target::SaveTarget;
use super::titles::Official;
use crate::limits;
use crate::protocol::{Content, Digest, Document, Title};

/// The shared documents of one directory or several, and single files elsewhere that the user has added.
#[derive(Debug)]
pub struct Library {
    pub(super) directory: Arc<Path>,
    pub(super) depth: Depth,
    /// The shared directories after the first one.
    pub(super) others: Arc<[SharedDirectory]>,
    pub(super) entries: BTreeMap<Document, Arc<Entry>>,
    /// Documents that the user has removed. Their files in the directory are not shared.
    pub(super) withdrawn: HashSet<Document>,
    /// States of packed files that could not be unpacked, which are not shared, and the reasons.
    pub(super) unpackable: HashMap<FileState, Arc<str>>,
    /// Titles from `rfc-index.txt` in the directory.
    pub(super) official: Arc<Official>,
    digests: Arc<DigestCache>,
    pub(super) scan_state: ScanState,
}

impl Library {
    /// Replaces the digest cache by one that was loaded from its store.
    pub fn set_digests(&mut self, digests: DigestCache) {
        self.digests = Arc::new(digests);
    }

    /// The digests of the documents that are known.
    pub fn digests(&self) -> Arc<DigestCache> {
        Arc::clone(&self.digests)
    }

    /// The shared directory, or the first one. Downloads are saved there.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether subdirectories are shared as well.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The shared directories after the first one.
    pub fn others(&self) -> &[SharedDirectory] {
        &self.others
    }

    /// The shared directory of a file; the first one if the user has added it from elsewhere.
    pub fn directory_of(&self, entry: &Entry) -> &Path {
        self.other_of(entry).map_or(&*self.directory, |other| &*other.path)
    }

    /// Whether a document is moved out of its directory after another peer has downloaded it completely, if
    /// that is so in the first directory.
    pub fn hands_over(&self, entry: &Entry, in_first: bool) -> bool {
        self.other_of(entry).map_or(in_first, |other| other.hand_over)
    }

    fn other_of(&self, entry: &Entry) -> Option<&SharedDirectory> {
        self.others.iter().find(|other| *other.path == *entry.directory)
    }

    /// The number of shared documents.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no document is shared.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All documents with their titles, in the order of a list.
    pub fn documents(&self) -> impl Iterator<Item = (&Document, &Title)> {
        self.entries.iter().map(|(document, entry)| (document, &entry.title))
    }

    /// All documents with their files, in the same order.
    pub fn entries(&self) -> impl Iterator<Item = (&Document, &Arc<Entry>)> {
        self.entries.iter()
    }

    /// Those after a document, or all, in the same order.
    pub fn entries_after(
        &self,
        last: Option<&Document>,
    ) -> impl Iterator<Item = (&Document, &Arc<Entry>)> {
        let begin = last.map_or(Bound::Unbounded, Bound::Excluded);
        self.entries.range::<Document, _>((begin, Bound::Unbounded))
    }

    /// The file of a document; `None` if it is not shared.
    pub fn entry(&self, document: &Document) -> Option<&Arc<Entry>> {
        self.entries.get(document)
    }

    /// The title of a document, if it is shared or `rfc-index.txt` has its title.
    pub fn known_title(&self, document: &Document) -> Option<Title> {
        match (self.entry(document), document) {
            (Some(entry), _) => Some(entry.title.clone()),
            (None, Document::Rfc(number)) => self.official.title(*number),
            (None, Document::File(_)) => None,
        }
    }

    /// The length and the digest of a shared document, as far as they are known without reading it.
    pub fn content(&self, document: &Document) -> Content {
        self.entry(document).map(|entry| self.digests.content(&entry.state)).unwrap_or_default()
    }

    /// Whether documents without a known digest exist, and have at most `most` bytes together.
    pub fn has_few_unknown_digests(&self, most: u64) -> bool {
        let unknown = self.entries.values().filter(|entry| {
            let content = self.digests.content(&entry.state);
            content.digest.is_none()
        });
        let mut left = Some(most);
        let mut count = 0_usize;
        for entry in unknown {
            count += 1;
            // The unpacked length of a packed document is not known.
            left = left.zip(entry.state.document_length()).and_then(|(a, b)| a.checked_sub(b));
            if left.is_none() {
                return false;
            }
        }
        count > 0
    }

    /// The file in which a downloaded document is saved.
    ///
    /// # Errors
    /// When its name is not allowed in a shared directory.
    pub fn target_for(&self, document: &Document) -> Result<SaveTarget, NotSaved> {
        Ok(SaveTarget::in_library(&self.directory, &file_name_of(document)?))
    }

    /// Shares a file as this document.
    pub(super) fn insert(&mut self, document: Document, entry: Entry) {
        self.withdrawn.remove(&document);
        self.entries.insert(document, Arc::new(entry));
    }

    /// Stops sharing a document, also after later scans, and returns its title. The file is not moved.
    /// `None` if the document is not shared, and is not waiting for its file to become readable.
    pub fn forget(&mut self, document: &Document) -> Option<Title> {
        let unreadable = self.scan_state.unreadable.remove(document);
        let entry = self.entries.remove(document).or(unreadable)?;
        self.withdrawn.insert(document.clone());
        Some(entry.title.clone())
    }

    /// Stops sharing a packed file that could not be unpacked, until the file changes. Returns whether
    /// it was shared.
    pub(super) fn withdraw_unpackable(
        &mut self,
        document: &Document,
        entry: &Entry,
        reason: &str,
    ) -> bool {
        if self.unpackable.len() >= limits::UNPACKABLE
            || !self.entries.get(document).is_some_and(|shared| shared.is_same(entry))
        {
            return false;
        }
        self.scan_state.skip(entry.name.as_bytes(), reason);
        self.unpackable.insert(entry.state, reason.into());
        self.entries.remove(document).is_some()
    }

    /// Forgets digests of file states that no document has any more.
    pub(super) fn forget_old_digests(&self) {
        self.digests.forget_old(self.entries.values());
    }
}

/// A library that several threads share: the upload server reads it, downloads and the user add to it.
#[derive(Clone, Debug)]
pub struct SharedLibrary(Arc<RwLock<Library>>);

impl SharedLibrary {
    /// A library of this directory without documents.
    pub(super) fn empty(directory: &Path, depth: Depth, others: &[SharedDirectory]) -> Self {
        Self(Arc::new(RwLock::new(Library {
            directory: directory.into(),
            depth,
            others: others.into(),
            entries: BTreeMap::new(),
            withdrawn: HashSet::new(),
            unpackable: HashMap::new(),
            official: Arc::default(),
            digests: Arc::default(),
            scan_state: ScanState::default(),
        })))
    }

    /// Locks the library for reading.
    pub fn read(&self) -> RwLockReadGuard<'_, Library> {
        // Each change is one insertion or removal, so a poisoned library is consistent.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of a shared document, if it is known for the present state of the file.
    pub fn current_digest(&self, document: &Document) -> Option<Digest> {
        let (entry, digest) = {
            let library = self.read();
            let entry = library.entry(document)?;
            (Arc::clone(entry), library.digests.content(&entry.state).digest?)
        };
        entry.state_now().is_ok_and(|state| state == entry.state).then_some(digest)
    }

    /// Locks the library for changes.
    pub fn write(&self) -> RwLockWriteGuard<'_, Library> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
