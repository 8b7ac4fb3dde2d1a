//! Real programs on port 0, and sockets to talk to them. Every wait has an end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test may panic"
)]
#![allow(clippy::print_stdout, reason = "tests that are skipped")]
#![allow(dead_code, unreachable_pub, unused_imports, reason = "each test file uses its part")]

pub mod captures;
pub mod holders;
mod index;
mod namespace;
pub mod operators;
mod own_machine;
pub mod pcapng;
mod programs;
mod requests;
mod talk;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use index::Index;
pub use namespace::is_inside;
pub use own_machine::{NAMESPACES, run_on_own_machine};
pub use programs::{Program, child_of, peer, run_peer, run_peer_again, run_peer_with_input, share};
pub use requests::Requests;
pub use talk::Talk;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Reports that a test cannot run because a tool is missing. CI installs all tools, so there it is
/// a failure.
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "CI must install what the tests need: {reason}");
    println!("skipped: {reason}");
}

/// Reports that a test cannot run because sample data that is not part of the repository is missing.
/// CI may run without it.
pub fn skip_without_sample(path: &Path) {
    println!("skipped: there is no {}", path.display());
}

/// Repeats a call on a socket that the system interrupted. A call with a time limit is interrupted when the system
/// suspends the process and continues it, without any signal handler (signal(7)).
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Runs cases that mostly wait, four at a time: programs that tests start concurrently share 256 descriptors. A case
/// that fails fails the test.
pub fn in_parallel<T: Send>(
    cases: impl IntoIterator<Item = T, IntoIter: Send>,
    run: impl Fn(T) + Sync,
) {
    let cases = Mutex::new(cases.into_iter());
    let next = || cases.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = next() {
                    run(case);
                }
            });
        }
    });
}

/// A directory with these files.
pub fn directory(root: &Path, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let directory = root.join(name);
    fs::create_dir(&directory).unwrap();
    for (name, bytes) in files {
        fs::write(directory.join(name), bytes).unwrap();
    }
    directory
}

/// The names of what is in a directory, hidden files included.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
