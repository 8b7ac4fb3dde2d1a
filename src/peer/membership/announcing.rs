//! Telling the index what has changed: documents that are shared from now on, have changed, or are
//! gone.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::announced::{Announced, hash_of};
use super::told::Told;
use super::waiting::Waiting;
use super::{Event, Membership, Shared};
use crate::library::SharedLibrary;
use crate::net::Cancel;
use crate::peer::index_dialect::Extensions;
use crate::peer::index_error::IndexError;
use crate::protocol::{
    Content, Document, Endpoint, IndexRequest, Refusal, ReplyPart, Request, Status,
};

/// Documents of which an index is told in one go, if it can take that.
pub(super) const TOGETHER: usize = 64;

impl Membership {
    /// Makes the index know what the library says now of some documents: that they are shared,
    /// under which titles and with which bytes, or that they are not.
    ///
    /// # Errors
    /// When the index is away; everything is registered again when it is back. Or when `cancel` is
    /// cancelled.
    pub fn update(&self, documents: &[Document], cancel: &Cancel) -> Result<(), IndexError> {
        // Until everything is registered, it is not known what the index can be told.
        drop(self.shared.link(cancel)?);
        if !self.shared.dialect.shows_extensions() {
            return self.shared.update_without_extensions(documents, cancel);
        }
        let removed = self.shared.update(documents, cancel)?;
        if removed { self.retry(cancel) } else { Ok(()) }
    }

    /// The time until documents are to be tried that the index had no room for.
    pub(super) fn retry_in(&self) -> Option<Duration> {
        self.shared.lock_waiting().retry_in(Instant::now())
    }

    /// Tries the documents that the index had no room for, until it has none again.
    ///
    /// # Errors
    /// As [`Membership::update`].
    pub(super) fn retry(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let mut registered = 0;
        let outcome = loop {
            let together = self.shared.together();
            let some = self.shared.lock_waiting().some(together);
            if some.is_empty() {
                break Ok(());
            }
            let before = some.len();
            match self.shared.update(&some, cancel) {
                Ok(_) => {}
                Err(error) => {
                    self.shared.lock_waiting().back_off(Instant::now());
                    break Err(error);
                }
            }
            let mut waiting = self.shared.lock_waiting();
            let left: Vec<Document> =
                waiting.some(usize::MAX).into_iter().filter(|one| some.contains(one)).collect();
            registered += before - left.len();
            if !left.is_empty() {
                let now = Instant::now();
                if registered > 0 {
                    waiting.start_over(now)
                } else {
                    waiting.back_off(now)
                }
                break Ok(());
            }
        };
        if registered > 0 {
            (self.shared.tell)(Event::RegisteredLater(registered));
        }
        outcome
    }
}

impl Shared {
    /// Tells an index that knows our extensions; returns whether records were removed.
    fn update(&self, documents: &[Document], cancel: &Cancel) -> Result<bool, IndexError> {
        let mut removed = false;
        let own = self.link(cancel)?.own.clone();
        let (documents, adds): (Vec<Document>, Vec<Option<u64>>) =
            self.news(documents, &own).into_iter().unzip();
        let together = self.together();
        for (now, adds) in documents.chunks(together).zip(adds.chunks(together)) {
            let mut full = Vec::new();
            let mut settled = Vec::new();
            for ((document, add), refused) in
                now.iter().zip(adds).zip(self.tell_again(now, cancel)?)
            {
                let is_shared = self.library.read().entry(document).is_some();
                match (add, refused) {
                    (Some(add), None) => self.lock_announced().insert(document.clone(), *add),
                    (None, _) => self.lock_announced().remove(document),
                    (Some(_), Some(_)) => {}
                }
                match refused {
                    Some(Refusal::ServiceUnavailable) if is_shared => full.push(document.clone()),
                    Some(refusal) if is_shared => {
                        let status = Status::from(refusal);
                        log::debug!("the index did not register {document}: {status}");
                    }
                    outcome => {
                        removed |= outcome.is_none() && !is_shared;
                        settled.push(document.clone());
                    }
                }
            }
            if !self.dialect.shows_extensions() {
                let registered = settled.iter().map(|one| (one.clone(), Told::Registered));
                self.lock_told().extend(registered);
            }
            let first = full.first().cloned();
            let others = full.len().saturating_sub(1);
            let mut waiting = self.lock_waiting();
            waiting.remove(settled);
            let is_news = waiting.extend(full);
            drop(waiting);
            if let (true, Some(document)) = (is_news, first) {
                let refusal = Refusal::ServiceUnavailable;
                (self.tell)(Event::Refused { document, refusal, others });
            }
        }
        Ok(removed)
    }

