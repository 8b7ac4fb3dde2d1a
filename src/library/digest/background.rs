//! Computes the digests of a library's documents in the background (protocol.md section 5.5).

use std::io;
use std::iter;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::cache::DigestCache;
use crate::library::catalog::SharedLibrary;
use crate::protocol::Document;
use crate::system::PageAligned;

/// A thread that computes the digests of documents, reports them, and stores them. For many documents
/// it starts one more thread for each processor. Dropping this ends the threads.
#[derive(Debug)]
pub struct BackgroundHasher {
    queue: Sender<Document>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl BackgroundHasher {
    /// Starts with the present documents of the library. `done` is called with each document whose
    /// digest was computed, or that is no longer shared because its file cannot be unpacked.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        library: SharedLibrary,
        done: impl Fn(&Document) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (queue, documents) = channel();
        let stopped = Arc::clone(&stop);
        let work = move || {
            let worker = Worker { library, stopped, done };
            worker.hash_all();
            worker.serve(&documents);
        };
        let thread = thread::Builder::new().name("digests".into()).spawn(work)?;
        Ok(Self { queue, stop, thread: Some(thread) })
    }

    /// The queue for documents that were added or have changed.
    pub fn queue(&self) -> Sender<Document> {
        self.queue.clone()
    }
}

impl Drop for BackgroundHasher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits until this sender of the queue and all its clones are dropped.
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

impl<D: Fn(&Document) + Sync> Worker<D> {
    /// Computes the digests of queued documents, until the queue has no senders.
    fn serve(&self, documents: &Receiver<Document>) {
        while let Ok(first) = documents.recv() {
            let batch: Vec<Document> = iter::once(first).chain(documents.try_iter()).collect();
            let (digests, unknown) = {
                let library = self.library.read();
                let batch = batch.iter();
                let entries =
                    batch.filter_map(|document| Some((document, library.entry(document)?)));
                (library.digests(), library.digests().unknown(entries))
            };
            self.hash(&unknown, &digests);
        }
    }

    fn hash_all(&self) {
        let (digests, unknown) = {
            let library = self.library.read();
            (library.digests(), library.digests().unknown(library.entries()))
        };
        self.hash(&unknown, &digests);
    }

