//! Workers that panic (protocol.md section 5.6).

use std::time::Instant;

use super::*;
use crate::library::PartialFile;

const LENGTH: u64 = 9_000_000;

fn swarm(folder: &std::path::Path) -> (Arc<Swarm>, Arc<ChunkedPart>, PartialFile) {
    let mut partial = PartialFile::begin(&folder.join("document")).unwrap();
    let digest = Digest::new([7; 32]);
    let part = partial.chunked(&digest, LENGTH).unwrap().unwrap();
    let document = Document::Rfc("1".parse().unwrap());
    let (dialer, admission, accounting) = Default::default();
    let request = SegmentedDocument {
        dialer: &dialer,
        admission: &admission,
        accounting: &accounting,
        document: &document,
        digest,
        holders: Vec::new(),
        has_others: false,
        first: None,
        part: &part,
    };
    let swarm = Swarm::new(request, 2);
    (swarm, part, partial)
}

fn panicking(swarm: &Swarm, worker: usize) {
    let range = swarm.lock().segments.take(worker, 1e6, Instant::now());
    assert!(range.is_none(), "it has a segment and panics, as it should");
}

#[test]
fn a_download_ends_when_its_workers_panic() {
    let folder = tempfile::tempdir().unwrap();
    let (swarm, part, _incoming) = swarm(folder.path());
    for worker in 0..2 {
        start(&swarm, worker, move |swarm| panicking(swarm, worker));
    }
    let outcome = swarm.follow(&part, 0, &mut |_| {});
    assert!(matches!(outcome, Err(SwarmError::Holders(failures)) if failures.is_empty()));
}

#[test]
fn the_range_of_a_failed_worker_is_released() {
    let folder = tempfile::tempdir().unwrap();
    let (swarm, part, _incoming) = swarm(folder.path());
    start(&swarm, 0, |swarm| panicking(swarm, 0));
    start(&swarm, 1, |swarm| {
        let holder = "127.0.0.1:1".parse().unwrap();
        let mut segments = 0;
        while let Some(range) = swarm.next_range(1, &holder) {
            let part = swarm.lock().part.clone();
            let count = range.end - range.start;
            let bytes = vec![7; usize::try_from(count).unwrap()];
            part.unwrap().write(&bytes, range.start).unwrap();
            swarm.lock().segments.advance(1, count, Instant::now());
            segments += 1;
        }
        assert!(segments > 0);
    });
    let delivered = swarm.follow(&part, 0, &mut |_| {}).unwrap();
    assert_ne!(delivered.digest, Digest::new([7; 32]));
    assert!(part.missing().is_empty());
}
