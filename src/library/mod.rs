//! The documents that a peer shares, their titles and files; downloads until they are complete.
//!
//! | file | subject |
//! |---|---|
//! | `name`, `folded_name` | paths and documents; how file systems compare names |
//! | `folder`, `file_state` | the files in a directory, and their states |
//! | `look_over` | scans: what has changed since the last one |
//! | `watching` | scans when the directory changes |
//! | `entry`, `packed` | one shared document; one that has to be unpacked |
//! | `unpacked` | copies of packed documents that several readers share |
//! | `hand_over` | moving a document that was handed over out of the shared directory |
//! | `title` | titles from first pages |
//! | `rfc_index` | titles from `rfc-index.txt` |
//! | `store_file` | what several programs of one user have learned |
//! | `hasher`, `digests`, `digest_store` | SHA-256; of files, computed once and kept |
//! | `hashing` | computes the digests of all documents in the background |
//! | `save`, `pieces` | downloads that are not complete |
//! | `part_files`, `part_names`, `part_limits`, `kept` | their files: locks, names, limits, lengths |
//! | `adding` | sharing single files, and what was downloaded |
//! | `target`, `commit`, `saved` | where a complete one is saved, and how it gets its name |
//!
//! It looks at a folder when it is told to, and not by itself. A document is opened for upload
//! through its [`Entry`], which never follows a symbolic link. protocol.md sections 2.3 and 5.

mod adding;
mod commit;
mod digest_store;
mod digests;
mod entry;
mod file_state;
mod folded_name;
mod folder;
mod hand_over;
mod hasher;
mod hashing;
mod kept;
mod look_over;
mod name;
mod packed;
mod part_files;
mod part_limits;
mod part_names;
mod pieces;
mod rfc_index;
mod save;
mod saved;
mod store_file;
mod target;
mod title;
mod unpacked;
mod watching;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use commit::Finished;
pub use digests::Digests;
pub use entry::{Entry, OpenDocument};
pub use folder::Depth;
pub use hasher::Hasher;
pub use hashing::Hashing;
pub use kept::kept_bytes;
pub use look_over::Look;
pub use name::{NotSaved, candidate_groups, candidates, document_of, file_name_of};
pub use part_files::PartFiles;
pub use pieces::{PIECE, Pieces};
pub use save::Incoming;
pub use saved::Saved;
pub use store_file::StoreFile;
pub use target::SaveTarget;
pub use unpacked::UnpackedCopies;
pub use watching::{LOG_LIBRARY, Watching};

use crate::escape::escaped;
use crate::protocol::{Content, Digest, Document, Title};
use crate::{limits, system};
use look_over::{Memory, Settled, Snapshot};
use rfc_index::Official;

/// The shared documents of one folder, and of single files elsewhere.
#[derive(Debug)]
pub struct Library {
    folder: Arc<Path>,
    depth: Depth,
    entries: BTreeMap<Document, Arc<Entry>>,
    /// Documents that lie in the folder and are not shared, because somebody said so.
    withdrawn: HashSet<Document>,
    official: Arc<Official>,
    digests: Arc<Digests>,
    memory: Memory,
}

