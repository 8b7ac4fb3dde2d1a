//! Comparing a directory with the shared documents: files that are new, changed, or gone.
//!
//! A scan covers all files, so lost or repeated events do not matter. It
//! reads names and metadata, and the first page of files that are new or changed. The library is not locked
//! while files are read, so uploads do not wait.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::file_state::FileState;
use super::folder::{self, Depth, Found};
use super::{Entry, Official, SharedLibrary, name, skip, title_of};
use crate::limits;
use crate::protocol::Document;

/// The changes that a scan of a directory has found.
#[derive(Debug, Default)]
pub struct Look {
    /// The documents that are shared now and were not before, have changed, or are gone.
    pub changed: Vec<Document>,
    /// Whether there are files that were written to a moment ago: they count when they are quiet.
    pub is_unsettled: bool,
}

/// Which files count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Settled {
    /// Those to which nothing was written for a second.
    Quiet,
    /// All.
    Any,
}

/// State that is kept from one scan to the next.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Files that were not quiet yet, and since when they were in that state.
    unsettled: HashMap<Document, (FileState, Instant)>,
    /// What the last scan has left out.
    left_out: HashSet<Vec<u8>>,
    /// What this scan leaves out.
    left_out_now: HashSet<Vec<u8>>,
    /// Files that a person or a download has added and that cannot be read now. They are shared again
    /// when they can.
    pub(super) unreadable: HashMap<Document, Arc<Entry>>,
}

impl SharedLibrary {
    /// Looks the folder over. A folder that is gone is one without files.
    ///
    /// # Errors
    /// When the folder cannot be read, for another reason.
    pub fn look_over(&self) -> io::Result<Look> {
        self.look(Settled::Quiet)
    }

    pub(super) fn look(&self, settled: Settled) -> io::Result<Look> {
        let before = self.read().snapshot();
        let mut memory = self.write().memory.begin();
        let survey = survey(&before, &mut memory, settled);
        let left_out = std::mem::take(&mut memory.left_out_now);
        // Files that can be read again are named again if they cannot later. A scan that has failed
        // has not seen all files.
        if survey.is_ok() {
            memory.left_out = left_out;
        }
        self.put_back(memory);
        let (changes, official, is_unsettled) = survey?;
        let mut library = self.write();
        if let Some(official) = official {
            library.official = official;
        }
        let mut changed = Vec::new();
        for Change { document, before, after } in changes {
            // Somebody else may have added or removed it meanwhile, and knows better.
            let is_as_before = match (library.entries.get(&document), &before) {
                (Some(now), Some(before)) => now.is_same(before),
                (None, None) => !library.withdrawn.contains(&document),
                _ => false,
            };
            if is_as_before {
                match after {
                    Some(entry) => library.entries.insert(document.clone(), entry),
                    None => library.entries.remove(&document),
                };
                changed.push(document);
            }
        }
        library.digests.forget_old(library.entries.values());
        Ok(Look { changed, is_unsettled })
    }

    /// Puts the memory back after a scan, without documents that were withdrawn during the scan.
    fn put_back(&self, mut memory: Memory) {
        let mut library = self.write();
        memory.unreadable.retain(|document, _| !library.withdrawn.contains(document));
        library.memory = memory;
    }
}

/// The library as a look begins.
pub(super) struct Snapshot {
    pub(super) folder: Arc<Path>,
    pub(super) depth: Depth,
    pub(super) entries: BTreeMap<Document, Arc<Entry>>,
    pub(super) withdrawn: HashSet<Document>,
    pub(super) official: Arc<Official>,
}

struct Change {
    document: Document,
    before: Option<Arc<Entry>>,
    after: Option<Arc<Entry>>,
}

type Survey = (Vec<Change>, Option<Arc<Official>>, bool);

