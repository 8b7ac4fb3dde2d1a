//! The documents that a peer shares: which, under which titles, and where they lie.
//!
//! | file | subject |
//! |---|---|
//! | `name` | paths and documents |
//! | `folder`, `file_state` | what lies in a folder, and in which state |
//! | `look_over` | what has changed there since the last look |
//! | `entry`, `packed` | one shared document; one that has to be unpacked |
//! | `title` | titles from first pages |
//! | `rfc_index` | titles from `rfc-index.txt` |
//! | `hasher`, `digests`, `digest_store` | SHA-256; of files, computed once and kept |
//! | `save`, `pieces`, `part_files` | files that appear whole, and what they are until then |
//!
//! It looks at a folder when it is told to, and not by itself. A document is opened for upload
//! through its [`Entry`], which never follows a symbolic link. protocol.md sections 2.3 and 5.

mod digest_store;
mod digests;
mod entry;
mod file_state;
mod folder;
mod hasher;
mod look_over;
mod name;
mod packed;
mod part_files;
mod pieces;
mod rfc_index;
mod save;
mod title;

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub use digests::Digests;
pub use entry::{Entry, OpenDocument};
pub use folder::Depth;
pub use hasher::Hasher;
pub use look_over::Look;
pub use name::{document_of, file_name_of};
pub use part_files::PartFiles;
pub use pieces::{PIECE, Pieces};
pub use save::Incoming;

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
    /// folder that is missing is made.
    ///
    /// # Errors
    /// When the folder cannot be made or read. A single file that cannot be read is left out, and
    /// said so in the log.
    pub fn scan(folder: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        let library = Self::empty(folder, depth)?;
        library.look(Settled::Any)?;
        Ok(library)
    }

    /// The same for a folder in which others may be writing at this moment: a file to which
    /// something was written in the last second is waited for until it is a second old. One that
    /// then still changes is left to the next look.
    ///
    /// # Errors
    /// As [`Library::scan`].
    pub fn scan_quiet(folder: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        let library = Self::empty(folder, depth)?;
        if library.look(Settled::Quiet)?.is_unsettled {
            std::thread::sleep(limits::QUIET);
            library.look(Settled::Quiet)?;
        }
        Ok(library)
    }

    fn empty(folder: &Path, depth: Depth) -> io::Result<SharedLibrary> {
        std::fs::create_dir_all(folder)?;
        Ok(SharedLibrary(Arc::new(RwLock::new(Self {
            folder: folder.into(),
            depth,
            entries: BTreeMap::new(),
            withdrawn: HashSet::new(),
            official: Arc::default(),
            digests: Arc::default(),
            memory: Memory::default(),
        }))))
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

    /// How much of it is shared.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// How many documents there are.
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

    /// All documents with where they lie, in the same order.
    pub fn entries(&self) -> impl Iterator<Item = (&Document, &Arc<Entry>)> {
        self.entries.iter()
    }

    /// A shared document.
    pub fn entry(&self, document: &Document) -> Option<&Arc<Entry>> {
        self.entries.get(document)
    }

    /// What is known of a shared document's bytes without reading them.
    pub fn content(&self, document: &Document) -> Content {
        self.entry(document).map(|entry| self.digests.content(&entry.state)).unwrap_or_default()
    }

    /// Where a document of the network is saved; `None` if this library could not share a file of
    /// its name as that document.
    pub fn path_for(&self, document: &Document) -> Option<PathBuf> {
        file_name_of(document).map(|name| self.folder.join(name))
    }

    /// Makes the sub-folders that a document's path goes through. None of them may be a link: it
    /// could lead anywhere.
    ///
    /// # Errors
    /// When one cannot be made, or is something else than a folder.
    pub fn make_folder_for(&self, document: &Document) -> io::Result<()> {
        let name = file_name_of(document).ok_or(io::ErrorKind::InvalidInput)?;
        let mut folder = self.folder.to_path_buf();
        let mut segments = name.split('/');
        segments.next_back();
        for segment in segments {
            folder.push(segment);
            match std::fs::create_dir(&folder) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            if !folder.symlink_metadata()?.is_dir() {
                let text =
                    format!("expected a folder `{}`, found something else", folder.display());
                return Err(io::Error::new(io::ErrorKind::NotADirectory, text));
            }
        }
        Ok(())
    }

    /// Shares a file where it lies, under the given title or its own.
    ///
    /// # Errors
    /// When it is no regular file that can be read, or its name cannot be said in the protocol.
    pub fn add_file(&mut self, path: &Path, title: Option<Title>) -> io::Result<Document> {
        let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_string());
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| invalid("expected a file with a name in UTF-8"))?;
        let document = document_of(name)
            .ok_or_else(|| invalid("expected a name that is not hidden and holds no control"))?;
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.canonicalize()?,
            _ => Path::new(".").canonicalize()?,
        };
        let is_ours = self.folder.canonicalize().is_ok_and(|ours| ours == folder);
        let folder = if is_ours { Arc::clone(&self.folder) } else { folder.into() };
        // It is opened in any case: what cannot be read cannot be shared.
        let own_title = title_of(&document, &folder, name, &self.official)?;
        self.add(document.clone(), folder, name, title.unwrap_or(own_title))?;
        Ok(document)
    }

    /// Shares a document that was saved where [`Library::path_for`] says, under the given title or
    /// its own; its bytes had this digest. With a title it is not read again.
    ///
    /// # Errors
    /// When the file is gone.
    pub fn add_saved(
        &mut self,
        document: &Document,
        title: Option<Title>,
        digest: Digest,
    ) -> io::Result<()> {
        let name = file_name_of(document).ok_or(io::ErrorKind::InvalidInput)?;
        let folder = Arc::clone(&self.folder);
        let title = match title {
            Some(title) => title,
            None => title_of(document, &folder, &name, &self.official)?,
        };
        let state = self.add(document.clone(), folder, &name, title)?;
        if let Some(length) = state.document_length() {
            self.digests.insert(state, digest, length);
        }
        Ok(())
    }

    fn add(
        &mut self,
        document: Document,
        folder: Arc<Path>,
        name: &str,
        title: Title,
    ) -> io::Result<file_state::FileState> {
        let entry = Entry {
            title,
            state: folder::state(Path::new(name), &folder.join(name).symlink_metadata()?),
            folder,
            name: name.into(),
            is_asked_for: true,
        };
        let state = entry.state;
        self.withdrawn.remove(&document);
        self.entries.insert(document, Arc::new(entry));
        Ok(state)
    }

    /// Stops sharing a document; the file stays where it is.
    pub fn forget(&mut self, document: &Document) -> Option<Title> {
        let entry = self.entries.remove(document)?;
        self.withdrawn.insert(document.clone());
        Some(entry.title.clone())
    }

    /// Moves the file of a document that another peer has now to the sub-folder `handed-over`,
    /// where the next look does not find it. Nothing there is overwritten.
    ///
    /// # Errors
    /// When it is not shared, or cannot be moved; then nothing has changed.
    pub fn hand_over(&self, document: &Document) -> io::Result<PathBuf> {
        let entry = self.entries.get(document).ok_or(io::ErrorKind::NotFound)?;
        let target = self.folder.join(folder::HANDED_OVER).join(&*entry.name);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        if target.try_exists()? {
            let text = format!("`{}` is there already", target.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, text));
        }
        std::fs::rename(entry.path(), &target)?;
        Ok(target)
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

    /// Changes the library.
    pub fn write(&self) -> RwLockWriteGuard<'_, Library> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
