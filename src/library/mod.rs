//! The documents that a peer shares: which, under which titles, and where they lie.
//!
//! | file | subject |
//! |---|---|
//! | `name` | file names and documents |
//! | `title` | titles from first pages |
//! | `rfc_index` | titles from `rfc-index.txt` |
//! | `digests` | SHA-256 of files, computed once and kept |
//! | `save`, `part_files` | files that appear whole, and what they are until then |
//!
//! It looks at a folder when it is told to, and not by itself. A document is opened for upload
//! through its [`Entry`], which never follows a symbolic link. protocol.md sections 2.3 and 5.

mod digests;
mod name;
mod part_files;
mod rfc_index;
mod save;
mod title;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::SystemTime;

pub use digests::{Digests, Hasher};
pub use name::{document_of, file_name_of};
pub use save::Incoming;

use crate::escape::escaped;
use crate::protocol::{Document, RfcNumber, Title};
use crate::system;

/// The name of the RFC Editor's list of titles.
const RFC_INDEX: &str = "rfc-index.txt";

/// The shared documents of one folder, and of single files elsewhere.
#[derive(Debug)]
pub struct Library {
    folder: Arc<Path>,
    entries: BTreeMap<Document, Entry>,
    official: HashMap<RfcNumber, Title>,
    digests: Arc<Digests>,
}

/// One shared document.
#[derive(Clone, Debug)]
pub struct Entry {
    title: Title,
    folder: Arc<Path>,
    name: Arc<str>,
}

/// A document that is open for reading.
#[derive(Debug)]
pub struct OpenDocument {
    /// Its bytes.
    pub file: File,
    /// Their number.
    pub length: u64,
    /// When it changed last.
    pub modified: SystemTime,
}

impl Library {
    /// Looks through a folder; sub-folders, hidden files and links are left out. A folder that is
    /// missing is made.
    ///
    /// # Errors
    /// When the folder cannot be made or read. A single file that cannot be read is left out, and
    /// said so in the log.
    pub fn scan(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mut names = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if !entry.file_type()?.is_file() {
                continue;
            }
            match entry.file_name().into_string() {
                Ok(name) => names.push(name),
                Err(name) => skip(name.as_encoded_bytes(), "its name is no UTF-8"),
            }
        }
        let official = match names.iter().any(|name| name == RFC_INDEX) {
            true => {
                rfc_index::titles(&String::from_utf8_lossy(&std::fs::read(folder.join(RFC_INDEX))?))
            }
            false => HashMap::new(),
        };
        let mut library = Self {
            folder: folder.into(),
            entries: BTreeMap::new(),
            official,
            digests: Arc::default(),
        };
        // In this order `rfc7.txt` is taken before `rfc7-tcp.txt` and `rfc07.txt`.
        names.sort_by_key(|name| (name.len(), name.clone()));
        for name in names {
            library.take(name);
        }
        Ok(library)
    }

    /// Takes digests that were computed before, and a place to store them.
    pub fn with_digests(self, digests: Digests) -> Self {
        Self { digests: Arc::new(digests), ..self }
    }

    /// The digests of the documents, as far as they are known.
    pub fn digests(&self) -> Arc<Digests> {
        Arc::clone(&self.digests)
    }

    /// The folder that is shared.
    pub fn folder(&self) -> &Path {
        &self.folder
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

    /// All documents, in the order of a list.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// A shared document.
    pub fn entry(&self, document: &Document) -> Option<&Entry> {
        self.entries.get(document)
    }

    /// Where a document of the network is saved; `None` if this library could not share a file of
    /// its name as that document.
    pub fn path_for(&self, document: &Document) -> Option<PathBuf> {
        file_name_of(document).map(|name| self.folder.join(name))
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
        let file = system::open_regular(&folder, name)?;
        let title = title.unwrap_or_else(|| self.title(&document, name, file));
        let is_ours = self.folder.canonicalize().is_ok_and(|ours| ours == folder);
        let folder = if is_ours { Arc::clone(&self.folder) } else { folder.into() };
        self.entries.insert(document.clone(), Entry { title, folder, name: name.into() });
        Ok(document)
    }

    /// Stops sharing a document; the file stays where it is.
    pub fn forget(&mut self, document: &Document) -> Option<Title> {
        self.entries.remove(document).map(|entry| entry.title)
    }

    fn take(&mut self, name: String) {
        let Some(document) = document_of(&name) else {
            if !name.starts_with('.') {
                skip(name.as_bytes(), "its name cannot be said in the protocol");
            }
            return;
        };
        if let Some(first) = self.entries.get(&document) {
            return skip(name.as_bytes(), &format!("{document} is shared from `{}`", first.name));
        }
        match system::open_regular(&self.folder, &name) {
            Ok(file) => {
                let title = self.title(&document, &name, file);
                let entry = Entry { title, folder: Arc::clone(&self.folder), name: name.into() };
                self.entries.insert(document, entry);
            }
            Err(error) => skip(name.as_bytes(), &error.to_string()),
        }
    }

    fn title(&self, document: &Document, name: &str, file: File) -> Title {
        let known = match document {
            Document::Rfc(number) => self
                .official
                .get(number)
                .cloned()
                .or_else(|| title::from_first_page(*number, &first_page(file))),
            Document::File(_) => None,
        };
        known.unwrap_or_else(|| Title::folded(name))
    }
}

impl Entry {
    /// The title under which it is shared.
    pub fn title(&self) -> &Title {
        &self.title
    }

    /// Where the file lies.
    pub fn path(&self) -> PathBuf {
        self.folder.join(&*self.name)
    }

    /// The media type, by the file's name.
    pub fn media_type(&self) -> &'static str {
        mime_guess::from_path(&*self.name).first_raw().unwrap_or("application/octet-stream")
    }

    /// Opens the document; links and everything that is no regular file are refused.
    ///
    /// # Errors
    /// When the file is gone, or is not what it was.
    pub fn open(&self) -> io::Result<OpenDocument> {
        let file = system::open_regular(&self.folder, &self.name)?;
        let metadata = file.metadata()?;
        Ok(OpenDocument { length: metadata.len(), modified: metadata.modified()?, file })
    }
}

fn first_page(file: File) -> Vec<u8> {
    let mut page = Vec::new();
    // Whatever could be read is looked at: a title is not worth an error.
    let _ = file.take(title::FIRST_PAGE as u64).read_to_end(&mut page);
    page
}

fn skip(name: &[u8], reason: &str) {
    log::warn!("`{}` is not shared: {reason}", escaped(name));
}

/// A library that several threads use: the upload server reads, downloads and people add.
#[derive(Clone, Debug)]
pub struct SharedLibrary(Arc<RwLock<Library>>);

impl SharedLibrary {
    /// Shares a library between threads.
    pub fn new(library: Library) -> Self {
        Self(Arc::new(RwLock::new(library)))
    }

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