fn survey(library: &Snapshot, memory: &mut Memory, settled: Settled) -> io::Result<Survey> {
    let (found, left_out) = match folder::files(&library.folder, library.depth) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), Vec::new()),
        // No reader could get its documents.
        Err(error) if is_denied(&error) && !library.entries.is_empty() => {
            memory.leave_out(library.folder.as_os_str().as_encoded_bytes(), &error.to_string());
            (Vec::new(), Vec::new())
        }
        files => files?,
    };
    for one in &left_out {
        memory.leave_out(&one.name, &one.reason);
    }
    let is_unknown = |name: &str| left_out.iter().any(|one| one.may_hide(name));
    let new_official = match Official::NAMES.into_iter().any(is_unknown) {
        true => None,
        false => Official::of_folder(&library.folder, &found, &library.official),
    };
    let official = new_official.as_ref().unwrap_or(&library.official);
    let mut changes = memory.readable_again(library);
    let mut unsettled = HashMap::new();
    let found = by_document(found, memory);

    for (document, found) in &found {
        let before = library.entries.get(document);
        if library.withdrawn.contains(document)
            || memory.unreadable.contains_key(document)
            || before.is_some_and(|entry| entry.is_asked_for)
        {
            continue;
        }
        let is_known = before.is_some_and(|entry| {
            entry.state == found.state && entry.name == found.name && new_official.is_none()
        });
        if is_known {
            continue;
        }
        if settled == Settled::Quiet
            && let Some(since) = memory.not_quiet(document, &found.state)
        {
            unsettled.insert(document.clone(), (found.state, since));
            continue;
        }
        let folder = Arc::clone(&library.folder);
        let name = Arc::clone(&found.name);
        match title_of(document, &folder, &name, official) {
            Ok(title) => {
                let state = found.state;
                let after = Entry { title, folder, name, state, is_asked_for: false };
                if before.is_none_or(|before| !before.is_same(&after)) {
                    let (before, after) = (before.cloned(), Some(Arc::new(after)));
                    changes.push(Change { document: document.clone(), before, after });
                }
            }
            // The next scan tries again.
            Err(error) if before.is_some() && folder::may_pass(&error) => {}
            Err(error) => {
                memory.leave_out(found.name.as_bytes(), &error.to_string());
                if let Some(before) = before.cloned() {
                    let (document, before) = (document.clone(), Some(before));
                    changes.push(Change { document, before, after: None });
                }
            }
        }
    }
    for (document, before) in &library.entries {
        let after = if before.is_asked_for {
            match before.readable_state() {
                Ok(state) if state == before.state => continue,
                Ok(state) => Some(Arc::new(Entry { state, ..Entry::clone(before) })),
                Err(error) if folder::may_pass(&error) => continue,
                Err(error) => {
                    if is_denied(&error) {
                        memory.leave_out(
                            before.path().as_os_str().as_encoded_bytes(),
                            &error.to_string(),
                        );
                        memory.unreadable.insert(document.clone(), Arc::clone(before));
                    }
                    None
                }
            }
        } else if found.contains_key(document) || is_unknown(&before.name) {
            continue;
        } else {
            None
        };
        let before = Some(Arc::clone(before));
        changes.push(Change { document: document.clone(), before, after });
    }
    memory.unsettled = unsettled;
    let is_unsettled = !memory.unsettled.is_empty();
    Ok((changes, new_official, is_unsettled))
}

/// Whether this user may not read a file or directory.
fn is_denied(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied
}

/// One file a document: `rfc7.txt` before `rfc7.txt.gz`, `rfc7-tcp.txt` and `rfc07.txt`, and one
/// in the folder itself before one below.
fn by_document(mut found: Vec<Found>, memory: &mut Memory) -> HashMap<Document, Found> {
    found.sort_by_cached_key(|found| {
        let segments = found.name.matches('/').count();
        (found.state.packed, segments, found.name.len(), Arc::clone(&found.name))
    });
    let mut documents: HashMap<Document, Found> = HashMap::with_capacity(found.len());
    for found in found {
        let Some(document) = name::document_of(&found.name) else {
            memory.leave_out(found.name.as_bytes(), "its name cannot be said in the protocol");
            continue;
        };
        match documents.get(&document) {
            None => {
                documents.insert(document, found);
            }
            Some(first) => {
                let reason = format!("{document} is shared from `{}`", first.name);
                memory.leave_out(found.name.as_bytes(), &reason);
            }
        }
    }
    documents
}

