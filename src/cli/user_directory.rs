//! The directories of the user for files that the programs maintain: the history of the shell, digests.

use std::env::{home_dir, var_os};
use std::path::{Component, Path, PathBuf};

use crate::library::{DigestCache, Hasher};

/// Symbolic links that are followed before a path counts as a loop.
const MOST_LINKS: usize = 40;

/// The shell's history.
pub(super) fn history_file() -> Option<PathBuf> {
    Some(own_directory("XDG_STATE_HOME", ".local/state")?.join("history"))
}

/// The directory of the user's configuration.
pub(super) fn config_directory() -> Option<PathBuf> {
    own_directory("XDG_CONFIG_HOME", ".config")
}

/// Digests that were computed before.
pub(super) fn stored_digests() -> DigestCache {
    let store = own_directory("XDG_CACHE_HOME", ".cache").map(|own| own.join("digests"));
    store.map_or_else(DigestCache::default, |store| DigestCache::load(&store))
}

/// The speeds of other peers.
pub(super) fn peer_stats_store() -> Option<PathBuf> {
    Some(own_directory("XDG_STATE_HOME", ".local/state")?.join("holders"))
}

/// The directory of files that programs have while they run, for `p2p-ci admin url`.
pub(super) fn running_programs() -> Option<PathBuf> {
    Some(own_directory("XDG_STATE_HOME", ".local/state")?.join("running"))
}

/// The journal of the downloads into a shared directory.
pub(super) fn journal_file(shared: &Path) -> Option<PathBuf> {
    file_for(shared, "downloads")
}

/// The upload port of the last session of a directory.
pub(super) fn port_file(shared: &Path) -> Option<PathBuf> {
    file_for(shared, "ports")
}

/// The file that a session locks while it shares a directory.
pub(super) fn share_lock(shared: &Path) -> Option<PathBuf> {
    file_for(shared, "sessions")
}

/// The directory of this program's own files that would be shared, and written by downloads, if this directory were
/// shared. A directory below a hidden one is not: its files are neither shared nor saved.
pub(super) fn own_files_in(shared: &Path) -> Option<PathBuf> {
    let shared = identity(shared)?;
    let own = [
        ("XDG_STATE_HOME", ".local/state"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_CONFIG_HOME", ".config"),
    ];
    let mut own =
        own.into_iter().filter_map(|(variable, usual)| identity(&own_directory(variable, usual)?));
    own.find(|own| are_shared(own, &shared))
}

/// Whether files in a directory would be shared with another one, or are in the directory that contains it.
fn are_shared(own: &Path, shared: &Path) -> bool {
    let is_hidden = |part: Component<'_>| part.as_os_str().as_encoded_bytes().starts_with(b".");
    match own.strip_prefix(shared) {
        Ok(below) => !below.components().any(is_hidden),
        Err(_) => shared.starts_with(own),
    }
}

/// The name is derived from the directory's identity: paths are long and hold any byte.
fn file_for(shared: &Path, kind: &str) -> Option<PathBuf> {
    let mut hasher = Hasher::default();
    hasher.update(identity(shared)?.as_os_str().as_encoded_bytes());
    let digest = hasher.finish().to_string();
    let name: String = digest.trim_start_matches("sha-256=").chars().take(16).collect();
    let directory = own_directory("XDG_STATE_HOME", ".local/state")?.join(kind);
    Some(directory.join(name))
}

/// The path of a directory without links, which is the same before and after the directory is
/// created.
fn identity(directory: &Path) -> Option<PathBuf> {
    let mut path = std::path::absolute(directory).ok()?;
    for _ in 0..MOST_LINKS {
        // The part that exists, and the names that are missing in it.
        let (existing, real) =
            path.ancestors().find_map(|some| Some((some, some.canonicalize().ok()?)))?;
        let missing = path.strip_prefix(existing).ok()?;
        let mut whole = real;
        let mut names = missing.components();
        let mut link = None;
        for name in names.by_ref() {
            match name {
                Component::Normal(name) => {
                    whole.push(name);
                    // A link to what does not exist yet.
                    if let Ok(target) = whole.read_link() {
                        link = Some(target);
                        break;
                    }
                }
                Component::ParentDir => drop(whole.pop()),
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
            }
        }
        let Some(target) = link else { return Some(whole) };
        whole.pop();
        path = whole.join(target).join(names.as_path());
    }
    None
}

/// The directory `p2p-ci` in the directory that the variable names, or in the default one.
fn own_directory(variable: &str, usual: &str) -> Option<PathBuf> {
    let named = var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    Some(named.or_else(|| home_dir().map(|home| home.join(usual)))?.join("p2p-ci"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_files_are_shared_with_a_directory_that_contains_them_unless_they_are_hidden() {
        for (own, shared, are) in [
            ("/state/p2p-ci", "/state", true),
            ("/state/p2p-ci", "/", true),
            ("/state/p2p-ci", "/state/p2p-ci", true),
            ("/state/p2p-ci", "/state/p2p-ci/downloads", true),
            ("/state/p2p-ci", "/state/papers", false),
            ("/state/p2p-ci", "/state/p2p-ci-papers", false),
            ("/home/a/.local/state/p2p-ci", "/home/a", false),
            ("/home/a/.local/state/p2p-ci", "/home/a/.local", true),
            ("/srv/.state/p2p-ci", "/srv", false),
        ] {
            assert_eq!(are_shared(Path::new(own), Path::new(shared)), are, "{own} {shared}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_directory_has_one_identity_before_and_after_it_is_created() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name: &str| directory.path().join(name);
        std::fs::create_dir(path("there")).unwrap();
        std::os::unix::fs::symlink("there", path("link")).unwrap();
        std::os::unix::fs::symlink("later/sub", path("dangling")).unwrap();
        std::os::unix::fs::symlink("loop", path("loop")).unwrap();
        let names = ["there/new", "link/new", "new", "./new", "a/b/c", "a/./b/../b/c", "dangling"];
        let before: Vec<Option<PathBuf>> = names.iter().map(|name| identity(&path(name))).collect();
        assert!(before.iter().all(Option::is_some));
        assert_eq!(before[0], before[1]);
        assert_eq!(before[2], before[3]);
        assert_eq!(before[4], before[5]);
        for name in ["there/new", "new", "a/b/c", "later/sub"] {
            std::fs::create_dir_all(path(name)).unwrap();
        }
        let after: Vec<Option<PathBuf>> = names.iter().map(|name| identity(&path(name))).collect();
        assert_eq!(before, after);
        assert_eq!(after[6], path("dangling").canonicalize().ok());
        assert_eq!(identity(&path("loop")), None);
    }
}