    /// Computes digests on all processors, and then stores them.
    fn hash(&self, documents: &[Document], digests: &DigestCache) {
        let (next, is_new) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || {
            let mut buffer = DigestCache::buffer();
            while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed))
                && !self.is_stopped()
            {
                // A panic costs one document and does not end the thread.
                let hash = || self.hash_one(document, digests, &mut buffer);
                if catch_unwind(AssertUnwindSafe(hash)).unwrap_or(false) {
                    is_new.store(true, Ordering::Relaxed);
                }
            }
        };
        let processors = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        match processors.min(documents.len()) {
            0 | 1 => work(),
            // This thread only waits. If it computed as well, the system could start a helper on the
            // same processor for the first milliseconds.
            helpers => thread::scope(|scope| {
                for _ in 0..helpers {
                    let thread = thread::Builder::new().name("digests".into());
                    if let Err(error) = thread.spawn_scoped(scope, work) {
                        log::debug!("digests on fewer processors: {error}");
                        work();
                    }
                }
            }),
        }
        if is_new.into_inner()
            && let Err(error) = digests.save()
        {
            log::warn!("the digests are not stored: {error}");
        }
    }

    /// Computes the digest of a document; returns whether it was computed.
    fn hash_one(
        &self,
        document: &Document,
        digests: &DigestCache,
        buffer: &mut PageAligned,
    ) -> bool {
        let entry = self.library.read().entry(document).cloned();
        let Some(entry) = entry else { return false };
        match digests.compute_unknown(&entry, buffer, &|| !self.is_stopped()) {
            Ok(Some(_)) => {
                (self.done)(document);
                true
            }
            // The file has changed meanwhile. The next scan queues the document again.
            Ok(None) => false,
            Err(error) => {
                log::debug!("no digest of {document}: {error}");
                if entry.is_packed() && is_unpackable(&error) {
                    let reason = format!("it cannot be unpacked: {error}");
                    let withdrawn =
                        self.library.write().withdraw_unpackable(document, &entry, &reason);
                    if withdrawn {
                        (self.done)(document);
                    }
                }
                false
            }
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// Whether a packed file has no valid content.
fn is_unpackable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;
    use crate::library::{Depth, Library};

    #[test]
    fn a_panic_costs_the_digest_of_one_document() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let directory = tempfile::tempdir().unwrap();
        for number in 1..=20 {
            fs::write(directory.path().join(format!("rfc{number}.txt")), "bytes").unwrap();
        }
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        let (done_sender, documents) = channel();
        let done = move |document: &Document| {
            let name = document.to_string();
            assert!(!matches!(&*name, "RFC 3" | "FILE first"), "this one panics, as it should");
            done_sender.send(name).unwrap();
        };
        let hashing = BackgroundHasher::start(library.clone(), done).unwrap();
        for _ in 0..19 {
            documents.recv_timeout(PATIENCE).unwrap();
        }
        for name in ["first", "second"] {
            let path = directory.path().join(name);
            fs::write(&path, name).unwrap();
            hashing.queue().send(library.add_file(&path, None).unwrap()).unwrap();
        }
        assert_eq!(documents.recv_timeout(PATIENCE).unwrap(), "FILE second");
    }

    #[test]
    fn a_document_that_cannot_be_unpacked_is_not_shared_until_its_file_changes() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rfc79.txt.gz");
        fs::write(&path, b"\x1f\x8bgarbage").unwrap();
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        assert_eq!(library.read().len(), 1);
        let (done, documents) = channel();
        let done = move |document: &Document| drop(done.send(document.clone()));
        let _hashing = BackgroundHasher::start(library.clone(), done).unwrap();
        documents.recv_timeout(PATIENCE).unwrap();
        assert!(library.read().is_empty());
        library.rescan().unwrap();
        assert!(library.read().is_empty());
        library.write().scan_state.quiet_time = Duration::ZERO;
        fs::write(directory.path().join("rfc79-other.txt"), "whole").unwrap();
        library.rescan().unwrap();
        assert_eq!(library.read().len(), 1, "another file of the document is shared");
        fs::remove_file(directory.path().join("rfc79-other.txt")).unwrap();
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        io::Write::write_all(&mut packed, b"whole").unwrap();
        fs::write(&path, packed.finish().unwrap()).unwrap();
        library.rescan().unwrap();
        let library = library.read();
        assert_eq!(library.entries().next().unwrap().1.path(), path);
    }

    #[test]
    fn removed_documents_are_not_reported() {
        const PATIENCE: Duration = Duration::from_secs(20);
        let directory = tempfile::tempdir().unwrap();
        for number in 1..=500 {
            fs::write(directory.path().join(format!("rfc{number}.txt")), "bytes").unwrap();
        }
        let library = Library::scan(directory.path(), Depth::Directory).unwrap();
        let (done_sender, documents) = channel();
        let (shared, is_first) = (library.clone(), AtomicBool::new(true));
        let done = move |document: &Document| {
            if is_first.swap(false, Ordering::Relaxed) {
                let mut library = shared.write();
                let all: Vec<Document> = library.entries().map(|(all, _)| all.clone()).collect();
                all.iter().for_each(|document| drop(library.forget(document)));
            }
            done_sender.send(document.clone()).unwrap();
        };
        let hashing = BackgroundHasher::start(library.clone(), done).unwrap();
        documents.recv_timeout(PATIENCE).unwrap();

        let path = directory.path().join("last");
        fs::write(&path, "bytes").unwrap();
        let last = library.add_file(&path, None).unwrap();
        hashing.queue().send(last.clone()).unwrap();
        let mut others = 0;
        while documents.recv_timeout(PATIENCE).unwrap() != last {
            others += 1;
        }
        let processors = thread::available_parallelism().unwrap().get();
        assert!(others < processors, "{others} after the first");
    }
}