impl Memory {
    /// Takes the memory for a scan. The unreadable files stay known, because they can be withdrawn
    /// meanwhile.
    fn begin(&mut self) -> Self {
        let unreadable = self.unreadable.clone();
        std::mem::replace(self, Self { unreadable, ..Self::default() })
    }

    /// Says once that a file is left out.
    fn leave_out(&mut self, name: &[u8], reason: &str) {
        let line = [name, b"\0", reason.as_bytes()].concat();
        let is_known = self.left_out.contains(&line);
        if self.left_out_now.insert(line) && !is_known {
            skip(name, reason);
        }
    }

    /// Shares the added files again that can be read by now, and forgets those that are gone.
    fn readable_again(&mut self, library: &Snapshot) -> Vec<Change> {
        let mut changes = Vec::new();
        self.unreadable.retain(|document, entry| match entry.readable_state() {
            Err(error) => is_denied(&error) || folder::may_pass(&error),
            Ok(state) => {
                let after = Some(Arc::new(Entry { state, ..Entry::clone(entry) }));
                if !library.entries.contains_key(document) {
                    changes.push(Change { document: document.clone(), before: None, after });
                }
                false
            }
        });
        changes
    }

    /// Since when a file is in this state, if that is not long enough.
    fn not_quiet(&self, document: &Document, state: &FileState) -> Option<Instant> {
        let now = Instant::now();
        match self.unsettled.get(document) {
            Some((before, since)) if before == state => {
                (now.duration_since(*since) < limits::QUIET).then_some(*since)
            }
            _ => state.was_modified_within(limits::QUIET, SystemTime::now()).then_some(now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Library;

    #[test]
    fn a_document_that_is_removed_while_it_is_unreadable_stays_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.md");
        std::fs::write(&path, "a").unwrap();
        let library = Library::scan(folder.path(), Depth::Folder).unwrap();
        let document = library.add_file(&path, None).unwrap();
        let make_unreadable = || {
            let entry = library.write().entries.remove(&document).unwrap();
            library.write().memory.unreadable.insert(document.clone(), entry);
        };
        make_unreadable();
        assert_eq!(library.look(Settled::Any).unwrap().changed, std::slice::from_ref(&document));

        make_unreadable();
        assert!(library.write().forget(&document).is_some());
        assert!(library.look(Settled::Any).unwrap().changed.is_empty());
        assert!(library.read().is_empty());

        // Removed during a scan.
        library.add_file(&path, None).unwrap();
        make_unreadable();
        let memory = library.write().memory.begin();
        assert!(library.write().forget(&document).is_some());
        library.put_back(memory);
        assert!(library.look(Settled::Any).unwrap().changed.is_empty());
        assert!(library.write().forget(&document).is_none());
    }

    #[test]
    fn a_failed_scan_remembers_what_was_left_out() {
        let root = tempfile::tempdir().unwrap();
        let (folder, moved) = (root.path().join("folder"), root.path().join("moved"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("rfc7.txt"), "seven").unwrap();
        std::fs::write(folder.join("rfc07.txt"), "seven").unwrap();
        let library = Library::scan(&folder, Depth::Folder).unwrap();
        let left_out = library.read().memory.left_out.clone();
        assert_eq!(left_out.len(), 1);
        // No directory: the scan fails.
        std::fs::rename(&folder, &moved).unwrap();
        std::fs::write(&folder, "").unwrap();
        assert!(library.look(Settled::Any).is_err());
        assert_eq!(library.read().memory.left_out, left_out);
    }
}
