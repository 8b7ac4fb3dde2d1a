//! Tests of partial files: they become complete files, or are resumed (protocol.md section 5.6).

use std::io::Write;
use std::time::Duration;

use super::*;
use crate::library::partial::part_names::chunked_path;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn digest_of(bytes: &[u8]) -> Digest {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

#[test]
fn a_file_appears_complete_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");

    let partial = PartialFile::begin(&target).unwrap();
    partial.file().write_all(b"half").unwrap();
    assert!(!target.exists());
    drop(partial);
    assert!(names(directory.path()).is_empty());

    let partial = PartialFile::begin(&target).unwrap();
    partial.file().write_all(b"whole").unwrap();
    partial.commit(false).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"whole");
    assert_eq!(names(directory.path()), ["rfc1.txt"]);
}

#[test]
fn an_existing_file_is_overwritten_only_when_asked() {
    for kept in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("rfc1.txt");
        fs::write(&target, "old").unwrap();
        let new = || {
            let mut partial = PartialFile::begin(&target).unwrap();
            if kept {
                let mut hasher = Hasher::default();
                partial.resume(&digest_of(b"new"), u64::MAX, &mut hasher).unwrap();
                partial.restart(&mut hasher).unwrap();
            }
            partial.file().write_all(b"new").unwrap();
            partial
        };
        let error = new().commit(false).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists, "kept: {kept}");
        assert_eq!(fs::read(&target).unwrap(), b"old");
        new().commit(true).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"new");
        assert_eq!(names(directory.path()), ["rfc1.txt"]);
    }
}

#[test]
fn the_beginning_of_a_document_with_a_digest_is_kept_and_resumed() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");
    let digest = digest_of(b"whole");
    let mut hasher = Hasher::default();

    let mut first = PartialFile::begin(&target).unwrap();
    assert_eq!(first.resumable_bytes(), None);
    assert_eq!(first.resume(&digest, u64::MAX, &mut hasher).unwrap(), Some(0));
    first.file().write_all(b"who").unwrap();

    // While it is being written, no other download resumes it.
    let mut second = PartialFile::begin(&target).unwrap();
    assert_eq!(second.resume(&digest, u64::MAX, &mut hasher).unwrap(), None);
    let in_use = second.take_in_use().unwrap();
    assert!(in_use.are_in_use());
    drop(first);
    assert!(!in_use.are_in_use());
    drop(second);

    let mut third = PartialFile::begin(&target).unwrap();
    assert_eq!(third.resumable_bytes(), Some(3));
    assert_eq!(third.resume(&digest, u64::MAX, &mut hasher).unwrap(), Some(3));
    assert_eq!(third.resume(&digest, 2, &mut hasher).unwrap(), Some(2));
    third.file().write_all(b"ole").unwrap();
    hasher.update(b"ole");
    assert_eq!(hasher.finish(), digest);
    third.commit(false).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"whole");
    assert_eq!(names(directory.path()), ["rfc1.txt"]);
}

#[test]
fn one_process_at_a_time_writes_a_document_without_a_digest() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");
    let mut first = PartialFile::begin(&target).unwrap();
    let mut second = PartialFile::begin(&target).unwrap();
    let mut other = PartialFile::begin(&directory.path().join("rfc2.txt")).unwrap();
    for _ in 0..2 {
        assert!(first.claim().unwrap() && other.claim().unwrap());
        assert!(!second.claim().unwrap());
    }
    let in_use = second.take_in_use().unwrap();
    assert!(in_use.are_in_use());
    first.file().write_all(b"whole").unwrap();
    // As after the process was killed: its file is not locked, and has its name.
    fs::hard_link(first.temporary_path().unwrap(), directory.path().join("left")).unwrap();
    let path = first.temporary_path().unwrap().to_path_buf();
    drop(first);
    fs::rename(directory.path().join("left"), path).unwrap();
    assert!(second.claim().unwrap());
    assert!(in_use.are_in_use());
    assert_eq!(second.file().metadata().unwrap().len(), 0, "the killed process has left nothing");
    second.file().write_all(b"other").unwrap();
    second.commit(false).unwrap();
    drop(other);
    assert_eq!(fs::read(&target).unwrap(), b"other");
    assert_eq!(names(directory.path()), ["rfc1.txt"]);
}

