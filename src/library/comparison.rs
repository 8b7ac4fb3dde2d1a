//! The differences between a library and the files in its directory (protocol.md section 9).

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::catalog::Library;
use super::directory::{self, Depth, Found, SharedDirectory, Skipped};
use super::entry::Entry;
use super::file_state::FileState;
use super::name;
use super::scan_state::{ScanState, is_denied};
use super::titles::{Official, title_of};
use crate::escape::escaped;
use crate::protocol::Document;

/// Which files a scan shares.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stability {
    /// Files that have not been written to for the library's `quiet_time`.
    Stable,
    /// All files.
    Any,
}

/// The library when a scan begins.
pub(super) struct Snapshot {
    directory: Arc<Path>,
    depth: Depth,
    others: Arc<[SharedDirectory]>,
    entries: BTreeMap<Document, Arc<Entry>>,
    withdrawn: HashSet<Document>,
    unpackable: HashMap<FileState, Arc<str>>,
    official: Arc<Official>,
}

impl Snapshot {
    pub(super) fn of(library: &Library) -> Self {
        Self {
            directory: Arc::clone(&library.directory),
            depth: library.depth,
            others: Arc::clone(&library.others),
            entries: library.entries.clone(),
            withdrawn: library.withdrawn.clone(),
            unpackable: library.unpackable.clone(),
            official: Arc::clone(&library.official),
        }
    }
}

/// A document whose entry differs from its file.
pub(super) struct Change {
    pub(super) document: Document,
    pub(super) before: Option<Arc<Entry>>,
    pub(super) after: Option<Arc<Entry>>,
}

/// The differences between a library and its directory.
pub(super) struct Comparison {
    pub(super) changes: Vec<Change>,
    /// The list of titles, if it has changed.
    pub(super) official: Option<Arc<Official>>,
    pub(super) has_unstable: bool,
    /// Whether a part of the directory could not be read because the disk failed.
    pub(super) is_incomplete: bool,
}

pub(super) fn compare(
    library: &Snapshot,
    state: &mut ScanState,
    stability: Stability,
) -> io::Result<Comparison> {
    let (mut found, skipped) = files(library, state)?;
    for one in &skipped {
        state.skip(&one.name, &one.reason);
    }
    let is_unknown =
        |directory: &Path, name: &str| skipped.iter().any(|one| one.may_hide(directory, name));
    let mut directories = library.directories();
    let official = match directories
        .any(|(directory, _)| Official::NAMES.into_iter().any(|name| is_unknown(directory, name)))
    {
        true => None,
        false => Official::of_files(&found, &library.official),
    };
    found.retain(|one| match library.unpackable.get(&one.state) {
        Some(reason) => {
            state.skip(&library.shown(one), reason);
            false
        }
        None => true,
    });
    let mut changes = readable_again(library, state);
    let found = by_document(library, found, state);
    changes.extend(compare_files(library, &found, official.as_ref(), state, stability));
    for (document, before) in &library.entries {
        let after = match before.is_added {
            true => match compare_added(document, before, state) {
                Some(after) => after,
                None => continue,
            },
            false
                if found.contains_key(document) || is_unknown(&before.directory, &before.name) =>
            {
                continue;
            }
            false => None,
        };
        let before = Some(Arc::clone(before));
        changes.push(Change { document: document.clone(), before, after });
    }
    let has_unstable = !state.unstable.is_empty();
    let is_incomplete = skipped.iter().any(Skipped::is_unknown);
    Ok(Comparison { changes, official, has_unstable, is_incomplete })
}

/// The files in the directory. There are none if the directory is missing, if there is something else at
/// its path, or if this user can no longer read it: then no document of it could be uploaded.
fn files(library: &Snapshot, state: &mut ScanState) -> io::Result<(Vec<Found>, Vec<Skipped>)> {
    let all = match &*library.others {
        [] => Vec::new(),
        _ => directory::real_paths(library.directories().map(|(directory, _)| &**directory)),
    };
    let first = directory::files(&library.directory, library.depth, &all);
    let (mut found, mut skipped) = match first {
        Err(error) if error.kind() == io::ErrorKind::NotFound => (Vec::new(), Vec::new()),
        Err(error)
            if (is_denied(&error) || is_no_directory(&library.directory, &error))
                && !library.entries.is_empty() =>
        {
            state.skip(library.directory.as_os_str().as_encoded_bytes(), &error.to_string());
            (Vec::new(), Vec::new())
        }
        files => files?,
    };
    for other in &*library.others {
        match directory::files(&other.path, other.depth, &all) {
            Ok((more, more_skipped)) => {
                found.extend(more);
                skipped.extend(more_skipped);
            }
            Err(error) if directory::may_pass(&error) => return Err(error),
            Err(error) => {
                state.skip(other.path.as_os_str().as_encoded_bytes(), &error.to_string());
            }
        }
    }
    Ok((found, skipped))
}

