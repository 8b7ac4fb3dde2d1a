//! The library's digests, computed in the background.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use crate::library::SharedLibrary;

/// A thread that reads each document once, and then stores the digests. It ends when it is
/// dropped.
#[derive(Debug)]
pub struct Hashing {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hashing {
    /// Starts with the documents that the library has now.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(library: SharedLibrary) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let work = move || hash_all(&library, &|| !stopped.load(Ordering::Relaxed));
        let thread = thread::Builder::new().name("digests".into()).spawn(work)?;
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

fn hash_all(library: &SharedLibrary, go_on: &dyn Fn() -> bool) {
    let entries: Vec<_> = library.read().entries().cloned().collect();
    let digests = library.read().digests();
    for entry in entries {
        if !go_on() {
            break;
        }
        let hashed = entry.open().and_then(|open| digests.compute(&open.file, go_on));
        if let Err(error) = hashed {
            log::debug!("no digest of {}: {error}", entry.path().display());
        }
    }
    if let Err(error) = digests.save() {
        log::warn!("the digests are not stored: {error}");
    }
}
