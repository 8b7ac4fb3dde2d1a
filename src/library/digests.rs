//! SHA-256 of files, computed once and kept (protocol.md section 5.5).
//!
//! A digest is kept by what the file system says of a file: device, inode, length and times. A
//! file for which all of them are the same is the same file; one that was touched is read again.
//! The store is a text file that is rebuilt whenever anything about it is not as we wrote it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File, Metadata};
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest as _, Sha256};

use super::Incoming;
use crate::limits;
use crate::protocol::Digest;

/// The first line of the store. Another version of the format is another line.
const FIRST_LINE: &str = "p2p-ci digests 1";

/// The digests of files, by what the file system says of them.
#[derive(Debug, Default)]
pub struct Digests {
    known: Mutex<HashMap<FileState, Digest>>,
    store: Option<PathBuf>,
}

/// What tells one state of a file from another.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
struct FileState(String);

impl FileState {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;

        let (device, inode, length) = (metadata.dev(), metadata.ino(), metadata.len());
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        let times = format!("{}.{}-{}.{}", modified.0, modified.1, changed.0, changed.1);
        Self(format!("{device}-{inode}-{length}-{times}"))
    }

    #[cfg(not(unix))]
    fn of(metadata: &Metadata) -> Self {
        let time = |time: io::Result<std::time::SystemTime>| {
            time.ok()
                .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok())
                .unwrap_or_default()
        };
        let (modified, created) = (time(metadata.modified()), time(metadata.created()));
        Self(format!("{}-{modified:?}-{created:?}", metadata.len()))
    }
}

impl Digests {
    /// What was stored in this file, or nothing if it is not as we wrote it.
    pub fn load(store: &Path) -> Self {
        let known = fs::read_to_string(store).ok().and_then(|text| parse(&text));
        if known.is_none() && store.exists() {
            log::warn!(
                "the digests in `{}` are not as they were stored: they are computed anew",
                store.display()
            );
        }
        Self { known: Mutex::new(known.unwrap_or_default()), store: Some(store.into()) }
    }

    /// The digest of an open file, if it is known.
    ///
    /// # Errors
    /// When the system does not tell the state of the file.
    pub fn known(&self, file: &File) -> io::Result<Option<Digest>> {
        Ok(self.lock().get(&FileState::of(&file.metadata()?)).copied())
    }

    /// The digest of an open file, computed if it is not known; `None` if `go_on` did not want to
    /// go on, or the file changed meanwhile. The file is read from where it stands to its end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn compute(&self, mut file: &File, go_on: &dyn Fn() -> bool) -> io::Result<Option<Digest>> {
        if let Some(digest) = self.known(file)? {
            return Ok(Some(digest));
        }
        let before = FileState::of(&file.metadata()?);
        let mut hasher = Hasher::default();
        let mut chunk = vec![0; 256 * 1024];
        loop {
            let count = file.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            hasher.update(&chunk[..count]);
            if !go_on() {
                return Ok(None);
            }
        }
        if FileState::of(&file.metadata()?) != before {
            return Ok(None);
        }
        let digest = hasher.finish();
        self.lock().insert(before, digest);
        Ok(Some(digest))
    }

    /// Writes what is known to the store, beside what other programs have stored there meanwhile.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let others = fs::read_to_string(store).ok().and_then(|text| parse(&text));
        let others = others.unwrap_or_default();
        {
            let mut known = self.lock();
            // Files that are long gone are forgotten when there are too many of them.
            if known.len() + others.len() <= limits::DIGESTS {
                others.into_iter().for_each(|(state, digest)| {
                    known.entry(state).or_insert(digest);
                });
            }
        }
        if let Some(folder) = store.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut incoming = Incoming::begin(store)?;
        incoming.file().write_all(self.text().as_bytes())?;
        incoming.finish(true)
    }

    fn text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        for (FileState(state), digest) in &*self.lock() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{state} {digest}");
        }
        let mut hasher = Hasher::default();
        hasher.update(text.as_bytes());
        let _ = writeln!(text, "{}", hasher.finish());
        text
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<FileState, Digest>> {
        // Each change is one insertion: a poisoned map is still whole.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a store; its last line is the digest of all before.
fn parse(text: &str) -> Option<HashMap<FileState, Digest>> {
    let (content, check) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    let mut hasher = Hasher::default();
    hasher.update(content.as_bytes());
    hasher.update(b"\n");
    if check.parse() != Ok(hasher.finish()) {
        return None;
    }
    let mut lines = content.lines();
    if lines.next() != Some(FIRST_LINE) {
        return None;
    }
    lines
        .map(|line| {
            let (state, digest) = line.split_once(' ')?;
            Some((FileState(state.into()), digest.parse().ok()?))
        })
        .collect()
}

/// Computes a digest piece by piece.
#[derive(Clone, Debug, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes.
    pub fn finish(self) -> Digest {
        Digest::new(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OF_ABC: &str = "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn digest(digests: &Digests, path: &Path) -> Option<String> {
        let file = File::open(path).unwrap();
        digests.compute(&file, &|| true).unwrap().map(|digest| digest.to_string())
    }

    #[test]
    fn a_digest_is_computed_once_and_a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        let digests = Digests::default();
        assert_eq!(digests.known(&File::open(&path).unwrap()).unwrap(), None);
        assert_eq!(digest(&digests, &path).as_deref(), Some(OF_ABC));
        assert!(digests.known(&File::open(&path).unwrap()).unwrap().is_some());
        fs::write(&path, "abcd").unwrap();
        assert_eq!(digests.known(&File::open(&path).unwrap()).unwrap(), None);
        assert_ne!(digest(&digests, &path).as_deref(), Some(OF_ABC));
    }

    #[test]
    fn computing_stops_when_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "abc").unwrap();
        let digests = Digests::default();
        assert_eq!(digests.compute(&File::open(&path).unwrap(), &|| false).unwrap(), None);
        assert!(digests.lock().is_empty());
    }

    #[test]
    fn a_store_is_read_back_and_a_broken_one_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, store) = (folder.path().join("file"), folder.path().join("a/b/digests"));
        fs::write(&path, "abc").unwrap();
        let digests = Digests::load(&store);
        digest(&digests, &path);
        digests.save().unwrap();
        let stored = fs::read(&store).unwrap();
        assert_eq!(Digests::load(&store).lock().len(), 1);

        for at in 0..stored.len() {
            let mut broken = stored.clone();
            broken[at] ^= 1;
            fs::write(&store, &broken).unwrap();
            assert!(Digests::load(&store).lock().is_empty(), "byte {at}");
            fs::write(&store, &stored[..at]).unwrap();
            assert!(Digests::load(&store).lock().is_empty(), "cut at {at}");
        }
    }
}
