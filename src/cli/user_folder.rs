//! Where this user's files lie that nobody has to look after: the history of the shell, digests.

use std::env::{home_dir, var_os};
use std::path::{Path, PathBuf};

use crate::library::{Digests, Hasher};

/// The shell's history.
pub(super) fn history_file() -> Option<PathBuf> {
    Some(folder("XDG_STATE_HOME", ".local/state")?.join("history"))
}

/// Digests that were computed before.
pub(super) fn stored_digests() -> Digests {
    let store = folder("XDG_CACHE_HOME", ".cache").map(|folder| folder.join("digests"));
    store.map_or_else(Digests::default, |store| Digests::load(&store))
}

/// How fast other peers were.
pub(super) fn neighbour_store() -> Option<PathBuf> {
    Some(folder("XDG_STATE_HOME", ".local/state")?.join("neighbours"))
}

/// What was tried for the documents of a shared folder.
pub(super) fn journal_file(shared: &Path) -> Option<PathBuf> {
    file_for(shared, "downloads")
}

/// The port from which a folder was uploaded last.
pub(super) fn port_file(shared: &Path) -> Option<PathBuf> {
    file_for(shared, "ports")
}

/// Folders have long names of any kind: what is kept of one has a short name.
fn file_for(shared: &Path, kind: &str) -> Option<PathBuf> {
    let mut hasher = Hasher::default();
    hasher.update(shared.as_os_str().as_encoded_bytes());
    let name = hasher.finish().to_string().replace("sha-256=", "");
    let folder = folder("XDG_STATE_HOME", ".local/state")?.join(kind);
    Some(folder.join(&name[..16]))
}

/// Our folder in the one that the variable names, or in the usual one.
fn folder(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.or_else(|| home_dir().map(|home| home.join(usual)))?.join("p2p-ci"))
}
