//! Readers that wait for the uploader.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use super::{ask, head, lender_with};
use crate::common::{Index, PATIENCE, directory, uninterrupted};

/// A reader that waits for a slot takes nothing, which is not its fault.
#[test]
fn a_document_moves_once_although_its_readers_wait_for_a_slot() {
    let root = tempfile::tempdir().unwrap();
    let (large, wanted) = (vec![7; 30_000_000], vec![8; 300_000]);
    let shared = directory(root.path(), "shared", &[("large", &large), ("wanted", &wanted)]);
    let index = Index::start(&[]);
    let (_program, address) = lender_with(&index, &shared, &["--upload-slots", "1"]);
    let holds_the_slot = ask(address, "large", "Range: bytes=1-\r\n");
    uninterrupted(|| holds_the_slot.peek(&mut [0])).unwrap();
    let take = || {
        let mut stream = ask(address, "wanted", "");
        let (status, length) = head(&mut stream);
        stream.read_exact(&mut vec![0; length]).unwrap();
        status
    };
    let statuses = thread::scope(|scope| {
        let first = scope.spawn(take);
        // The time is what is tested: it is longer than a reader that takes nothing keeps a document.
        thread::sleep(Duration::from_millis(2200));
        let second = scope.spawn(take);
        // Nothing shows outside when the second one waits for the slot; if it does not yet, the test
        // passes as well.
        thread::sleep(Duration::from_millis(200));
        drop(holds_the_slot);
        [first, second].map(|reader| reader.join().unwrap())
    });
    assert_eq!(
        statuses.iter().filter(|status| status.ends_with("200 OK")).count(),
        1,
        "{statuses:?}"
    );
    let begun = Instant::now();
    while !shared.join("handed-over/wanted").exists() {
        assert!(begun.elapsed() < PATIENCE, "it is not handed over");
        thread::yield_now();
    }
    assert!(!shared.join("wanted").exists());
}
