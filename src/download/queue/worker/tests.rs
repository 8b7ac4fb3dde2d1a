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
        found_free: None,
        cancel: Cancel::new(),
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

#[test]
fn what_the_plan_has_found_is_used_for_a_moment_and_once() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("here"), "here").unwrap();
    let job = |found_free| DownloadJob {
        request: DownloadRequest {
            document: Document::File("here".parse().unwrap()),
            sources: Vec::new(),
            digest: None,
        },
        target: SaveTarget::file(&directory.path().join("here")),
        overwrite: false,
        cancel: Cancel::new(),
        found_free,
    };
    let now = Instant::now();
    for (found_free, first) in
        [(None, true), (Some(now), false), (now.checked_sub(limits::NAMES_KEPT), true)]
    {
        let mut job = job(found_free);
        assert_eq!(is_here(&mut job), first, "{found_free:?}");
        assert!(is_here(&mut job), "another attempt looks");
    }
}
