//! Registering all documents on a new connection.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::announced::hash_of;
use super::announcing::{TOGETHER, announcement};
use super::told::Told;
use super::{Event, Shared};
use crate::error_chain::error_chain;
use crate::limits;
use crate::peer::index_dialect::Extensions;
use crate::peer::index_error::IndexError;
use crate::peer::index_link::Link;
use crate::peer::index_replies::{Refused, Replies, Unsolicited};
use crate::peer::query::Query;
use crate::protocol::{Content, Document, IndexRequest, Refusal, ReplyForm, Request};

/// Documents that are still shared, and why the index refused those that it refused.
type Announced = Vec<(Document, Option<Refused>)>;

/// What has become of documents.
#[derive(Default)]
struct Outcomes {
    refused: Vec<(Document, Refused)>,
    /// How many are not shared any more.
    gone: usize,
}

impl Outcomes {
    fn take(&mut self, announced: usize, outcomes: Announced) {
        self.gone += announced.saturating_sub(outcomes.len());
        let refused =
            outcomes.into_iter().filter_map(|(document, refused)| Some((document, refused?)));
        self.refused.extend(refused);
    }
}

impl Shared {
    /// Tells the index of all documents; returns how many it took, or nothing if the connection is
    /// to be made again, since the requests must have another form.
    ///
    /// Many programs read one request at a time and lose what came with it, and some are harmed by
    /// headers that they do not know. So the index is told of one document after the other, as the
    /// handout has it, until it has shown that it knows our extensions: then it is a program that
    /// reads pipelines, too (protocol.md section 8.5).
    pub(super) fn register(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
    ) -> Result<Option<usize>, IndexError> {
        let documents: Vec<Document> =
            self.library.read().documents().map(|(document, _)| document.clone()).collect();
        self.lock_waiting().clear();
        self.lock_told().clear();
        self.lock_announced().clear();
        self.reads_pipelines.store(false, Ordering::Relaxed);
        self.was_asked.store(false, Ordering::Release);
        let mut outcomes = Outcomes::default();
        let line_ends = self.dialect.line_ends();
        // RFCs come first.
        let Some(first) = documents.first() else { return Ok(Some(0)) };
        // A FILE is an extension.
        let mut rest = &documents[..];
        if let (Document::Rfc(_), [first, others @ ..]) = (first, rest) {
            rest = others;
            let outcome = self.announce(link, replies, std::slice::from_ref(first), false)?;
            if let [(_, Some((Refusal::VersionNotSupported, _)))] = outcome[..]
                && self.dialect.change_line_ends(line_ends)
            {
                return Ok(None);
            }
            outcomes.take(1, outcome);
            self.find_out_closing(replies)?;
        }
        if !self.find_out_extensions(link, replies, first, &outcomes)? {
            return Ok(None);
        }
        let shows = self.dialect.shows_extensions();
        if shows {
            self.wait_for_digests();
        }
        let mut rest: Vec<Document> = rest.to_vec();
        let before = rest.len();
        if !shows {
            rest.retain(|document| matches!(document, Document::Rfc(_)));
        } else if rest.len() < documents.len()
            && self.library.read().content(first) != Content::default()
        {
            // Again, with what its first ADD could not say.
            let again = self.announce(link, replies, std::slice::from_ref(first), true)?;
            drop(again);
        }
        let others = before - rest.len();
        let together = if shows && rest.len() >= TOGETHER { TOGETHER } else { 1 };
        for some in rest.chunks(together) {
            match self.announce_in_form(link, replies, some, shows)? {
                Some(found) => outcomes.take(some.len(), found),
                None => return Ok(None),
            }
        }
        self.reads_pipelines.store(together == TOGETHER, Ordering::Relaxed);
        let Outcomes { refused, gone } = outcomes;
        let count = documents.len().saturating_sub(refused.len() + gone + others);
        if !shows {
            let told = documents.iter().filter(|document| matches!(document, Document::Rfc(_)));
            let mut of = self.lock_told();
            of.extend(told.map(|document| (document.clone(), Told::Registered)));
            of.extend(refused.iter().map(|(document, _)| (document.clone(), Told::Refused)));
        }
        if others > 0 {
            (self.tell)(Event::NotSupported(others));
        }
        self.tell_refused(refused);
        Ok(Some(count))
    }

    /// Waits for the digests of a small library, which are computed at this moment: so its documents
    /// are added once, with them.
    fn wait_for_digests(&self) {
        let begun = Instant::now();
        while begun.elapsed() < limits::DIGESTS_WAIT
            && self.library.read().has_few_unknown_digests(limits::DIGESTS_WAITED_FOR)
            && !self.is_leaving()
        {
            thread::sleep(limits::DIGESTS_POLL);
        }
    }

    /// Tells the index of some documents in the form that it takes; `None` if that has turned out
    /// to be another one.
    fn announce_in_form(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        documents: &[Document],
        with_content: bool,
    ) -> Result<Option<Announced>, IndexError> {
        if with_content {
            return self.announce(link, replies, documents, true).map(Some);
        }
        if self.dialect.answers_one_request() {
            let outcomes = documents.iter().map(|document| self.add_alone(document, &self.cancel));
            let outcomes = outcomes.filter_map(Result::transpose).collect::<Result<_, _>>()?;
            return Ok(Some(outcomes));
        }
        match self.announce(link, replies, documents, false) {
            Err(IndexError::Lost { .. }) if self.dialect.suspect_one_request() => Ok(None),
            outcome => outcome.map(Some),
        }
    }

