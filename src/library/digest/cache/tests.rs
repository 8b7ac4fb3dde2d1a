//! Tests of the digest cache.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use super::*;
use crate::library::{Depth, Library};

const OF_ABC: &str = "sha-256=ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

fn open(path: &Path) -> OpenDocument {
    let file = File::open(path).unwrap();
    let metadata = file.metadata().unwrap();
    let (length, state) = (metadata.len(), FileState::of(&metadata));
    OpenDocument { file, length, modified: metadata.modified().unwrap(), state, _copy: None }
}

fn digest(digests: &DigestCache, path: &Path) -> Option<String> {
    while open(path).state.is_racy(SystemTime::now()) {
        thread::sleep(RACE_POLL);
    }
    digests
        .compute(&open(path), &mut DigestCache::buffer(), &|| true)
        .unwrap()
        .map(|digest| digest.to_string())
}

#[test]
fn a_digest_is_computed_once_and_a_changed_file_is_read_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let digests = DigestCache::default();
    assert_eq!(digests.known(&open(&path)), None);
    assert_eq!(digest(&digests, &path).as_deref(), Some(OF_ABC));
    assert!(digests.known(&open(&path)).is_some());
    fs::write(&path, "abcd").unwrap();
    assert_eq!(digests.known(&open(&path)), None);
    assert_ne!(digest(&digests, &path).as_deref(), Some(OF_ABC));
}

#[test]
fn a_changed_file_has_no_digest_before_the_next_scan() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let shared = Library::scan(directory.path(), Depth::Directory).unwrap();
    let digests = DigestCache::default();
    let unknown = || digests.unknown(shared.read().entries());
    let compute = || {
        let entry = shared.read().entry(&unknown()[0]).cloned().unwrap();
        digests.compute_unknown(&entry, &mut DigestCache::buffer(), &|| true)
    };

    for other in ["ab", "abcd"] {
        fs::write(&path, other).unwrap();
        assert_eq!(compute().unwrap(), None, "{other}");
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(compute().unwrap_err().kind(), io::ErrorKind::NotFound);
    #[cfg(unix)]
    {
        let fifo = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(fifo.success());
        assert_eq!(compute().unwrap(), None);
        fs::remove_file(&path).unwrap();
    }
    assert!(digests.lock().is_empty());

    fs::write(&path, "abc").unwrap();
    // One that was written to in the last second is not looked at yet.
    let old = SystemTime::now() - Duration::from_secs(60);
    File::options().write(true).open(&path).unwrap().set_modified(old).unwrap();
    shared.rescan().unwrap();
    assert_eq!(compute().unwrap().unwrap().to_string(), OF_ABC);
    assert!(unknown().is_empty());
}

#[test]
fn computing_stops_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    fs::write(&path, "abc").unwrap();
    let digests = DigestCache::default();
    assert_eq!(digests.compute(&open(&path), &mut DigestCache::buffer(), &|| false).unwrap(), None);
    assert!(digests.lock().is_empty());
}
