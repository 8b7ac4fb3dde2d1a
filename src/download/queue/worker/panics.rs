//! An attempt that panics.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use super::*;
use crate::download::model::DownloadRequest;
use crate::download::queue::events::DownloadJob;
use crate::library::SaveTarget;
use crate::protocol::Document;

#[test]
fn a_panic_costs_one_document() {
    let job = |number: u32| {
        let document = Document::Rfc(number.to_string().parse().unwrap());
        let request = DownloadRequest { document, sources: Vec::new(), digest: None };
        let target = SaveTarget::file(Path::new(&format!("rfc{number}.txt")));
        DownloadJob { request, target, overwrite: false, found_free: None, cancel: Cancel::new() }
    };
    let parts = PartFiles::default();
    let queue =
        JobQueue::new((1..=3).map(job).collect(), &parts, 1, &Arc::default(), &Arc::default());
    let (sender, messages) = sync_channel(10);
    let downloader = Downloader::default();
    let mut worker = Worker::new(0, &queue, &parts, &downloader, &sender);
    let running =
        |_: &Task| Running::new(Cancel::new(), Cancel::new(), Duration::ZERO, Arc::default());
    while queue.take(0, 8, &mut || {}).is_some() {
        while let Some(task) = queue.begin(0, running) {
            worker.run_with(task, &mut |_, task| {
                let document = task.job.request.document.clone();
                assert_ne!(document.to_string(), "RFC 2", "this one panics, as it should");
                (Next::GiveUp(DownloadError::NoHolders(document)), None)
            });
        }
    }
    drop(worker);
    drop(sender);
    let mut ended = Vec::new();
    for message in messages {
        let Message::GivenUp(given_up) = message else { continue };
        let is_fault = matches!(given_up.1, DownloadError::File { .. });
        ended.push((given_up.0.request.document.to_string(), is_fault));
    }
    ended.sort();
    let expected = [("RFC 1", false), ("RFC 2", true), ("RFC 3", false)];
    assert_eq!(ended, expected.map(|(name, is_fault)| (name.to_string(), is_fault)));
}
