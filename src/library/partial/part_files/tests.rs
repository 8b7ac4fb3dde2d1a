//! Tests of the part files of a directory.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use super::*;
use crate::library::partial::part_names::resumable_path;
use crate::protocol::Digest;

fn target(directory: &Path, name: &str) -> SaveTarget {
    SaveTarget::in_library(directory, name)
}

/// Creates a part file with this length in bytes and age in days.
fn part(target: &SaveTarget, digest: u8, bytes: usize, days: u64) -> PathBuf {
    let path = resumable_path(target, &Digest::new([digest; 32]));
    fs::write(&path, vec![digest; bytes]).unwrap();
    let modified = SystemTime::now() - Duration::from_secs(days * 24 * 60 * 60);
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    path
}

#[test]
fn unwanted_parts_are_removed_when_they_are_old_or_the_document_is_complete() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [wanted, old, young, complete, used] =
        ["sub/wanted", "old", "young", "sub/complete", "used"].map(|name| target(directory, name));
    let kept = [part(&wanted, 1, 1, 30), part(&young, 1, 1, 6), part(&used, 1, 1, 30)];
    let removed = [part(&old, 1, 1, 8), part(&old, 2, 1, 8), part(&complete, 1, 1, 0)];
    let Ok(Some(Opened::Locked(lock))) = open_locked(&kept[2]) else { panic!("busy") };
    let parts = PartFiles::in_directory(directory);
    parts.remove_unwanted([wanted.clone()].into_iter(), [complete, wanted].into_iter());
    drop(lock);
    assert!(kept.iter().all(|path| path.exists()));
    assert!(!removed.iter().any(|path| path.exists()));
    let left = parts.by_target().len();
    assert_eq!(left, 2, "one is wanted, one is young, and another process has one");
}

#[test]
fn parts_of_digests_that_are_not_trusted_are_limited_in_number() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let parts = PartFiles::in_directory(directory);
    let trusted = target(directory, "trusted");
    parts.remember(&trusted, vec![part(&trusted, 1, 1, 0)], Vec::new(), true);
    for number in 0..PART_FILES + 10 {
        let one = target(directory, &format!("{number}"));
        parts.remember(&one, vec![part(&one, 1, number + 1, 0)], Vec::new(), false);
    }
    assert_eq!(fs::read_dir(directory).unwrap().count(), PART_FILES + 1);
    assert!(parts.has(&trusted) && !parts.has(&target(directory, "9")));
    assert!(parts.has(&target(directory, "10")), "the smallest are deleted first");
}

#[test]
fn parts_of_earlier_versions_are_renamed_or_removed() {
    let directory = tempfile::tempdir().unwrap();
    let old = directory.path().join(".a.txt.abababababababab.part");
    fs::write(&old, "begun").unwrap();
    fs::create_dir(directory.path().join("sub")).unwrap();
    let below = directory.path().join("sub/.b.txt.abababababababab.part");
    fs::write(&below, "begun").unwrap();
    let parts = PartFiles::in_directory(directory.path());
    let target = SaveTarget::file(&directory.path().join("a.txt"));
    assert!(parts.has(&target) && !old.exists());
    let kept = resumable_path(&target, &Digest::new([0xab; 32]));
    assert_eq!(fs::read(kept).unwrap(), b"begun");
    assert!(parts.of(&SaveTarget::in_library(directory.path(), "sub/b.txt")).is_empty());
    assert!(!below.exists());
}

/// Once, a full disk cost the part files of all documents that waited, also those that other processes had
/// written, and those of digests that the user trusts.
#[test]
fn a_full_disk_costs_untrusted_parts_of_this_process_first() {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path();
    let [own, trusted, used] = ["own", "trusted", "used"].map(|name| target(directory, name));
    let of_another = part(&own, 1, 9, 0);
    let parts = PartFiles::in_directory(directory);
    let written = part(&own, 2, 9, 0);
    parts.remember(&own, vec![of_another.clone(), written.clone()], vec![written.clone()], false);
    // It was written in an earlier attempt.
    parts.remember(&own, vec![of_another.clone(), written.clone()], Vec::new(), false);
    let kept = part(&trusted, 3, 9, 0);
    parts.remember(&trusted, vec![kept.clone()], vec![kept.clone()], true);
    let in_use = part(&used, 4, 9, 0);
    parts.remember(&used, vec![in_use.clone()], vec![in_use.clone()], false);
    let Ok(Some(Opened::Locked(lock))) = open_locked(&in_use) else { panic!("busy") };
    parts.delete_own();
    drop(lock);
    assert!(!written.exists());
    assert!([of_another, kept, in_use].iter().all(|path| path.exists()));
}