#[test]
fn bytes_without_a_digest_are_not_the_beginning_of_a_document_with_one() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");
    let digest = digest_of(b"whole");
    let mut hasher = Hasher::default();
    let mut partial = PartialFile::begin(&target).unwrap();
    partial.file().write_all(b"something else").unwrap();
    assert_eq!(partial.resume(&digest, u64::MAX, &mut hasher).unwrap(), Some(0));
    partial.file().write_all(b"whole").unwrap();
    partial.commit(false).unwrap();
    assert_eq!(fs::read(&target).unwrap(), b"whole");
    assert_eq!(names(directory.path()), ["rfc1.txt"]);
}

#[test]
fn temporary_files_of_killed_processes_are_removed() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");
    let hour_ago = SystemTime::now() - Duration::from_secs(3600);
    let in_use = PartialFile::begin(&target).unwrap();
    for name in [".p2p-ci-old.part", ".p2p-ci-young.part", ".other.part", ".p2p-ci-old.txt"] {
        let file = File::create(directory.path().join(name)).unwrap();
        if !name.contains("young") {
            file.set_modified(hour_ago).unwrap();
        }
    }
    let path = in_use.temporary_path().unwrap();
    File::options().write(true).open(path).unwrap().set_modified(hour_ago).unwrap();
    PartialFile::begin(&target).unwrap();
    let mut left = names(directory.path());
    left.sort();
    let used = path.file_name().unwrap().to_str().unwrap();
    let mut expected = [".other.part", ".p2p-ci-old.txt", ".p2p-ci-young.part", used];
    expected.sort();
    assert_eq!(left, expected);
}

#[test]
fn another_version_does_not_resume_this_one() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("rfc1.txt");
    let mut hasher = Hasher::default();
    let mut old = PartialFile::begin(&target).unwrap();
    old.resume(&digest_of(b"old"), u64::MAX, &mut hasher).unwrap();
    old.file().write_all(b"ol").unwrap();
    drop(old);
    let mut new = PartialFile::begin(&target).unwrap();
    assert_eq!(new.resume(&digest_of(b"new"), u64::MAX, &mut hasher).unwrap(), Some(0));
    new.discard().unwrap();
    drop(new);
    assert_eq!(names(directory.path()).len(), 1, "the old one is still there");
}

/// Another program may write to a shared directory, too.
#[cfg(unix)]
#[test]
fn a_link_or_fifo_at_the_path_of_a_part_is_not_followed_and_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let elsewhere = NamedTempFile::new().unwrap();
    let digest = Digest::new([7; 32]);
    let target = directory.path().join("big.bin");
    let kept = resumable_path(&SaveTarget::file(&target), &digest);
    let chunked = chunked_path(&SaveTarget::file(&target), &digest, 9_000_000);
    let put = |path: &Path, kind: &str| match kind {
        "link" => std::os::unix::fs::symlink(elsewhere.path(), path).unwrap(),
        "directory" => fs::create_dir(path).unwrap(),
        _ => assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success()),
    };
    for kind in ["link", "directory", "fifo"] {
        put(&kept, kind);
        put(&chunked, kind);
        let mut partial = PartialFile::begin(&target).unwrap();
        assert!(partial.resume(&digest, u64::MAX, &mut Hasher::default()).is_err(), "{kind}");
        assert!(partial.chunked(&digest, 9_000_000).is_err(), "{kind}");
        assert_eq!(elsewhere.as_file().metadata().unwrap().len(), 0);
        for path in [&kept, &chunked] {
            fs::remove_file(path).or_else(|_| fs::remove_dir(path)).unwrap();
        }
    }
}