    fn tell_refused(&self, refused: Vec<(Document, Refused)>) {
        let others = refused.len().saturating_sub(1);
        if let Some((document, (refusal, _))) = refused.first() {
            let (document, refusal) = (document.clone(), *refusal);
            (self.tell)(Event::Refused { document, refusal, others });
        }
        let waiting = refused.into_iter().filter_map(|(document, (refusal, _))| {
            (refusal == Refusal::ServiceUnavailable).then_some(document)
        });
        let _ = self.lock_waiting().extend(waiting);
    }

    /// Tells the index of some documents in one go; returns for each that is still shared why the
    /// index refused it, if it did.
    fn announce(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        documents: &[Document],
        with_content: bool,
    ) -> Result<Announced, IndexError> {
        let mut requests = Vec::new();
        let mut sent = Vec::new();
        for document in documents {
            let request = announcement(&self.library, document, with_content, link.own.clone());
            // It may have disappeared meanwhile, and then there is nothing to tell: a REMOVE of
            // what was never added would be answered by 404.
            if matches!(request, IndexRequest::Add { .. }) {
                request.encode(&mut requests);
                sent.push((document.clone(), hash_of(&request)));
            }
        }
        self.exchange(link, replies, requests, ReplyForm::OneRecord)?;
        let mut outcomes = Vec::with_capacity(sent.len());
        for (document, request) in sent {
            let refused = replies.read_one(&mut |_, _| {})?;
            if refused.is_none() && with_content {
                self.lock_announced().insert(document.clone(), request);
            }
            outcomes.push((document, refused));
        }
        Ok(outcomes)
    }

    /// Asks for the attributes of the document that was just added, with its title: an index that
    /// knows them shows it. Returns whether the connection can still be used.
    fn find_out_extensions(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        first: &Document,
        outcomes: &Outcomes,
    ) -> Result<bool, IndexError> {
        let is_unknown = self.dialect.extensions() == Extensions::Unknown;
        if !is_unknown || self.dialect.answers_one_request() {
            return Ok(true);
        }
        let of_first = || {
            let title = self.library.read().entry(first)?.title().clone();
            matches!(first, Document::Rfc(_)).then(|| (first.clone(), title))
        };
        let Some((document, title)) = of_first().or_else(Query::of_rfc_1) else { return Ok(true) };
        let (document, title) = (&document, Some(&title));
        let query = Query::Lookup { document, title, want_attributes: true };
        let mut request = Vec::new();
        query.encode(&link.own, &mut request);
        let line_ends = self.dialect.line_ends();
        self.was_asked.store(true, Ordering::Release);
        let sent = self.exchange(link, replies, request, ReplyForm::Records);
        // What is learned the replies remember.
        match (sent.and_then(|()| replies.read_one(&mut |_, _| {})), &outcomes.refused[..]) {
            (Ok(Some((Refusal::VersionNotSupported, _))), _)
                if self.dialect.change_line_ends(line_ends) =>
            {
                Ok(false)
            }
            (Ok(_), _) if self.dialect.shows_extensions() => Ok(true),
            (Ok(_), _) => match replies.wait_for_unsolicited(limits::REFUSAL_REST)? {
                Unsolicited::Nothing => Ok(true),
                Unsolicited::Close => {
                    self.dialect.set_one_request(true);
                    Ok(true)
                }
                Unsolicited::Bytes(found) => {
                    // One for each line that it did not expect.
                    let error = IndexError::Unsolicited { index: self.index.clone(), found };
                    log::warn!("{}; the connection is replaced", error_chain(&error));
                    self.dialect.refuse_extensions();
                    Ok(false)
                }
            },
            // It is full, and has closed the connection.
            (Err(_), [(_, (Refusal::ServiceUnavailable, reason))]) => {
                let (index, reason) = (self.index.clone(), reason.clone());
                Err(IndexError::Refused { index, refusal: Refusal::ServiceUnavailable, reason })
            }
            (Err(IndexError::Lost { .. }), _) if self.dialect.suspect_one_request() => Ok(false),
            (Err(error @ IndexError::Refused { .. }), _) => Err(error),
            (Err(error), _) => {
                log::debug!("no extension is known: {}", error_chain(&error));
                self.dialect.refuse_extensions();
                Ok(false)
            }
        }
    }

    fn exchange(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        requests: Vec<u8>,
        form: ReplyForm,
    ) -> Result<(), IndexError> {
        replies.expect(form);
        // An index that is full refuses and closes before it has read anything: its refusal is
        // read although the request could not be sent.
        match link.send_bytes(&self.dialect.line_ends().apply(requests)) {
            Err(error @ IndexError::Lost { .. }) => match replies.read_one(&mut |_, _| {}) {
                Ok(Some((refusal, reason))) => {
                    Err(IndexError::Refused { index: self.index.clone(), refusal, reason })
                }
                _ => Err(error),
            },
            sent => sent,
        }
    }
}