    /// Tells an index that has shown no extension: of each document once, and of no files. It is
    /// told that documents are gone by a new connection.
    fn update_without_extensions(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<(), IndexError> {
        let had_none = self.lock_told().is_empty() && self.lock_waiting().some(1).is_empty();
        let is_unknown =
            self.dialect.extensions() == Extensions::Unknown && !self.dialect.answers_one_request();
        let was_asked = self.was_asked.load(Ordering::Acquire);
        let is_reason = |document: &Document| {
            let can_be_sent = matches!(document, Document::Rfc(_)) || !was_asked;
            can_be_sent && self.library.read().entry(document).is_some()
        };
        if had_none && is_unknown && documents.iter().any(is_reason) {
            // A registration finds out what the index knows, and there was nothing to register.
            log::debug!("the first documents are registered on a new connection");
            return self.rejoin(cancel);
        }
        let mut is_gone = false;
        for document in documents {
            let told = self.lock_told().get(document).copied();
            let is_shared = self.library.read().entry(document).is_some();
            match document {
                _ if !is_shared => {
                    is_gone |= told == Some(Told::Registered);
                    self.lock_waiting().remove([document.clone()]);
                }
                _ if told.is_some() => log::debug!("the index is told of {document} once"),
                Document::File(_) => {
                    log::debug!("{document} is not registered: the index may know only RFCs");
                }
                Document::Rfc(_) => {
                    let refused = self.tell_once(document, cancel)?;
                    self.lock_told().insert(document.clone(), Told::of(refused));
                    if let Some(refusal) = refused {
                        let status = Status::from(refusal);
                        log::info!("the index did not register {document}: {status}");
                    }
                    if refused == Some(Refusal::ServiceUnavailable) {
                        let _ = self.lock_waiting().extend([document.clone()]);
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

    /// Registers everything on a new connection, without a pause.
    fn rejoin(&self, cancel: &Cancel) -> Result<(), IndexError> {
        let link = self.link(cancel)?;
        self.rejoins.store(true, Ordering::Release);
        link.close();
        Ok(())
    }

    /// Tells an index that has shown no extension of a document; returns why it refused, if it did.
    fn tell_once(
        &self,
        document: &Document,
        cancel: &Cancel,
    ) -> Result<Option<Refusal>, IndexError> {
        if self.dialect.answers_one_request() {
            let outcome = self.add_alone(document, cancel)?;
            return Ok(outcome.and_then(|(_, refused)| Some(refused?.0)));
        }
        Ok(self.tell_again(std::slice::from_ref(document), cancel)?.pop().flatten())
    }

    /// How many documents the index is told of in one go.
    fn together(&self) -> usize {
        if self.reads_pipelines.load(Ordering::Relaxed) { TOGETHER } else { 1 }
    }

    /// Tells the index of some documents in one go, when all are registered; returns for each why
    /// it refused, if it did.
    fn tell_again(
        &self,
        documents: &[Document],
        cancel: &Cancel,
    ) -> Result<Vec<Option<Refusal>>, IndexError> {
        let with_content = self.dialect.shows_extensions();
        let requests = |own: &Endpoint, out: &mut Vec<u8>| {
            for document in documents {
                if !with_content {
                    // Also if it is cancelled before the reply has come.
                    self.lock_told().insert(document.clone(), Told::Registered);
                }
                announcement(&self.library, document, with_content, own.clone()).encode(out);
            }
            documents.len()
        };
        let (mut outcomes, mut refused) = (Vec::with_capacity(documents.len()), None);
        self.ask_together(cancel, &requests, &mut |part, _| match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::End => outcomes.push(refused.take()),
            _ => {}
        })?;
        Ok(outcomes)
    }

    /// The documents of which the index has not accepted what the library says now, each with the
    /// hash of its ADD if it is shared.
    fn news(&self, documents: &[Document], own: &Endpoint) -> Vec<(Document, Option<u64>)> {
        let request = |document: &Document| {
            let request = announcement(&self.library, document, true, own.clone());
            let is_add = matches!(request, IndexRequest::Add { .. });
            (document.clone(), is_add.then(|| hash_of(&request)))
        };
        let all: Vec<_> = documents.iter().map(request).collect();
        let announced = self.lock_announced();
        let is_news = |(document, request): &(Document, Option<u64>)| {
            request.is_none_or(|request| announced.is_news(document, request))
        };
        all.into_iter().filter(is_news).collect()
    }

    pub(super) fn lock_announced(&self) -> MutexGuard<'_, Announced> {
        // Each change is one insertion or removal.
        self.announced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock_told(&self) -> MutexGuard<'_, BTreeMap<Document, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
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
