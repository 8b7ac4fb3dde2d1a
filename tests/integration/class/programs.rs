//! Submissions that are no variants of our own programs: copies of this test program run them.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::{fs, process};

/// The arguments with which this test program is a submission.
pub(super) const ABORTS_AT_LOOKUP: &str =
    "--ignored --exact class::programs::aborts_at_lookup --nocapture";

pub(super) const HANGS: &str = "--ignored --exact class::programs::hangs --nocapture";

/// Nothing is listened on unless it is a submission.
fn listener() -> Option<TcpListener> {
    Path::new("run.sh").exists().then(|| TcpListener::bind("127.0.0.1:7734").unwrap())
}

#[test]
#[ignore = "runs only as a submission"]
fn hangs() {
    let streams = listener().map(|listener| listener.incoming().collect::<Vec<_>>());
    drop(streams);
}

#[test]
#[ignore = "runs only as a submission"]
fn aborts_at_lookup() {
    let Some(listener) = listener() else { return };
    for mut stream in listener.incoming().flatten() {
        let mut request = [0; 4096];
        let count = stream.read(&mut request).unwrap_or_default();
        if request[..count].starts_with(b"LOOKUP") {
            process::abort();
        }
        let _ = stream.write_all(b"P2P-CI/1.0 200 OK\r\n\r\n");
    }
}

/// Copies this test program.
pub(super) fn copy_to(path: &Path) {
    fs::copy(std::env::current_exe().unwrap(), path).unwrap();
}
