//! Tests of unpacked copies.

use std::fs;
use std::io::Seek;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

fn packed(path: &Path, length: u64) -> FileState {
    let file = File::create(path).unwrap();
    let mut encoder = GzEncoder::new(&file, Compression::fast());
    io::copy(&mut io::repeat(7).take(length), &mut encoder).unwrap();
    encoder.finish().unwrap();
    FileState::of(&file.metadata().unwrap())
}

fn bytes(copies: &UnpackedCopies) -> u64 {
    *copies.0.lock().bytes.lock().unwrap()
}

#[test]
fn many_readers_share_one_copy() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.gz");
    let state = packed(&path, 1_000_000);
    let copies = UnpackedCopies::default();
    thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                let copy = copies.of(&File::open(&path).unwrap(), state).unwrap();
                assert_eq!(copy.length(), 1_000_000);
            });
        }
    });
    assert_eq!(bytes(&copies), 1_000_000);
    copies.0.forget_unused(0);
    assert_eq!(bytes(&copies), 0);
}

#[test]
fn unused_copies_are_dropped_for_new_ones_and_used_copies_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.gz");
    let state = packed(&path, 100);
    let copies = UnpackedCopies::default();
    let kept = copies.of(&File::open(&path).unwrap(), state).unwrap();
    copies.0.forget_unused(0);
    assert_eq!(bytes(&copies), 100, "it is read");
    let mut all = Reserved { all: Arc::clone(&copies.0.lock().bytes), bytes: 0 };
    assert!(all.grow(limits::UNPACKED_ALL - 100));
    let other = directory.path().join("other.gz");
    let other_state = packed(&other, 100);
    let error = copies.of(&File::open(&other).unwrap(), other_state).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    drop(kept);
    assert!(copies.of(&File::open(&other).unwrap(), other_state).is_ok());
    drop(all);
    assert_eq!(bytes(&copies), 100, "the failed attempt has left nothing");
}

#[test]
fn of_copies_that_do_not_fit_together_as_many_are_made_as_fit() {
    let directory = tempfile::tempdir().unwrap();
    let copies = UnpackedCopies::default();
    let length = limits::UNPACKED - 1000;
    let fit = usize::try_from(limits::UNPACKED_ALL / length).unwrap();
    let files: Vec<_> = (0..2 * fit)
        .map(|number| {
            let path = directory.path().join(number.to_string());
            let state = packed(&path, length);
            (path, state)
        })
        .collect();
    let begin = Barrier::new(files.len());
    let read = |(path, state): &(PathBuf, FileState)| {
        begin.wait();
        copies.of(&File::open(path).unwrap(), *state)
    };
    let read: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = files.iter().map(|file| scope.spawn(|| read(file))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(read.iter().filter(|copy| copy.is_ok()).count(), fit);
    assert_eq!(bytes(&copies), fit as u64 * length);
}

#[test]
fn a_wrong_length_in_a_packed_file_is_no_limit() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file.gz");
    packed(&path, 1000);
    let mut member = fs::read(&path).unwrap();
    member.extend_from_within(..);
    fs::write(&path, member).unwrap();
    let state = FileState::of(&path.metadata().unwrap());
    let copies = UnpackedCopies::default();
    assert_eq!(copies.of(&File::open(&path).unwrap(), state).unwrap().length(), 2000);
    assert_eq!(bytes(&copies), 2000);
}

#[test]
fn the_last_reader_leaves_no_more_than_the_limit_of_unused_copies() {
    let directory = tempfile::tempdir().unwrap();
    let copies = UnpackedCopies::default();
    let length = limits::UNPACKED_UNUSED / 2;
    let read = |number: u64| {
        let path = directory.path().join(number.to_string());
        let state = packed(&path, length);
        copies.of(&File::open(&path).unwrap(), state).unwrap()
    };
    let readers: Vec<CopyReader> = (0..4).map(read).collect();
    assert_eq!(bytes(&copies), 4 * length);
    drop(readers);
    assert_eq!(bytes(&copies), limits::UNPACKED_UNUSED);
}

#[test]
fn a_file_that_cannot_be_unpacked_leaves_no_copy() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(b"no gzip").unwrap();
    file.rewind().unwrap();
    let state = FileState::of(&file.metadata().unwrap());
    let copies = UnpackedCopies::default();
    assert!(copies.of(&file, state).is_err());
    assert!(copies.0.lock().copies.is_empty());
    assert_eq!(bytes(&copies), 0);
}
