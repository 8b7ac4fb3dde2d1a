//! Telling the index what has changed: documents that are shared from now on, have changed, or are gone
//! (protocol.md sections 4.1 and 4.2).

use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::ledger::{Announcement, Change, Ledger, Outcome, Standing};
use super::{Event, Membership, Shared, State};
use crate::discovery::Extensions;
use crate::discovery::IndexError;
use crate::discovery::Link;
use crate::error_chain::error_chain;
use crate::library::SharedLibrary;
use crate::net::Cancel;
use crate::protocol::{Content, Document, Endpoint, IndexRequest, Refusal, Request, Status};

/// Documents of which an index is told in one go, if it can take that.
pub(super) const TOGETHER: usize = 64;

/// What has come of telling the index.
#[derive(Debug, Default)]
pub(super) struct Updated {
    /// Whether records were removed, so that there is room.
    removed: bool,
    /// How many documents were registered that had waited for that.
    pub(super) registered: usize,
}

impl Membership {
    /// Makes the index know what the library says now of some documents: that they are shared,
    /// under which titles and with which bytes, or that they are not.
    ///
    /// # Errors
    /// When the index is away; everything is registered again when it is back. Or when `cancel` is
    /// cancelled.
    pub fn update(&self, documents: &[Document], cancel: &Cancel) -> Result<(), IndexError> {
        let shared = &self.shared;
        // Until everything is registered, it is not known what the index can be told.
        drop(shared.link(cancel)?);
        if !shared.dialect.shows_extensions() {
            return shared.update_without_extensions(documents, cancel);
        }
        let Updated { removed, registered } = shared.update(documents, cancel)?;
        match (removed, registered) {
            (true, _) if !shared.lock_ledger().waiting().is_empty() => {
                shared.retry(registered, cancel)
            }
            (_, 1..) => {
                (shared.tell)(Event::RegisteredLater(registered));
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Shared {
    /// Tells an index that knows our extensions.
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
            for Outcome { announcement, refused } in self.tell_again(now, cancel)? {
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
            self.tell_full(&full, waited.contains(&true));
        }
        Ok(updated)
    }

    /// Says that the index has no room, when that is news.
    fn tell_full(&self, full: &[Document], had_waited: bool) {
        let Some(document) = full.first().cloned() else { return };
        let refusal = Refusal::ServiceUnavailable;
        let waiting = self.lock_ledger().waiting().count();
        if !had_waited && waiting <= full.len() {
            let others = full.len().saturating_sub(1);
            (self.tell)(Event::Refused { document, refusal, others });
        }
    }

    /// Tells an index that has shown no extension: of each document once, and of no files. It is
    /// told that documents are gone by a new connection.
    fn update_without_extensions(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<(), IndexError> {
        let had_none = self.lock_ledger().is_empty();
        let is_unknown =
            self.dialect.extensions() == Extensions::Unknown && !self.dialect.answers_one_request();
        let is_shared = |document: &Document| self.library.read().entry(document).is_some();
        let was_asked = self.was_asked.load(Ordering::Acquire);
        let is_reason = |document: &Document| {
            (!was_asked || had_none && matches!(document, Document::Rfc(_)))
                && is_shared(document)
                && !self.lock_ledger().is_harmful(document)
        };
        if is_unknown && documents.iter().any(is_reason) {
            // A registration finds out what the index knows. There was nothing to register, even if
            // the user has added a document since.
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
                _ if standing.is_some() => log::debug!("the index is told of {document} once"),
                Document::File(_) => {
                    log::debug!("{document} is not registered: the index may know only RFCs");
                }
                Document::Rfc(_) => {
                    if let Some(Some(refusal)) = self.tell_once(document, cancel)? {
                        let status = Status::from(refusal);
                        log::info!("the index did not register {document}: {status}");
                    }
                }
            }
        }
        if is_gone && self.dialect.answers_one_request() {
            log::warn!("the index cannot be told that documents are gone");
        } else if is_gone {
            log::info!("the index cannot remove a single record: connecting again");
            self.rejoin(cancel)?;
        }
        Ok(())
    }

    /// Registers everything on a new connection, without a pause. Nothing is done if another thread
    /// has replaced the connection meanwhile, or if it was lost.
    pub(super) fn rejoin(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let link = self.link(cancel)?;
        self.replace(&link);
        Ok(())
    }

    /// Closes a connection so that another one is made, if it is still the present one.
    pub(super) fn replace(&self, link: &Arc<Link>) {
        let mut state = self.lock();
        // A server that answers one request on a connection keeps its records without one.
        let is_replaced = matches!(&*state, State::Here(here, _) if Arc::ptr_eq(here, link))
            && !self.dialect.answers_one_request();
        if is_replaced {
            self.rejoins.store(true, Ordering::Release);
            *state = State::Connecting;
            self.changed.notify_all();
            drop(state);
            link.close();
        }
    }

    /// Tells an index that has shown no extension of a document, unless it has answered that
    /// already; returns why it refused, if it did.
    pub(super) fn tell_once(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<Option<Refusal>>, IndexError> {
        let outcome = match self.dialect.answers_one_request() {
            true => {
                let _turn = self.turn.take(cancel).ok_or_else(|| self.cancelled())?;
                let outcome = self.tell_alone(document, cancel);
                if let Err(error) = &outcome {
                    // No new connection brings everything.
                    log::debug!("{document} is added later: {}", error_chain(error));
                    self.lock_ledger().wait_for(document.clone());
                }
                outcome?
            }
            false => self.tell_again(std::slice::from_ref(document), cancel)?.pop(),
        };
        Ok(outcome.map(|outcome| outcome.refused))
    }

    /// How many documents the index is told of in one go.
    pub(super) fn together(&self) -> usize {
        if self.reads_pipelines.load(Ordering::Relaxed) { TOGETHER } else { 1 }
    }

    /// Tells the index of those of some documents in one go of which it has to be told.
    fn tell_again(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<Vec<Outcome>, IndexError> {
        let encode = |own: &Endpoint, out: &mut Vec<u8>| self.encode_news(documents, own, out);
        self.ask_together(cancel, &encode, &mut |_, _| {})
    }

    /// Appends the requests that tell the index what it does not know.
    pub(super) fn encode_news(
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
            if ledger.is_news(&announcement, shows_extensions) {
                announcements.push(announcement);
            } else {
                ledger.settle(document);
                out.truncate(begin);
            }
        }
        announcements
    }

    pub(super) fn lock_ledger(&self) -> MutexGuard<'_, Ledger> {
        // Each change is one insertion or removal.
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Appends a request that tells the index of a document.
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

/// What the index has to be told of a document: that it is shared, or not.
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
