//! Reports on a batch of files.

use std::fs;

use super::*;
use crate::download::model::{DownloadRequest, ExpectedDigest};
use crate::library::SaveTarget;
use crate::net::Cancel;
use crate::protocol::{Digest, Document};

#[test]
fn the_files_of_a_batch_are_reported_before_an_error_ends_everything() {
    let directory = tempfile::tempdir().unwrap();
    let digest: Digest = format!("sha-256={}", "ab".repeat(32)).parse().unwrap();
    let job = |name: &str| DownloadJob {
        request: DownloadRequest {
            document: Document::File(name.parse().unwrap()),
            sources: Vec::new(),
            digest: None,
        },
        target: SaveTarget::file(&directory.path().join(name)),
        overwrite: false,
        found_free: None,
        cancel: Cancel::new(),
    };
    let saved = |name: &str| {
        let partial = PartialFile::begin(&directory.path().join(name))?;
        partial.commit(false)
    };
    let fetched = || CompletedDownload {
        holders: Vec::new(),
        length: 0,
        length_checked: true,
        last_modified: None,
        digest,
        expected: ExpectedDigest::Nothing,
    };
    let outcomes = ["first", "full", "second", "denied", "also-full"].map(|name| {
        let outcome = match name {
            "full" | "also-full" => Err(io::ErrorKind::StorageFull.into()),
            "denied" => Err(io::ErrorKind::PermissionDenied.into()),
            name => saved(name),
        };
        (outcome, job(name), fetched())
    });
    let mut seen = Vec::new();
    let mut watch = |event: DownloadEvent<'_>| match event {
        DownloadEvent::Committed(all) => seen.push(format!("committed {}", all.len())),
        DownloadEvent::Completed(job, ..) => seen.push(format!("fetched {}", job.request.document)),
        DownloadEvent::GivenUp(job, _) => seen.push(format!("given up {}", job.request.document)),
        event => panic!("{event:?}"),
    };
    let error = report(outcomes.into(), Ok(()), &mut watch).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::StorageFull);

    // The names were not brought to disk.
    let outcomes = vec![(saved("third"), job("third"), fetched())];
    let synced = Err(io::ErrorKind::QuotaExceeded.into());
    let error = report(outcomes, synced, &mut watch).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::QuotaExceeded);
    assert_eq!(
        seen,
        [
            "committed 2",
            "fetched FILE first",
            "fetched FILE second",
            "given up FILE denied",
            "given up FILE also-full",
            "committed 1",
            "fetched FILE third",
        ]
    );
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3);
}
