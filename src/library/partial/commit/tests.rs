//! Tests of commits: new directories, obstacles, and concurrent downloads (protocol.md section 9).

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::sync::Barrier;
use std::thread;

use super::*;
use crate::library::target::SaveTarget;
use crate::library::{Hasher, Opened, PartFiles};
use crate::protocol::{Digest, Document, FileName};

fn digest_of(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn partial(root: &Path, name: &str, bytes: &[u8]) -> PartialFile {
    let target = SaveTarget::in_library(root, name);
    let partial = PartialFile::begin_with(&target, &PartFiles::in_directory(root)).unwrap();
    partial.file().write_all(bytes).unwrap();
    partial
}

#[test]
fn directories_appear_with_the_document_and_not_before() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let one = partial(root, "a/b/c", b"one");
    assert!(!root.join("a").exists());
    drop(one);
    assert!(names(root).is_empty());

    partial(root, "a/b/c", b"one").commit(false).unwrap();
    assert_eq!(fs::read(root.join("a/b/c")).unwrap(), b"one");
    let error = partial(root, "a/b/c", b"two").commit(false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(names(root), ["a"]);

    // A failed commit leaves no directory.
    fs::create_dir_all(root.join("x/y/z")).unwrap();
    fs::write(root.join("x/y/z/full"), "").unwrap();
    assert!(partial(root, "x/y/z", b"").commit(true).is_err());
    assert!(partial(root, "new/x\0y", b"").commit(true).is_err());
    assert_eq!(names(root), ["a", "x"]);
}

#[test]
fn a_file_that_cannot_be_saved_does_not_prevent_others() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    fs::write(root.join("file"), "file").unwrap();
    let all = ["one", "file/below", "file", "sub/two"];
    let all = all.map(|name| (partial(root, name, name.as_bytes()), false));
    let CommitResults { outcomes, synced } = PartialFile::commit_all(all.into()).unwrap();
    synced.unwrap();
    let kinds: Vec<_> =
        outcomes.iter().map(|one| one.as_ref().err().map(io::Error::kind)).collect();
    let (is_file, exists) = (io::ErrorKind::NotADirectory, io::ErrorKind::AlreadyExists);
    assert_eq!(kinds, [None, Some(is_file), Some(exists), None]);
    assert_eq!(names(root), ["file", "one", "sub"]);
    assert_eq!(fs::read(root.join("file")).unwrap(), b"file");
    assert_eq!(fs::read(root.join("sub/two")).unwrap(), b"sub/two");
}

#[cfg(unix)]
#[test]
fn no_link_is_followed_and_an_existing_file_is_replaced_on_demand() {
    use std::os::unix::fs::symlink;

    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = directory.path();
    symlink(elsewhere.path(), root.join("link")).unwrap();
    let error = partial(root, "link/x", b"x").commit(false).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::NotADirectory, "{error}");
    assert!(error.to_string().contains("found a symbolic link: `get --force`"), "{error}");
    // The link is replaced, and not what it leads to.
    partial(root, "link/x", b"x").commit(true).unwrap();
    assert!(names(elsewhere.path()).is_empty());
    assert_eq!(fs::read(root.join("link/x")).unwrap(), b"x");

    for kind in ["dangling", "directory", "fifo"] {
        let path = root.join(kind);
        match kind {
            "dangling" => symlink("/nowhere", &path).unwrap(),
            "directory" => fs::create_dir(&path).unwrap(),
            _ => assert!(process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
        }
        let target = SaveTarget::in_library(root, kind);
        let error = target.check(false).unwrap_err();
        assert!(error.to_string().contains("get --force"), "{error}");
        assert!(partial(root, kind, b"x").commit(false).is_err());
        target.check(true).unwrap();
        partial(root, kind, b"x").commit(true).unwrap();
        assert!(path.symlink_metadata().unwrap().is_file());
    }
    fs::create_dir_all(root.join("full/x")).unwrap();
    assert!(SaveTarget::in_library(root, "full").check(true).is_err());
    let error = partial(root, "full", b"x").commit(true).unwrap_err();
    assert!(error.to_string().contains("move or remove it"), "{error}");
}

#[test]
fn only_files_that_were_downloaded_and_are_unchanged_are_replaced_with_their_directory() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let files = [("lecture/x", b"x"), ("lecture/sub/y", b"y"), ("lectures", b"l")];
    let digests: BTreeMap<Document, Digest> = files
        .iter()
        .map(|(name, bytes)| (Document::File(FileName::from_decoded(name).unwrap()), bytes))
        .map(|(document, bytes)| (document, digest_of(*bytes)))
        .collect();
    let replacing = || {
        let target = SaveTarget::in_library(root, "lecture").with_downloaded(&digests);
        let checked = target.check(true);
        let partial = PartialFile::begin_with(&target, &PartFiles::in_directory(root)).unwrap();
        partial.file().write_all(b"honest").unwrap();
        (checked, partial.commit(true))
    };
    for (name, bytes) in files {
        partial(root, name, bytes).commit(false).unwrap();
    }
    // A file and a directory that the user has made, and a changed file.
    for (made, is_found_before) in [("lecture/mine", true), ("lecture/dir/", true), ("", false)] {
        match made.strip_suffix('/') {
            Some(made) => fs::create_dir(root.join(made)).unwrap(),
            None if made.is_empty() => fs::write(root.join("lecture/sub/y"), "changed").unwrap(),
            None => fs::write(root.join(made), "mine").unwrap(),
        }
        let (checked, committed) = replacing();
        assert_eq!(checked.is_err(), is_found_before, "{made}");
        let error = committed.unwrap_err().to_string();
        assert!(error.contains("is never deleted: move or remove it"), "{error}");
        assert_eq!(fs::read(root.join("lecture/x")).unwrap(), b"x");
        match made.strip_suffix('/') {
            Some(made) => fs::remove_dir(root.join(made)).unwrap(),
            None if made.is_empty() => fs::write(root.join("lecture/sub/y"), "y").unwrap(),
            None => fs::remove_file(root.join(made)).unwrap(),
        }
    }
    let (checked, committed) = replacing();
    checked.unwrap();
    committed.unwrap();
    assert_eq!(fs::read(root.join("lecture")).unwrap(), b"honest");
    assert_eq!(names(root), ["lecture", "lectures"]);
}

