//! The end of a peer, and its totals.

use std::fs;

use crate::common::{self, Index, Talk};

/// The end of the program interrupts an upload, whose bytes count as well.
#[test]
fn the_totals_name_the_bytes_of_incomplete_uploads() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("big.bin"), vec![7; 50_000_000]).unwrap();
    let index = Index::start(&[]);
    let (mut peer, port) = common::share(index.address, directory.path());
    let mut talk = Talk::to(([127, 0, 0, 1], port).into());
    talk.say("GET FILE big.bin P2P-CI/1.0\r\nHost: h\r\n\r\n");
    while !talk.has_arrived() {}
    peer.signal("TERM");
    assert_eq!(peer.wait().code(), Some(0));
    let errors = peer.errors();
    let is_named = |line: &String| {
        let bytes = line.split_once(": 0 uploads, 0 bytes; incomplete uploads: ")?.1;
        let bytes: u64 = bytes.strip_suffix(" bytes")?.parse().ok()?;
        (1..50_000_000).contains(&bytes).then_some(())
    };
    assert!(errors.iter().any(|line| is_named(line).is_some()), "{errors:#?}");
}
