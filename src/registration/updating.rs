//! Reporting changes of the library to the index: documents that were added, changed or removed
//! (protocol.md sections 4.1 and 4.2).

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::event::Event;
use super::handle::Registration;
use super::ledger::{Announcement, Change, Outcome, Standing};
use super::shared::Shared;
use crate::discovery::IndexError;
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::net::Cancel;
use crate::protocol::{Content, Document, Endpoint, IndexRequest, Refusal, Request, Status};

/// Documents that are announced in one write to an index that reads pipelined requests.
pub(super) const TOGETHER: usize = 64;

/// The result of an update.
#[derive(Debug, Default)]
pub(super) struct Updated {
    /// Whether records were removed, so that the index has room for others.
    removed: bool,
    /// How many documents were registered that had waited for room.
    pub(super) registered: usize,
}

impl Registration {
    /// Reports the present state of some documents in the library to the index: their titles and
    /// contents, or that they are not shared.
    ///
    /// # Errors
    /// When the index is not connected, or `cancel` is cancelled. Everything is registered again after
    /// reconnecting.
    pub fn update(&self, documents: &[Document], cancel: &Cancel) -> Result<(), IndexError> {
        // Until everything is registered, it is not known which requests may be sent to the index.
        let shared = self.registered(cancel)?;
        if !shared.dialect.shows_extensions() {
            return shared.update_without_extensions(documents, cancel);
        }
        let now = shared.without_waiting(documents);
        let removed = shared.update(&now, cancel)?.removed;
        shared.find_unknown_cluster(cancel);
        match removed && !shared.lock_ledger().waiting().is_empty() {
            true => shared.retry(cancel),
            false => Ok(()),
        }
    }
}

impl Shared {
    /// The documents without those that wait for room: their retry announces their state at that time, and until
    /// then the index would refuse each of them again.
    fn without_waiting(&self, documents: &[Document]) -> Vec<Document> {
        let mut documents = documents.to_vec();
        let waiting: HashSet<Document> = {
            let mut ledger = self.lock_ledger();
            let waiting = ledger.waiting();
            documents.iter().filter(|document| waiting.contains(document)).cloned().collect()
        };
        let library = self.library.read();
        documents
            .retain(|document| !waiting.contains(document) || library.entry(document).is_none());
        documents
    }