/// Whether there is something else at the path of a directory.
fn is_no_directory(path: &Path, error: &io::Error) -> bool {
    !directory::may_pass(error) && !path.is_dir()
}

/// The added files that could not be read at the last scan and can be read now.
fn readable_again(library: &Snapshot, state: &mut ScanState) -> Vec<Change> {
    let readable = state.take_readable().into_iter();
    let missing = readable.filter(|(document, _)| !library.entries.contains_key(document));
    missing
        .map(|(document, entry)| Change { document, before: None, after: Some(Arc::new(entry)) })
        .collect()
}

/// Compares the files of the directory with the entries of their documents.
fn compare_files(
    library: &Snapshot,
    found: &HashMap<Document, Found>,
    new_official: Option<&Arc<Official>>,
    state: &mut ScanState,
    stability: Stability,
) -> Vec<Change> {
    let official = new_official.unwrap_or(&library.official);
    let mut changes = Vec::new();
    let mut unstable = HashMap::new();
    for (document, found) in found {
        let before = library.entries.get(document);
        if library.withdrawn.contains(document)
            || state.unreadable.contains_key(document)
            || before.is_some_and(|entry| entry.is_added)
        {
            continue;
        }
        let is_unchanged = before.is_some_and(|entry| {
            entry.state == found.state
                && entry.name == found.name
                && entry.directory == found.directory
                && new_official.is_none()
        });
        if is_unchanged {
            continue;
        }
        if stability == Stability::Stable
            && let Some(since) = state.unstable_since(document, &found.state)
        {
            unstable.insert(document.clone(), (found.state, since));
            continue;
        }
        let directory = Arc::clone(&found.directory);
        let name = Arc::clone(&found.name);
        let after = match title_of(document, &directory, &name, official) {
            Ok(title) => {
                let entry = Entry { title, directory, name, state: found.state, is_added: false };
                if before.is_some_and(|before| before.is_same(&entry)) {
                    continue;
                }
                Some(Arc::new(entry))
            }
            // The next scan tries again.
            Err(error) if before.is_some() && directory::may_pass(&error) => continue,
            Err(error) => {
                state.skip(&library.shown(found), &error.to_string());
                if before.is_none() {
                    continue;
                }
                None
            }
        };
        changes.push(Change { document: document.clone(), before: before.cloned(), after });
    }
    state.unstable = unstable;
    changes
}

/// Compares a file that the user or a download has added with its entry. Returns its new entry, or
/// `Some(None)` if it is not shared any more; `None` if nothing has changed.
fn compare_added(
    document: &Document,
    before: &Arc<Entry>,
    state: &mut ScanState,
) -> Option<Option<Arc<Entry>>> {
    match before.readable_state() {
        Ok(now) if now == before.state => None,
        Ok(now) => Some(Some(Arc::new(Entry { state: now, ..Entry::clone(before) }))),
        Err(error) if directory::may_pass(&error) => None,
        Err(error) => {
            if is_denied(&error) {
                let path = before.path();
                state.skip(path.as_os_str().as_encoded_bytes(), &error.to_string());
                state.unreadable.insert(document.clone(), Arc::clone(before));
            }
            Some(None)
        }
    }
}

impl Snapshot {
    /// All directories, the first one first.
    fn directories(&self) -> impl Iterator<Item = (&Arc<Path>, usize)> {
        let others = self.others.iter().map(|other| &other.path);
        std::iter::once(&self.directory).chain(others).zip(0..)
    }

    /// The path of a file for messages: below the first directory, or with another one.
    fn shown(&self, found: &Found) -> Vec<u8> {
        match found.directory == self.directory {
            true => found.name.as_bytes().to_vec(),
            false => found.directory.join(&*found.name).into_os_string().into_encoded_bytes(),
        }
    }
}

/// Selects one file for each document: that of the first directory, and there `rfc7.txt` before `rfc7.txt.gz`, `rfc7-tcp.txt` and
/// `rfc07.txt`, and a file in the directory itself before one in a subdirectory.
fn by_document(
    library: &Snapshot,
    mut found: Vec<Found>,
    state: &mut ScanState,
) -> HashMap<Document, Found> {
    let ranks: HashMap<&Arc<Path>, usize> = library.directories().collect();
    found.sort_by_cached_key(|found| {
        let segments = found.name.matches('/').count();
        let rank = ranks.get(&found.directory).copied();
        (rank, found.state.packed, segments, found.name.len(), Arc::clone(&found.name))
    });
    let mut documents: HashMap<Document, Found> = HashMap::with_capacity(found.len());
    for found in found {
        let Some(document) = name::document_of(&found.name) else {
            let reason = "its name contains characters that the protocol does not allow";
            state.skip(&library.shown(&found), reason);
            continue;
        };
        match documents.get(&document) {
            None => {
                documents.insert(document, found);
            }
            Some(first) => {
                let shared = library.shown(first);
                let reason = format!("{document} is shared from `{}`", escaped(&shared));
                state.skip(&library.shown(&found), &reason);
            }
        }
    }
    documents
}
