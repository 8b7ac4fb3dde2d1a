//! The hidden files in which downloads lie until they are whole: their names, and what killed
//! programs have left of them.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::{Builder, NamedTempFile};

use crate::protocol::Digest;

/// What the names of temporary files begin with.
const TEMPORARY: &str = ".p2p-ci-";
/// What the names of all our hidden files end with.
const SUFFIX: &str = ".part";

/// A temporary file beside the target, gone when it is dropped.
pub(super) fn temporary(target: &Path) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(TEMPORARY).suffix(SUFFIX);
    // What everybody may read after a plain copy, everybody may read after a download.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let file = builder.tempfile_in(folder_of(target))?;
    // Where there are no locks, an abandoned file cannot be told from one in use, and stays.
    let _ = file.as_file().try_lock();
    Ok(file)
}

/// Removes temporary files that nobody has locked. Young ones are left alone: their owner may be
/// about to lock them.
pub(super) fn remove_abandoned(folder: &Path) {
    const AGE: Duration = Duration::from_secs(60);
    let is_abandoned = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.starts_with(TEMPORARY) && name.ends_with(SUFFIX))
            && File::open(path).is_ok_and(|file| {
                let modified = file.metadata().and_then(|metadata| metadata.modified());
                let age = modified.ok().and_then(|modified| modified.elapsed().ok());
                age.is_some_and(|age| age >= AGE) && file.try_lock().is_ok()
            })
    };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_abandoned) {
        // If it cannot be removed, it only takes room.
        let _ = fs::remove_file(path);
    }
}

/// The folder that a path lies in.
pub(super) fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// `.rfc793.txt.0123456789abcdef.part`; nothing where that would be too long for a file name.
pub(super) fn kept_path(target: &Path, digest: &Digest) -> Option<PathBuf> {
    const DIGITS: usize = 16;
    let name = target.file_name()?.to_str().filter(|name| name.len() <= 230)?;
    let digest = digest.to_string();
    let hex = digest.split_once('=').map(|(_, hex)| &hex[..DIGITS])?;
    Some(folder_of(target).join(format!(".{name}.{hex}{SUFFIX}")))
}

/// What earlier downloads have left for this target.
pub(super) fn kept_parts(target: &Path) -> Vec<PathBuf> {
    let Some(name) = target.file_name().and_then(|name| name.to_str()) else { return Vec::new() };
    let Ok(entries) = fs::read_dir(folder_of(target)) else { return Vec::new() };
    let is_kept = |path: &PathBuf| {
        let part = path.file_name().and_then(|name| name.to_str());
        let hex = part
            .and_then(|part| part.strip_prefix('.')?.strip_prefix(name)?.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(SUFFIX));
        hex.is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_kept).collect()
}
