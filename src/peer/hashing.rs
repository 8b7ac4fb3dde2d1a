//! The library's digests, computed in the background.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use crate::library::SharedLibrary;
use crate::protocol::Document;

/// A thread that reads each document once, tells so, and stores the digests. It ends when it is
/// dropped.
#[derive(Debug)]
pub struct Hashing {
    queue: Sender<Document>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Hashing {
    /// Starts with the documents that the library has now. `done` is told of each one whose digest
    /// was not known before.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub fn start(
        library: SharedLibrary,
        done: impl Fn(&Document) + Send + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (queue, documents) = channel();
        let stopped = Arc::clone(&stop);
        let work = move || {
            let first: Vec<Document> =
                library.read().documents().map(|(document, _)| document.clone()).collect();
            let worker = Worker { library, stopped, done };
            worker.hash_all(first);
            worker.serve(&documents);
        };
        let thread = thread::Builder::new().name("digests".into()).spawn(work)?;
        Ok(Self { queue, stop, thread: Some(thread) })
    }

    /// Where documents are put that have appeared or changed.
    pub fn queue(&self) -> Sender<Document> {
        self.queue.clone()
    }
}

impl Drop for Hashing {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits on this queue, and on its copies.
        self.queue = channel().0;
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

struct Worker<D> {
    library: SharedLibrary,
    stopped: Arc<AtomicBool>,
    done: D,
}

impl<D: Fn(&Document)> Worker<D> {
    /// Takes what is in the queue, until nobody can put anything there any more.
    fn serve(&self, documents: &Receiver<Document>) {
        while let Ok(first) = documents.recv() {
            let mut batch = vec![first];
            while let Ok(next) = documents.try_recv() {
                batch.push(next);
            }
            self.hash_all(batch);
        }
    }

    /// Stores once behind them all.
    fn hash_all(&self, documents: Vec<Document>) {
        let digests = self.library.read().digests();
        let mut is_new = false;
        for document in documents {
            if self.is_stopped() {
                break;
            }
            let content = self.library.read().content(&document);
            let entry = self.library.read().entry(&document).cloned();
            let Some(entry) = entry.filter(|_| content.digest.is_none()) else { continue };
            match entry.open().and_then(|open| digests.compute(&open, &|| !self.is_stopped())) {
                Ok(Some(_)) => {
                    is_new = true;
                    (self.done)(&document);
                }
                // It changed meanwhile, and whoever notices that puts it into the queue again.
                Ok(None) => {}
                Err(error) => log::debug!("no digest of {document}: {error}"),
            }
        }
        if is_new && let Err(error) = digests.save() {
            log::warn!("the digests are not stored: {error}");
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}
