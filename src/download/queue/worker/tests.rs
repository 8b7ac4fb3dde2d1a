//! A worker between its tasks.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::*;
use crate::download::model::DownloadRequest;
use crate::download::queue::events::DownloadJob;
use crate::library::SaveTarget;
use crate::protocol::{Document, Endpoint};

/// A task may be told to yield when its last check is over: it has succeeded by then, or failed. The
/// next tasks of the worker must not end as cancelled.
#[test]
fn a_task_that_is_cancelled_too_late_cancels_no_other() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("here"), "here").unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let holder: Endpoint = listener.local_addr().unwrap().to_string().parse().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"P2P-CI/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx");
        }
    });
    let job = |name: &str| DownloadJob {
        request: DownloadRequest {
            document: Document::File(name.parse().unwrap()),
            sources: vec![holder.clone().into()],
            digest: None,
        },
        target: SaveTarget::file(&directory.path().join(name)),
        overwrite: false,
    };
    let parts = PartFiles::in_directory(directory.path());
    let queue = JobQueue::new(
        ["here", "next", "last"].map(job).into(),
        &parts,
        1,
        &Arc::default(),
        &Arc::default(),
    );
    let downloader = Downloader::default();
    let (sender, messages) = sync_channel(100);
    let worker = Worker::new(0, &queue, &parts, &downloader, &sender);
    // The first task finds its file, whether or not its handle is cancelled.
    worker.downloader.cancel().cancel();
    worker.work();
    drop(sender);
    let mut done = 0;
    for message in messages {
        match message {
            Message::Present(job) => assert_eq!(job.request.document.to_string(), "FILE here"),
            Message::Done(whole, _) => done += whole.len(),
            Message::Bytes(_) => {}
            message => panic!("{message:?}"),
        }
    }
    assert_eq!(done, 2);
}
