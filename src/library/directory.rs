//! The files in a shared directory that may be documents, with their states (protocol.md section 9).
//!
//! Hidden files, links, part files (`.part`), and files that match `.p2pciignore` (in the syntax of
//! gitignore) are skipped.

use std::error::Error;
use std::fs::Metadata;
use std::io;
use std::mem;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::WalkBuilder;

use super::file_state::FileState;
use crate::system;

/// The file with patterns of files that are not shared.
const IGNORE_FILE: &str = ".p2pciignore";

/// The subdirectory for documents that were handed over to another peer. It is not shared.
pub(super) const HANDED_OVER: &str = "handed-over";

/// Which files of a directory are shared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Depth {
    /// The files in the directory itself.
    Directory,
    /// The files in its subdirectories as well.
    Tree,
}

/// A shared directory after the first one.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SharedDirectory {
    /// The directory.
    pub path: Arc<Path>,
    /// Which of its files are shared.
    pub depth: Depth,
    /// Whether its documents are moved out of it after another peer has downloaded them completely.
    pub hand_over: bool,
}

/// A file in a shared directory.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) directory: Arc<Path>,
    /// Its path below the directory, with `/` between the segments.
    pub(super) name: Arc<str>,
    pub(super) state: FileState,
}

/// A file or subdirectory that is skipped, and why.
#[derive(Debug)]
pub(super) struct Skipped {
    directory: Arc<Path>,
    pub(super) name: Vec<u8>,
    pub(super) reason: String,
    /// The path at which the disk failed, below the directory. It is unknown whether files at this path
    /// and below it have changed or are gone.
    unknown_below: Option<PathBuf>,
}

impl Skipped {
    /// Whether it is unknown which files are there, because the disk has failed.
    pub(super) fn is_unknown(&self) -> bool {
        self.unknown_below.is_some()
    }

    /// Whether it is unknown if the file at this path below the directory has changed or is gone.
    pub(super) fn may_hide(&self, directory: &Path, name: &str) -> bool {
        *self.directory == *directory
            && self.unknown_below.as_ref().is_some_and(|path| Path::new(name).starts_with(path))
    }

    /// The file with patterns of this directory, which is no regular file.
    fn of_ignore_file(directory: &Arc<Path>, parent: &Path) -> Self {
        let path = parent.join(IGNORE_FILE);
        let name = path.strip_prefix(directory).unwrap_or(&path).as_os_str().as_encoded_bytes();
        let reason = "expected a regular file with patterns, found something else: nothing in its \
                      directory is shared";
        Self {
            directory: Arc::clone(directory),
            name: name.to_vec(),
            reason: reason.into(),
            unknown_below: None,
        }
    }

    /// A file or directory that the walk could not read. The error wraps the path and the reason.
    fn of_error(directory: &Arc<Path>, error: &ignore::Error) -> Self {
        let mut path: &Path = directory;
        let mut cause = error;
        loop {
            cause = match cause {
                ignore::Error::WithPath { path: found, err } => {
                    path = found;
                    err
                }
                ignore::Error::WithDepth { err, .. }
                | ignore::Error::WithLineNumber { err, .. } => err,
                _ => break,
            };
        }
        let below = path.strip_prefix(directory).unwrap_or(path);
        let name = if below.as_os_str().is_empty() { &**directory } else { below };
        let name = name.as_os_str().as_encoded_bytes().to_vec();
        let reason = innermost(cause);
        let is_unknown = reason.downcast_ref::<io::Error>().is_some_and(system::is_disk_failure);
        let unknown_below = is_unknown.then(|| below.to_path_buf());
        Self { directory: Arc::clone(directory), name, reason: reason.to_string(), unknown_below }
    }
}

/// The error of the system. The walk wraps it, and the wrapping error has no error number.
fn innermost(error: &ignore::Error) -> &(dyn Error + 'static) {
    let mut innermost: &(dyn Error + 'static) = match error.io_error() {
        Some(error) => error,
        None => error,
    };
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost
}

