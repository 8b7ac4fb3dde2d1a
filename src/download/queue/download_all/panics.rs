//! A callback that panics.

use super::*;
use crate::download::model::DownloadRequest;
use crate::library::SaveTarget;
use crate::net::Cancel;
use crate::protocol::Document;

#[test]
fn after_a_panic_of_a_callback_no_worker_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let job = |number: u32| {
        let document = Document::Rfc(number.to_string().parse().unwrap());
        let target = SaveTarget::file(&directory.path().join(format!("rfc{number}.txt")));
        let request = DownloadRequest { document, sources: Vec::new(), digest: None };
        DownloadJob { request, target, overwrite: false, found_free: None, cancel: Cancel::new() }
    };
    let jobs = (1..=100).map(job).collect();
    let (downloader, parts) = (Downloader::default(), PartFiles::in_directory(directory.path()));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        let mut watch = |_: DownloadEvent<'_>| panic!("this panics, as it should");
        download_all(&downloader, &parts, jobs, &mut watch)
    }));
    assert!(outcome.is_err());
}