    /// Updates an index that has shown extensions.
    pub(super) fn update(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<Updated, IndexError> {
        let mut updated = Updated::default();
        for now in documents.chunks(self.together()) {
            let waited: Vec<bool> = {
                let mut ledger = self.lock_ledger();
                now.iter().map(|document| ledger.waiting().contains(document)).collect()
            };
            let had_waited = |document: &Document| {
                now.iter().zip(&waited).any(|(one, waited)| one == document && *waited)
            };
            let mut full = Vec::new();
            for Outcome { announcement, refused } in self.send_changes(now, cancel)? {
                let Announcement { document, change, .. } = announcement;
                match (change, refused) {
                    (Change::Add(_), None) => {
                        updated.registered += usize::from(had_waited(&document));
                    }
                    (Change::Add(_), Some(Refusal::ServiceUnavailable)) => full.push(document),
                    (Change::Add(_), Some(refusal)) => {
                        let status = Status::from(refusal);
                        log::debug!("the index did not register {document}: {status}");
                    }
                    (Change::Remove, None) => updated.removed = true,
                    (Change::Remove, Some(Refusal::NotFound)) => {}
                    (Change::Remove, Some(refusal)) => {
                        let status = Status::from(refusal);
                        log::debug!("the index did not remove {document}: {status}");
                    }
                }
            }
            self.report_full(&full, waited.contains(&true));
        }
        Ok(updated)
    }

    /// Reports that the index has no room, unless that was reported before.
    fn report_full(&self, full: &[Document], had_waited: bool) {
        let Some(document) = full.first().cloned() else { return };
        let refusal = Refusal::ServiceUnavailable;
        let waiting = self.lock_ledger().waiting().count();
        if !had_waited && waiting <= full.len() {
            let others = full.len().saturating_sub(1);
            (self.report)(Event::Refused { document, refusal, others });
        }
    }

    /// Updates an index that has shown no extension: each RFC is added once, and no file. A removed
    /// document is reported by a new connection without it.
    fn update_without_extensions(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<(), IndexError> {
        let had_none = self.lock_ledger().is_empty();
        let is_unknown = self.dialect.may_know_extensions() && !self.dialect.answers_one_request();
        let is_shared = |document: &Document| self.library.read().entry(document).is_some();
        let was_asked = self.was_asked.load(Ordering::Acquire);
        let is_reason = |document: &Document| {
            (!was_asked || had_none && matches!(document, Document::Rfc(_)))
                && is_shared(document)
                && !self.lock_ledger().is_harmful(document)
        };
        if is_unknown && documents.iter().any(is_reason) {
            // Only a registration finds out which extensions the index knows, and until now there was
            // nothing to register.
            log::debug!("the first documents are registered on a new connection");
            return self.rejoin(cancel);
        }
        let mut is_gone = false;
        for document in documents {
            let (standing, is_waiting) = {
                let mut ledger = self.lock_ledger();
                (ledger.standing(document), ledger.waiting().contains(document))
            };
            match document {
                _ if !is_shared(document) => {
                    is_gone |= matches!(standing, Some(Standing::Accepted(_)));
                    self.lock_ledger().settle(document);
                }
                _ if is_waiting => log::debug!("{document} waits until it is tried again"),
                _ if standing.is_some() => log::debug!("the index is not sent {document} again"),
                Document::File(_) => {
                    log::debug!("{document} is not registered: the index may know only RFCs");
                }
                Document::Rfc(_) => {
                    if let Some(Some(refusal)) = self.add_once(document, cancel)? {
                        let status = Status::from(refusal);
                        log::info!("the index did not register {document}: {status}");
                    }
                }
            }
        }
        if is_gone && self.dialect.answers_one_request() {
            log::warn!(
                "the index still lists documents that are not shared any more: it closes the connection after each \
                 reply, and has not shown that it knows REMOVE"
            );
        } else if is_gone {
            log::info!("the index cannot remove a single record: connecting again");
            self.rejoin(cancel)?;
        }
        Ok(())
    }

    /// Adds a document to an index that has shown no extension, unless it has answered that ADD
    /// already. Returns the refusal if it refused.
    pub(super) fn add_once(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<Option<Refusal>>, IndexError> {
        let outcome = match self.dialect.answers_one_request() {
            true => {
                let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
                let outcome = self.add_shared_alone(document, cancel);
                if let Err(error) = &outcome {
                    // No new connection registers everything again.
                    log::debug!("{document} is added later: {}", error_chain(error));
                    self.lock_ledger().wait_for(document.clone());
                }
                outcome?
            }
            false => self.send_changes(std::slice::from_ref(document), cancel)?.pop(),
        };
        Ok(outcome.map(|outcome| outcome.refused))
    }

    /// How many documents are announced in one write.
    pub(super) fn together(&self) -> usize {
        if self.reads_pipelines.load(Ordering::Relaxed) { TOGETHER } else { 1 }
    }

    /// Announces in one write those of some documents that have changed for the index.
    fn send_changes(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<Vec<Outcome>, IndexError> {
        let encode = |own: &Endpoint, out: &mut Vec<u8>| self.encode_changes(documents, own, out);
        self.request_together(cancel, &encode, &mut |_, _| {})
    }

    /// Appends the requests for the documents that have changed for the index.
    pub(super) fn encode_changes(
        &self,
        documents: &[Document],
        own: &Endpoint,
        out: &mut Vec<u8>,
    ) -> Vec<Announcement> {
        let shows_extensions = self.dialect.shows_extensions();
        let mut announcements = Vec::with_capacity(documents.len());
        for document in documents {
            let begin = out.len();
            let request = announcement(&self.library, document, shows_extensions, own.clone());
            let announcement = encode(&request, document, out);
            let mut ledger = self.lock_ledger();
            if ledger.must_send(&announcement, shows_extensions) {
                announcements.push(announcement);
            } else {
                ledger.settle(document);
                out.truncate(begin);
            }
        }
        announcements
    }
}

/// Appends a request; returns what it announces.
pub(super) fn encode(
    request: &IndexRequest,
    document: &Document,
    out: &mut Vec<u8>,
) -> Announcement {
    let begin = out.len();
    request.encode(out);
    match request {
        IndexRequest::Add { title, .. } => {
            let request = out.get(begin..).unwrap_or_default();
            Announcement::add(document.clone(), title.clone(), request)
        }
        _ => Announcement::remove(document.clone()),
    }
}

/// The request that reports the present state of a document: ADD if it is shared, else REMOVE.
pub(super) fn announcement(
    library: &SharedLibrary,
    document: &Document,
    with_content: bool,
    from: Endpoint,
) -> IndexRequest {
    let library = library.read();
    let document = document.clone();
    match library.entry(&document) {
        Some(entry) => {
            let title = entry.title().clone();
            let content =
                if with_content { library.content(&document) } else { Content::default() };
            IndexRequest::Add { document, title, content, from }
        }
        None => IndexRequest::Remove { document, from },
    }
}
