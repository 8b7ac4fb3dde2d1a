//! Telling the index in the background what has become of documents (protocol.md sections 4.1 and 4.2).

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::Membership;
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::Document;

/// A thread that waits for documents and tells the index of them; of those that have come
/// meanwhile together. So nobody who has something to tell waits for the index.
///
/// It ends when it is dropped, and with it all queues.
#[derive(Debug)]
pub struct Announcer {
    queue: Sender<Document>,
    thread: Option<JoinHandle<()>>,
}

impl Announcer {
    /// Starts with nothing to tell.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(membership: Arc<Membership>) -> io::Result<Self> {
        let (queue, documents) = channel();
        let work = move || {
            let cancel = membership.ending();
            loop {
                // Documents may begin to wait while this thread waits for others.
                let pause = membership.retry_in().unwrap_or(limits::RETRY_FULL);
                let received = documents.recv_timeout(pause);
                let outcome = match received {
                    Ok(first) => {
                        let mut together = BTreeSet::from([first]);
                        together.extend(documents.try_iter());
                        let together: Vec<Document> = together.into_iter().collect();
                        membership.update(&together, &cancel)
                    }
                    Err(RecvTimeoutError::Timeout) => match membership.retry_in() {
                        Some(Duration::ZERO) => membership.retry(&cancel),
                        Some(_) | None => Ok(()),
                    },
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                if let Err(error) = outcome {
                    // Everything is told when it is back.
                    log::debug!("the index is not told yet: {}", error_chain(&error));
                }
            }
        };
        let thread = thread::Builder::new().name("announcer".into()).spawn(work)?;
        Ok(Self { queue, thread: Some(thread) })
    }

    /// Where documents are put that are shared from now on, have changed, or are gone.
    pub fn queue(&self) -> Sender<Document> {
        self.queue.clone()
    }
}

impl Drop for Announcer {
    fn drop(&mut self) {
        // The thread waits on this queue, and on its copies.
        self.queue = channel().0;
        if let Some(thread) = self.thread.take() {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}
