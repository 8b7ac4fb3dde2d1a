//! Looks at the files that the program under test has saved.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::system::open_regular;

/// Files and directories that are looked at, and depth of directories.
const FILES: usize = 5_000;
const DEPTH: usize = 4;
/// Whether a file with exactly these bytes appears before the deadline.
pub(super) fn has_content(directory: &Path, content: &[u8], deadline: Instant) -> bool {
    loop {
        if files(directory).iter().any(|path| is_content(path, content)) {
            return true;
        }
        if Instant::now() >= deadline {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// The name of a file that belongs to this RFC, if there is one.
pub(super) fn named(directory: &Path, number: u64) -> Option<String> {
    let number = number.to_string();
    let names = files(directory)
        .into_iter()
        .filter_map(|path| path.file_name().map(|name| name.to_string_lossy().into_owned()));
    names.into_iter().find(|name| name.contains(&number))
}

/// The program may replace a file by a link or a FIFO at any time, and neither is followed or waited for.
fn is_content(path: &Path, content: &[u8]) -> bool {
    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(OsStr::to_str))
    else {
        return false;
    };
    let Ok((file, metadata)) = open_regular(directory, name) else { return false };
    // A file of another length is not read: it may be large.
    let mut found = Vec::new();
    metadata.len() == length
        && file.take(length.saturating_add(1)).read_to_end(&mut found).is_ok()
        && found == content
}

/// The regular files below a directory, as far as their number is limited. Hidden ones are not documents, and links are not followed.
fn files(directory: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![(directory.to_path_buf(), 0)]);
    let mut left = FILES;
    while let Some((directory, depth)) = waiting.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            left = left.saturating_sub(1);
            if left == 0 {
                return found;
            }
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_file() && !is_hidden {
                found.push(entry.path());
            } else if kind.is_dir() && !is_hidden && depth < DEPTH {
                waiting.push((entry.path(), depth + 1));
            }
        }
    }
    found
}
