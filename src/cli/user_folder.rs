//! Where this user's files lie that nobody has to look after: the history of the shell, digests.

use std::env::{home_dir, var_os};
use std::path::PathBuf;

/// The shell's history.
pub(super) fn history_file() -> Option<PathBuf> {
    Some(folder("XDG_STATE_HOME", ".local/state")?.join("history"))
}

/// Digests that were computed before.
pub(super) fn digest_store() -> Option<PathBuf> {
    Some(folder("XDG_CACHE_HOME", ".cache")?.join("digests"))
}

/// How fast other peers were.
pub(super) fn neighbour_store() -> Option<PathBuf> {
    Some(folder("XDG_STATE_HOME", ".local/state")?.join("neighbours"))
}

/// Our folder in the one that the variable names, or in the usual one.
fn folder(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.or_else(|| home_dir().map(|home| home.join(usual)))?.join("p2p-ci"))
}