impl Library {
    /// Looks through a folder; hidden files, links and what `.p2pciignore` names are left out. A
    /// folder that is missing holds nothing, and is not created.
    ///
    /// # Errors
    /// When the folder cannot be read. A single file that cannot be read is left out, and said so in
    /// the log.
    pub fn scan(folder: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        let library = Self::empty(folder, depth);
        match library.look(Settled::Any) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(library),
            outcome => outcome.map(|_| library),
        }
    }

    /// The same for a folder in which others may be writing at this moment: a file to which something
    /// was written in the last second is waited for until it is a second old. One that then still
    /// changes is left to the next scan.
    ///
    /// # Errors
    /// As [`Library::scan`].
    pub fn scan_quiet(folder: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        let library = Self::empty(folder, depth);
        if library.look(Settled::Quiet)?.is_unsettled {
            std::thread::sleep(limits::QUIET);
            library.look(Settled::Quiet)?;
        }
        Ok(library)
    }

    fn empty(folder: &Path, depth: Depth) -> SharedLibrary {
        SharedLibrary(Arc::new(RwLock::new(Self {
            folder: folder.into(),
            depth,
            entries: BTreeMap::new(),
            withdrawn: HashSet::new(),
            official: Arc::default(),
            digests: Arc::default(),
            memory: Memory::default(),
        })))
    }

    /// Takes digests that were computed before, and a place to store them.
    pub fn set_digests(&mut self, digests: Digests) {
        self.digests = Arc::new(digests);
    }

    /// The digests of the documents, as far as they are known.
    pub fn digests(&self) -> Arc<Digests> {
        Arc::clone(&self.digests)
    }

    /// The folder that is shared.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether subdirectories are shared, too.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The number of shared documents.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no document.
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

    /// The file of a document; `None` if it is not shared.
    pub fn entry(&self, document: &Document) -> Option<&Arc<Entry>> {
        self.entries.get(document)
    }

    /// The title of a document, if it is shared or in the list of the RFC Editor.
    pub fn known_title(&self, document: &Document) -> Option<Title> {
        match (self.entry(document), document) {
            (Some(entry), _) => Some(entry.title.clone()),
            (None, Document::Rfc(number)) => self.official.title(*number),
            (None, Document::File(_)) => None,
        }
    }

    /// What is known of a shared document's bytes without reading them.
    pub fn content(&self, document: &Document) -> Content {
        self.entry(document).map(|entry| self.digests.content(&entry.state)).unwrap_or_default()
    }

    /// Whether there are digests to be computed, of documents that have at most this many bytes
    /// together.
    pub fn has_few_unknown_digests(&self, most: u64) -> bool {
        let unknown = self.entries.values().filter(|entry| {
            let content = self.digests.content(&entry.state);
            content.digest.is_none()
        });
        let mut left = Some(most);
        let mut count = 0_usize;
        for entry in unknown {
            count += 1;
            // The length of a packed one is not known.
            left = left.zip(entry.state.document_length()).and_then(|(a, b)| a.checked_sub(b));
            if left.is_none() {
                return false;
            }
        }
        count > 0
    }

    /// Where a document of the network is saved.
    ///
    /// # Errors
    /// When it is not saved in a shared directory.
    pub fn target_for(&self, document: &Document) -> Result<SaveTarget, NotSaved> {
        Ok(SaveTarget::in_library(&self.folder, &file_name_of(document)?))
    }

    fn insert(&mut self, document: Document, entry: Entry) {
        self.withdrawn.remove(&document);
        self.entries.insert(document, Arc::new(entry));
    }

    /// Stops sharing a document, also after later scans, and returns its title. The file is not moved.
    /// `None` if the document is not shared, and would not be when its file can be read again.
    pub fn forget(&mut self, document: &Document) -> Option<Title> {
        let unreadable = self.memory.unreadable.remove(document);
        let entry = self.entries.remove(document).or(unreadable)?;
        self.withdrawn.insert(document.clone());
        Some(entry.title.clone())
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            folder: Arc::clone(&self.folder),
            depth: self.depth,
            entries: self.entries.clone(),
            withdrawn: self.withdrawn.clone(),
            official: Arc::clone(&self.official),
        }
    }
}

/// The title of a file that is not given one: the official one, that of its first page, or its
/// name. It is opened in any case: what cannot be read cannot be shared.
fn title_of(
    document: &Document,
    folder: &Path,
    name: &str,
    official: &Official,
) -> io::Result<Title> {
    let (file, _) = system::open_regular(folder, name)?;
    let known = match document {
        Document::Rfc(number) => official.title(*number).or_else(|| {
            let most = title::FIRST_PAGE as u64;
            let mut page = Vec::new();
            // Whatever could be read is looked at: a title is not worth an error.
            let _ = match name::is_packed(name) {
                true => packed::beginning(file, most).read_to_end(&mut page),
                false => file.take(most).read_to_end(&mut page),
            };
            title::from_first_page(*number, &page)
        }),
        Document::File(_) => None,
    };
    Ok(known.unwrap_or_else(|| Title::folded(name)))
}

fn skip(name: &[u8], reason: &str) {
    log::warn!("`{}` is not shared: {reason}", escaped(name));
}

/// A library that several threads use: the upload server reads, downloads and people add.
#[derive(Clone, Debug)]
pub struct SharedLibrary(Arc<RwLock<Library>>);

impl SharedLibrary {
    /// Looks into the library.
    pub fn read(&self) -> RwLockReadGuard<'_, Library> {
        // Each change is one insertion or removal: a poisoned library is still whole.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The digest of a shared document, if it is known and the file is still in the state for which it
    /// was computed.
    pub fn current_digest(&self, document: &Document) -> Option<Digest> {
        let (entry, digest) = {
            let library = self.read();
            let entry = library.entry(document)?;
            (Arc::clone(entry), library.digests.content(&entry.state).digest?)
        };
        entry.state_now().is_ok_and(|state| state == entry.state).then_some(digest)
    }

    /// Changes the library.
    pub fn write(&self) -> RwLockWriteGuard<'_, Library> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
