//! The paths by which a list of digests may name the shared directory.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The paths of a shared directory, which need not exist yet.
pub(super) struct OwnPaths {
    /// As the user wrote it.
    given: PathBuf,
    /// Absolute, without `.` and `..`.
    absolute: PathBuf,
    /// The same without symbolic links.
    canonical: PathBuf,
    /// The current directory.
    current: PathBuf,
}

impl OwnPaths {
    pub(super) fn of(directory: &Path, current: &Path) -> io::Result<Self> {
        let absolute = current.join(directory);
        Ok(Self {
            given: without_dots(directory),
            canonical: canonical(&absolute)?,
            absolute: normal(&absolute),
            current: current.into(),
        })
    }

    /// The path of a file below the shared directory; nothing if it is not below it.
    pub(super) fn below(&self, path: &Path) -> Option<PathBuf> {
        let path = without_dots(path);
        if path.is_absolute() {
            let normal = normal(&path);
            return self.strip(&normal).or_else(|| self.strip(&canonical(&path).ok()?));
        }
        let given = if self.given.as_os_str().is_empty() { None } else { Some(&self.given) };
        let path = match given.and_then(|given| path.strip_prefix(given).ok()) {
            Some(below) => below.to_path_buf(),
            None => path,
        };
        if !path.components().any(|component| component == Component::ParentDir) {
            return Some(path);
        }
        let in_current = self.strip(&normal(&self.current.join(&path)));
        in_current.or_else(|| self.strip(&normal(&self.absolute.join(&path))))
    }

    fn strip(&self, path: &Path) -> Option<PathBuf> {
        let below =
            path.strip_prefix(&self.absolute).or_else(|_| path.strip_prefix(&self.canonical));
        below.ok().map(Into::into)
    }
}

/// The path without symbolic links. What does not exist has none.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(found), ..) => Ok(found),
        (Err(error), Some(parent), Some(name)) if error.kind() == io::ErrorKind::NotFound => {
            Ok(canonical(parent)?.join(name))
        }
        (Err(error), Some(_), None) if error.kind() == io::ErrorKind::NotFound => {
            canonical(&normal(path))
        }
        (Err(error), ..) => Err(error),
    }
}

/// The path without `.`, and without `..` as far as the path itself tells where that leads.
pub(super) fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match normal.components().next_back() {
                Some(Component::Normal(_)) => {
                    normal.pop();
                }
                Some(Component::RootDir) => {}
                _ => normal.push(component),
            },
            _ => normal.push(component),
        }
    }
    normal
}

/// The path without the segments `.`, which change nothing.
fn without_dots(path: &Path) -> PathBuf {
    path.components().filter(|component| *component != Component::CurDir).collect()
}