#[cfg(unix)]
#[test]
fn the_saved_file_is_known_by_its_descriptor() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let saved = partial(directory.path(), "x", b"bytes").commit(false).unwrap();
    let state = || crate::library::file_state::FileState::of(&path.metadata().unwrap());
    assert!(saved.is(&state()));
    fs::write(directory.path().join("other"), "other").unwrap();
    fs::rename(directory.path().join("other"), &path).unwrap();
    assert!(!saved.is(&state()));
}

#[test]
fn a_part_file_that_was_replaced_is_not_taken_for_the_document() {
    let directory = tempfile::tempdir().unwrap();
    let one = partial(directory.path(), "x", b"bytes");
    let part = one.part_path().to_path_buf();
    fs::rename(&part, directory.path().join("moved")).unwrap();
    fs::write(&part, "other").unwrap();
    if cfg!(unix) {
        assert_eq!(one.commit(true).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(!directory.path().join("x").exists());
    }
}

/// Several downloads of the same document, each with its own descriptor, as processes have them.
#[test]
fn concurrent_downloads_of_one_document_leave_it_complete_and_nothing_else() {
    const ROUNDS: usize = 150;
    const DOWNLOADS: usize = 4;
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    let bytes: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
    let (digest, length) = (digest_of(&bytes), bytes.len() as u64);
    let barrier = Barrier::new(DOWNLOADS);
    let download = |number: usize| {
        let mut partial = PartialFile::begin_with(
            &SaveTarget::in_library(root, "sub/x"),
            &PartFiles::in_directory(root),
        )
        .unwrap();
        if number.is_multiple_of(2) {
            if let Ok(Opened::Locked(pieces)) = partial.chunked(&digest, length) {
                let ranges = pieces.missing();
                for range in ranges {
                    let (first, last) = (
                        usize::try_from(range.start).unwrap(),
                        usize::try_from(range.end).unwrap(),
                    );
                    pieces.write(&bytes[first..last], range.start).unwrap();
                }
                return partial.commit(false);
            }
            partial.file().write_all(&bytes).unwrap();
            return partial.commit(false);
        }
        let mut hasher = Hasher::default();
        // Where a program would wait, this download continues with its temporary file.
        let there = partial.resume(&digest, length, &mut hasher).unwrap().unwrap_or(0);
        let rest = &bytes[usize::try_from(there).unwrap()..];
        let mut file = partial.file();
        file.seek(io::SeekFrom::Start(there)).unwrap();
        for chunk in rest.chunks(50_000) {
            file.write_all(chunk).unwrap();
            thread::yield_now();
        }
        partial.commit(false)
    };
    thread::scope(|scope| {
        for number in 0..DOWNLOADS {
            let (barrier, download, bytes) = (&barrier, &download, &bytes);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    if barrier.wait().is_leader() {
                        let _ = fs::remove_dir_all(root.join("sub"));
                    }
                    barrier.wait();
                    let outcome = download(number);
                    if let Err(error) = outcome {
                        let expected = [io::ErrorKind::AlreadyExists, io::ErrorKind::NotFound];
                        assert!(expected.contains(&error.kind()), "round {round}: {error}");
                    }
                    barrier.wait();
                    let found = fs::read(root.join("sub/x")).unwrap();
                    assert!(found == *bytes, "round {round}: {} bytes", found.len());
                }
            });
        }
    });
    assert_eq!(names(root), ["sub"]);
    assert_eq!(names(&root.join("sub")), ["x"]);
}

/// Some file systems find space for written bytes only when they are synced.
#[test]
fn a_disk_that_is_full_when_a_file_is_synced_leaves_no_part_file() {
    let directory = tempfile::tempdir().unwrap();
    for (kind, left) in [(io::ErrorKind::StorageFull, 0), (io::ErrorKind::Other, 1)] {
        let mut partial = partial(directory.path(), "x", b"");
        let digest = digest_of(b"document");
        partial.resume(&digest, u64::MAX, &mut Hasher::default()).unwrap();
        (&mut partial.file()).write_all(b"document").unwrap();
        delete_if_full(partial, &kind.into());
        assert_eq!(names(directory.path()).len(), left, "{kind}");
    }
}
