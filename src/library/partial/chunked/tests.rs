//! Tests of chunked parts.

use super::*;

const LENGTH: u64 = 3 * CHUNK + 5;
const ALL: &[Range<u64>] = &[Range { start: 0, end: LENGTH }];

fn open(directory: &Path) -> ChunkedPart {
    let opened = ChunkedPart::open(&directory.join("part"), &directory.join("beginning"), LENGTH);
    let Opened::Locked(part) = opened.unwrap() else { panic!("busy") };
    part
}

#[test]
fn chunks_are_marked_when_they_are_complete_and_found_again() {
    let directory = tempfile::tempdir().unwrap();
    let part = open(directory.path());
    assert_eq!(part.missing(), ALL);
    part.write(&[1; 100], CHUNK).unwrap();
    assert_eq!(part.missing(), ALL);
    part.write(&vec![1; usize::try_from(CHUNK).unwrap()], CHUNK + 100).unwrap();
    part.write(&[1; 5], 3 * CHUNK).unwrap();
    assert_eq!(part.missing(), [0..CHUNK, 2 * CHUNK..3 * CHUNK]);
    let second = ChunkedPart::open(&directory.path().join("part"), Path::new("none"), LENGTH);
    assert!(matches!(second.unwrap(), Opened::Busy), "another process is writing it");
    drop(part);

    let part = open(directory.path());
    assert_eq!(part.missing(), [0..CHUNK, 2 * CHUNK..3 * CHUNK]);
    part.clear().unwrap();
    drop(part);
    assert_eq!(open(directory.path()).missing(), ALL);
}

#[test]
fn a_resumable_part_becomes_a_chunked_one() {
    let directory = tempfile::tempdir().unwrap();
    let beginning: Vec<u8> = (0..CHUNK * 2 - 1).map(|at| at.to_le_bytes()[0]).collect();
    fs::write(directory.path().join("beginning"), &beginning).unwrap();
    let part = open(directory.path());
    assert_eq!(part.missing(), [Range { start: CHUNK, end: LENGTH }]);
    let mut read = vec![0; 1000];
    assert_eq!(part.read(&mut read, 500).unwrap(), 1000);
    assert_eq!(read, beginning[500..1500]);
    assert!(!directory.path().join("beginning").exists());
    drop(part);
    assert_eq!(open(directory.path()).missing(), [Range { start: CHUNK, end: LENGTH }]);
}

#[test]
fn a_complete_file_is_kept_and_one_of_another_length_is_begun_again() {
    let directory = tempfile::tempdir().unwrap();
    let part = open(directory.path());
    part.cut_map_off().unwrap();
    drop(part);
    assert!(open(directory.path()).missing().is_empty());
    for length in [1, LENGTH - 1, LENGTH + 1, LENGTH + 17] {
        let file = File::create(directory.path().join("part")).unwrap();
        file.set_len(length).unwrap();
        drop(file);
        assert_eq!(open(directory.path()).missing(), ALL, "{length}");
    }
}
