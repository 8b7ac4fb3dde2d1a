//! The file that keeps the digest cache between runs (protocol.md section 5.5).
//!
//! Several processes of one user may share it. It is a text file that is replaced as a whole and ends
//! with a digest of itself. A file with any other content is ignored.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::hasher::Hasher;
use crate::library::file_state::FileState;
use crate::library::store_file::StoreFile;
use crate::limits;
use crate::protocol::Digest;

/// The first line of the store. It contains the version of the format.
const FIRST_LINE: &str = "p2p-ci digests 2";

/// The largest length of a line: six numbers of a state, a length and a digest.
const LINE: usize = 256;

/// The digest and the length of a document. The length of a packed document is not in its state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) length: u64,
}

/// A store of digests.
#[derive(Debug)]
pub(super) struct DigestStore(StoreFile);

impl DigestStore {
    pub(super) fn at(path: &Path) -> Self {
        Self(StoreFile::new(path, (limits::DIGESTS * LINE) as u64))
    }

    /// The stored digests; `None` if there is no store, or its format is wrong.
    pub(super) fn read(&self) -> Option<HashMap<FileState, Known>> {
        parse(&self.0.read()?)
    }

    /// Stores the digests that `merge` returns for the stored ones. Meanwhile no other process stores.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub(super) fn replace(
        &self,
        merge: impl FnOnce(HashMap<FileState, Known>) -> HashMap<FileState, Known>,
    ) -> io::Result<()> {
        self.0.replace(|stored| text(&merge(stored.as_deref().and_then(parse).unwrap_or_default())))
    }
}

fn text(known: &HashMap<FileState, Known>) -> String {
    let mut text = format!("{FIRST_LINE}\n");
    for (state, Known { digest, length }) in known.iter().take(limits::DIGESTS) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{state} {length} {digest}");
    }
    let mut hasher = Hasher::default();
    hasher.update(text.as_bytes());
    let _ = writeln!(text, "{}", hasher.finish());
    text
}

/// Parses a store. Its last line is the digest of all lines before.
fn parse(text: &str) -> Option<HashMap<FileState, Known>> {
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
            let (state, known) = line.split_once(' ')?;
            let (length, digest) = known.split_once(' ')?;
            let known = Known { digest: digest.parse().ok()?, length: length.parse().ok()? };
            Some((state.parse().ok()?, known))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Barrier;
    use std::thread;

    use super::*;

    /// The state of a new file, and what a digest of it might be.
    fn known(path: &Path) -> (FileState, Known) {
        fs::write(path, "abc").unwrap();
        let digest = Hasher::default().finish();
        (FileState::of(&path.metadata().unwrap()), Known { digest, length: 3 })
    }

    #[test]
    fn a_store_is_read_back_and_a_damaged_one_is_ignored() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/digests");
        let store = DigestStore::at(&path);
        assert_eq!(store.read(), None);
        let one = HashMap::from([known(&directory.path().join("file"))]);
        store.replace(|_| one.clone()).unwrap();
        assert_eq!(store.read(), Some(one));

        let stored = fs::read(&path).unwrap();
        for at in 0..stored.len() {
            let mut broken = stored.clone();
            broken[at] ^= 1;
            fs::write(&path, &broken).unwrap();
            assert_eq!(store.read(), None, "byte {at}");
            fs::write(&path, &stored[..at]).unwrap();
            assert_eq!(store.read(), None, "cut at {at}");
        }
    }

    #[test]
    fn processes_that_store_at_the_same_time_lose_nothing() {
        const PROGRAMS: usize = 16;
        let directory = tempfile::tempdir().unwrap();
        let store = DigestStore::at(&directory.path().join("digests"));
        let begin = Barrier::new(PROGRAMS);
        thread::scope(|scope| {
            for number in 0..PROGRAMS {
                let one = known(&directory.path().join(number.to_string()));
                let (store, begin) = (&store, &begin);
                scope.spawn(move || {
                    begin.wait();
                    let merge = |mut others: HashMap<_, _>| {
                        others.extend([one]);
                        others
                    };
                    store.replace(merge).unwrap();
                });
            }
        });
        assert_eq!(store.read().map(|all| all.len()), Some(PROGRAMS));
    }
}