/// An error that ends a scan: descriptors or memory are exhausted. If the scan continued, files that it
/// cannot see would count as removed.
fn shortage(error: &ignore::Error) -> Option<io::Error> {
    let error = innermost(error).downcast_ref::<io::Error>()?;
    let number = error.raw_os_error().filter(|_| system::is_shortage(error))?;
    Some(io::Error::from_raw_os_error(number))
}

/// The file that a scan skips because of an error, unless the error ends the scan.
fn skipped_for(directory: &Arc<Path>, error: &ignore::Error) -> io::Result<Skipped> {
    match shortage(error) {
        Some(shortage) => Err(shortage),
        None => Ok(Skipped::of_error(directory, error)),
    }
}

/// All files of a directory, in no order, and what was skipped. The walk does not enter `others`, which are
/// shared as directories of their own, with [`real_paths`].
///
/// # Errors
/// When the directory itself cannot be read, or descriptors or memory are exhausted. What cannot be
/// read because the disk fails is skipped.
pub(super) fn files(
    directory: &Arc<Path>,
    depth: Depth,
    others: &[PathBuf],
) -> io::Result<(Vec<Found>, Vec<Skipped>)> {
    std::fs::read_dir(&**directory)?;
    if has_special_ignore_file(directory) {
        return Ok((Vec::new(), vec![Skipped::of_ignore_file(directory, directory)]));
    }
    let others = within(directory, others);
    let unopened = Arc::new(Mutex::new(Vec::new()));
    let into_unopened = Arc::clone(&unopened);
    let mut walk = WalkBuilder::new(&**directory);
    walk.standard_filters(false).hidden(true).add_custom_ignore_filename(IGNORE_FILE);
    walk.max_depth((depth == Depth::Directory).then_some(1));
    let handed_over = directory.join(HANDED_OVER);
    walk.filter_entry(move |entry| {
        if entry.path() == handed_over || others.iter().any(|other| entry.path() == other) {
            return false;
        }
        let is_special = entry.file_type().is_some_and(|kind| kind.is_dir())
            && has_special_ignore_file(entry.path());
        if is_special {
            let mut unopened = into_unopened.lock().unwrap_or_else(PoisonError::into_inner);
            unopened.push(entry.path().to_path_buf());
        }
        !is_special
    });
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for entry in walk.build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                skipped.push(skipped_for(directory, &error)?);
                continue;
            }
        };
        if !entry.file_type().is_some_and(|kind| kind.is_file()) {
            continue;
        }
        if entry.path().extension().is_some_and(|extension| extension == "part") {
            continue;
        }
        let below = entry.path().strip_prefix(directory).unwrap_or(entry.path());
        let bytes = || below.as_os_str().as_encoded_bytes().to_vec();
        let Some(name) = name(below) else {
            let reason = "its name is not UTF-8".into();
            let (directory, name) = (Arc::clone(directory), bytes());
            skipped.push(Skipped { directory, name, reason, unknown_below: None });
            continue;
        };
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.io_error().is_some_and(is_gone) => continue,
            Err(error) => {
                skipped.push(skipped_for(directory, &error)?);
                continue;
            }
        };
        let (directory, state) = (Arc::clone(directory), state(below, &metadata));
        found.push(Found { directory, name: name.into(), state });
    }
    let unopened = mem::take(&mut *unopened.lock().unwrap_or_else(PoisonError::into_inner));
    skipped.extend(unopened.iter().map(|below| Skipped::of_ignore_file(directory, below)));
    Ok((found, skipped))
}

/// Whether the file with patterns is there and is no regular file: opening a FIFO could block for ever.
fn has_special_ignore_file(directory: &Path) -> bool {
    let metadata = std::fs::metadata(directory.join(IGNORE_FILE));
    metadata.is_ok_and(|metadata| !metadata.is_file())
}

