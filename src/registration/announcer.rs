//! Reporting changes of documents to the index in the background (protocol.md sections 4.1 and 4.2).

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::handle::Registration;
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::Document;

/// A thread that reports queued documents to the index, so that no other thread waits for the index.
/// Documents that are queued meanwhile are reported together.
///
/// It ends when this and all queues are dropped.
#[derive(Debug)]
pub struct Announcer {
    queue: Sender<Document>,
    thread: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Starts with an empty queue.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(registration: Arc<Registration>) -> io::Result<Self> {
        let (queue, documents) = channel();
        let work = move || {
            let cancel = registration.closing();
            let mut keep_alive = None;
            loop {
                let shared = registration.shared();
                // A server of a cluster is asked at intervals whether it still replies.
                let keep_alive_in = shared.keep_alive_pause().map(|pause| {
                    let at = *keep_alive.get_or_insert_with(|| limits::ends_after(pause));
                    at.saturating_duration_since(Instant::now())
                });
                if keep_alive_in.is_some_and(|left| left.is_zero()) {
                    keep_alive = None;
                    if shared.is_registered()
                        && let Err(error) = shared.keep_alive(&cancel)
                    {
                        log::debug!("the index does not reply: {}", error_chain(&error));
                    }
                    continue;
                }
                // Documents may have to be retried while this thread waits for others.
                let pause = registration.retry_in().unwrap_or(shared.limits.retry_full);
                // Meanwhile the server may turn out to belong to a cluster.
                let pause = pause.min(keep_alive_in.unwrap_or(shared.limits.keep_alive));
                let received = documents.recv_timeout(pause);
                let outcome = match received {
                    Ok(first) => {
                        let mut together = BTreeSet::from([first]);
                        together.extend(documents.try_iter());
                        let together: Vec<Document> = together.into_iter().collect();
                        registration.update(&together, &cancel)
                    }
                    Err(RecvTimeoutError::Timeout) => Ok(()),
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                let outcome = outcome.and_then(|()| match registration.retry_in() {
                    Some(Duration::ZERO) => registration.retry(&cancel),
                    Some(_) | None => Ok(()),
                });
                if let Err(error) = outcome {
                    // Everything is registered again after reconnecting.
                    log::debug!("the index is updated later: {}", error_chain(&error));
                }
            }
        };
        let thread = thread::Builder::new().name("announcer".into()).spawn(work)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// The queue of documents that were added, changed or removed.
    pub fn queue(&self) -> Sender<Document> {
        self.queue.clone()
    }
}

/// The queues of several announcers.
#[derive(Clone, Debug)]
pub struct Announcements(Vec<Sender<Document>>);

impl Announcements {
    /// The queues of these announcers.
    pub fn of<'a>(announcers: impl IntoIterator<Item = &'a Announcer>) -> Self {
        Self(announcers.into_iter().map(Announcer::queue).collect())
    }

    /// Reports the state of a document to all index servers, as soon as they are reachable.
    pub fn send(&self, document: &Document) {
        for queue in &self.0 {
            // An announcer ends with the session.
            let _ = queue.send(document.clone());
        }
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        // The thread ends when this queue and its clones are dropped.
        self.queue = channel().0;
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}
