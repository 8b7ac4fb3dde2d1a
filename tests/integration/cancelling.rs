//! Downloads that are cancelled from another thread (`peer::Cancel`).

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::common::holders::request;
use p2p_ci::library::{PartFiles, PartialFile, SaveTarget};
use p2p_ci::peer::{
    Cancel, DownloadError, DownloadEvent, DownloadJob, DownloadProgress, DownloadRequest,
    Downloader, Source, download_all,
};
use p2p_ci::protocol::{Document, Endpoint};

/// Longer than a cancelled download may take, and shorter than any timeout of a download.
const PROMPT: Duration = Duration::from_secs(4);

/// A holder that sends the first `sent` bytes of a document, and then nothing more. With no bytes
/// it does not send a head either. The receiver yields once for each request that it has read.
fn stalling_holder(sent: usize, length: usize) -> (Source, Receiver<()>) {
    let (asked, requests) = channel();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let asked = asked.clone();
            thread::spawn(move || {
                let _ = request(&mut stream);
                // The test may be over.
                let _ = asked.send(());
                if sent > 0 {
                    let digest = "ab".repeat(32);
                    let head = format!(
                        "P2P-CI/1.0 200 OK\r\nContent-Length: {length}\r\n\
                         Digest: sha-256={digest}\r\n\r\n"
                    );
                    stream.write_all(head.as_bytes()).unwrap();
                    stream.write_all(&vec![b'x'; sent]).unwrap();
                }
                // Until the peer closes.
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    (address.to_string().parse::<Endpoint>().unwrap().into(), requests)
}

fn wanted(name: &str, source: Source) -> DownloadRequest {
    let document = Document::File(name.parse().unwrap());
    DownloadRequest { document, sources: vec![source], digest: None }
}

/// Cancels a download of this document when `is_time` says so and the holder has read the request;
/// returns how many bytes are kept.
fn cancel_one(
    directory: &Path,
    (source, requests): (Source, Receiver<()>),
    is_time: impl Fn(&DownloadProgress<'_>) -> bool,
) -> u64 {
    let mut requests = Some(requests);
    let fetcher = Downloader::default().with_cancel(Cancel::new());
    let mut incoming = PartialFile::begin(&directory.join("a")).unwrap();
    let mut cancelled_at: Option<Instant> = None;
    let outcome = fetcher.download(&wanted("a", source), &mut incoming, &mut |attempt| {
        if is_time(&attempt)
            && let Some(requests) = requests.take()
        {
            cancelled_at = Some(Instant::now());
            let cancel = fetcher.cancel().clone();
            thread::spawn(move || {
                let _ = requests.recv_timeout(PROMPT);
                cancel.cancel();
            });
        }
    });
    assert!(matches!(outcome, Err(DownloadError::Cancelled(_))), "{outcome:?}");
    assert!(cancelled_at.unwrap().elapsed() < PROMPT, "{:?}", cancelled_at.unwrap().elapsed());
    incoming.resumable_bytes().unwrap_or(0)
}

#[test]
fn a_download_that_waits_for_a_head_is_cancelled() {
    let directory = tempfile::tempdir().unwrap();
    let is_asking = |attempt: &DownloadProgress<'_>| matches!(attempt, DownloadProgress::Asking(_));
    assert_eq!(cancel_one(directory.path(), stalling_holder(0, 0), is_asking), 0);
}

#[test]
fn bytes_of_a_cancelled_download_are_kept() {
    for (sent, length) in [(5_000, 100_000), (300_000, 1_000_000), (300_000, 20_000_000)] {
        let directory = tempfile::tempdir().unwrap();
        let has_begun = |attempt: &DownloadProgress<'_>| matches!(attempt, DownloadProgress::Bytes(done, _) if *done > 4_000);
        let kept = cancel_one(directory.path(), stalling_holder(sent, length), has_begun);
        assert!(kept > 0, "{sent} of {length}: {kept}");
    }
}

#[test]
fn many_downloads_are_cancelled_together() {
    let directory = tempfile::tempdir().unwrap();
    let (source, requests) = stalling_holder(5_000, 100_000);
    let orders: Vec<DownloadJob> = (0..20)
        .map(|number| DownloadJob {
            request: wanted(&format!("f{number}"), source.clone()),
            target: SaveTarget::file(&directory.path().join(format!("f{number}"))),
            overwrite: false,
            found_free: None,
            cancel: Cancel::new(),
        })
        .collect();
    let fetcher = Downloader::default().with_cancel(Cancel::new());
    let cancel = fetcher.cancel().clone();
    let canceller = thread::spawn(move || {
        (0..4).for_each(|_| requests.recv_timeout(PROMPT).unwrap());
        cancel.cancel();
        Instant::now()
    });
    let parts = PartFiles::in_directory(directory.path());
    let outcome = download_all(&fetcher, &parts, orders, &mut |happening| {
        if let DownloadEvent::GivenUp(_, error) = happening {
            assert!(matches!(error, DownloadError::Cancelled(_)), "{error}");
        }
    });
    assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::Interrupted);
    assert!(canceller.join().unwrap().elapsed() < PROMPT);
    assert!(fs::read_dir(directory.path()).unwrap().count() > 0, "what came is kept");
}

/// The connection is shut down here, which ends such a document as its holder would.
#[test]
fn a_document_without_a_length_is_not_complete_when_it_is_cancelled() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let source: Source =
        listener.local_addr().unwrap().to_string().parse::<Endpoint>().unwrap().into();
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let _ = request(&mut stream);
                stream.write_all(b"P2P-CI/1.0 200 OK\r\nOS: x\r\n\r\nthe first bytes").unwrap();
                // Until the peer closes.
                let _ = stream.read_to_end(&mut Vec::new());
            });
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let downloader = Downloader::default().with_cancel(Cancel::new());
    let mut partial = PartialFile::begin(&directory.path().join("a")).unwrap();
    let outcome = downloader.download(&wanted("a", source), &mut partial, &mut |attempt| {
        if matches!(attempt, DownloadProgress::Bytes(1.., _)) {
            downloader.cancel().cancel();
        }
    });
    assert!(matches!(outcome, Err(DownloadError::Cancelled(_))), "{outcome:?}");
}