/// The paths of directories without links. One that does not exist has none.
pub(super) fn real_paths<'a>(directories: impl Iterator<Item = &'a Path>) -> Vec<PathBuf> {
    directories.filter_map(|directory| directory.canonicalize().ok()).collect()
}

/// The directories within a directory, as a walk of it names them.
fn within(directory: &Path, others: &[PathBuf]) -> Vec<PathBuf> {
    let Ok(real) = directory.canonicalize() else { return Vec::new() };
    let below = others.iter().filter_map(|other| other.strip_prefix(&real).ok());
    let below = below.filter(|below| !below.as_os_str().is_empty());
    below.map(|below| directory.join(below)).collect()
}

/// Whether the same call may succeed later although the file has not changed.
pub(super) fn may_pass(error: &io::Error) -> bool {
    system::is_shortage(error) || system::is_disk_failure(error)
}

/// Whether a file was removed during the scan.
fn is_gone(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn name(below: &Path) -> Option<String> {
    let segments: Option<Vec<&str>> = below
        .components()
        .map(|component| match component {
            Component::Normal(segment) => segment.to_str(),
            _ => None,
        })
        .collect();
    Some(segments?.join("/"))
}

/// The state of a file. Its name says whether it is packed.
pub(super) fn state(path: &Path, metadata: &Metadata) -> FileState {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut state = FileState::of(metadata);
    state.packed = super::name::is_packed(name);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_subdirectory_is_named_once() {
        let denied = || ignore::Error::Io(io::ErrorKind::PermissionDenied.into());
        let at = |path: &str| ignore::Error::WithDepth {
            depth: 1,
            err: Box::new(ignore::Error::WithPath { path: path.into(), err: Box::new(denied()) }),
        };
        for (error, name) in
            [(at("papers/a/b"), "a/b"), (at("papers"), "papers"), (denied(), "papers")]
        {
            let skipped = Skipped::of_error(&Path::new("papers").into(), &error);
            assert_eq!(skipped.name, name.as_bytes());
            assert_eq!(skipped.reason, "permission denied");
            assert!(!skipped.may_hide(Path::new("papers"), "a/b"));
        }
    }

    /// As the walk wraps errors of the system.
    #[cfg(unix)]
    fn wrapped(errno: rustix::io::Errno, path: &str) -> ignore::Error {
        #[derive(Debug)]
        struct Walk(io::Error);
        impl std::fmt::Display for Walk {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "IO error for operation: {}", self.0)
            }
        }
        impl Error for Walk {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = io::Error::from_raw_os_error(errno.raw_os_error());
        let error = io::Error::new(error.kind(), Walk(error));
        let err = Box::new(ignore::Error::Io(error));
        let err = Box::new(ignore::Error::WithDepth { depth: 1, err });
        match path {
            "" => *err,
            path => ignore::Error::WithPath { path: path.into(), err },
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_disk_hides_files_below_and_a_shortage_ends_the_scan() {
        use rustix::io::Errno;

        let directory = &Arc::<Path>::from(Path::new("papers"));
        for (path, hidden) in [
            ("papers/a", [true, true, false]),
            ("papers/a/b.md", [false, true, false]),
            ("papers", [true; 3]),
            ("", [true; 3]),
        ] {
            let error = wrapped(Errno::IO, path);
            assert!(shortage(&error).is_none());
            let skipped = Skipped::of_error(directory, &error);
            assert_eq!(
                ["a/c.md", "a/b.md", "ab.md"].map(|name| skipped.may_hide(directory, name)),
                hidden
            );
            let error = wrapped(Errno::MFILE, path);
            assert!(shortage(&error).is_some_and(|error| system::is_shortage(&error)));
            let error = wrapped(Errno::ACCESS, path);
            assert!(shortage(&error).is_none());
            assert!(!Skipped::of_error(directory, &error).may_hide(directory, "a/b.md"));
        }
    }
}
