//! Registering all documents on a new connection (protocol.md sections 4.6 and 8.5).

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::event::Event;
use super::ledger::{Announcement, Change, Standing};
use super::shared::Shared;
use super::updating::{TOGETHER, announcement, encode};
use crate::counted::counted;
use crate::discovery::{IndexError, Link, Refused, Replies};
use crate::error_chain::error_chain;
use crate::limits;
use crate::protocol::dialect::{FormFailure, RequestForm};
use crate::protocol::{Content, Document, Refusal, ReplyForm};

/// Documents that are still shared, each with the refusal of the index if it was refused.
type Added = Vec<(Document, Option<Refused>)>;

/// The results of adding documents.
#[derive(Default)]
pub(super) struct Outcomes {
    pub(super) refused: Vec<(Document, Refused)>,
    /// How many documents are no longer shared, or are added later.
    absent: usize,
}

impl Outcomes {
    fn take(&mut self, announced: usize, outcomes: Added) {
        self.absent += announced.saturating_sub(outcomes.len());
        let refused =
            outcomes.into_iter().filter_map(|(document, refused)| Some((document, refused?)));
        self.refused.extend(refused);
    }
}

impl Shared {
    /// Adds all documents and returns how many the index accepted. `None`: the connection has to be
    /// replaced, because the requests must have another form or the index has sent more than was
    /// requested.
    ///
    /// Many index servers lose a request that arrives together with the one before, and some fail on
    /// unknown headers. So documents are added one after the other without extension headers, until
    /// the index has shown an extension. Such an index also reads pipelined requests (protocol.md
    /// section 8.5).
    pub(super) fn register(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
    ) -> Result<Option<usize>, IndexError> {
        let documents: Vec<Document> =
            self.library.read().documents().map(|(document, _)| document.clone()).collect();
        let mut kept = self.lock_ledger().clear();
        if !self.dialect.is_suspected_of_one_request() {
            kept.clear();
        }
        self.reads_pipelines.store(false, Ordering::Relaxed);
        self.was_asked.store(false, Ordering::Release);
        self.was_asked_for_cluster.store(false, Ordering::Release);
        let mut outcomes = Outcomes::default();
        // RFCs come first.
        let mut rest = documents.clone();
        let Some(first) = self.first_of(&documents, &kept) else {
            self.take_harmful(&mut rest, &mut outcomes);
            self.report_refused(outcomes.refused);
            // No document can be added, so none is a reason to connect again.
            self.was_asked.store(!documents.is_empty(), Ordering::Release);
            return Ok(self.find_cluster(link, replies)?.then_some(0));
        };
        // A FILE is an extension.
        if let Document::Rfc(_) = first {
            rest.retain(|document| document != first);
            let Some(outcome) =
                self.add_together(link, replies, std::slice::from_ref(first), false)?
            else {
                return Ok(None);
            };
            if let [(_, Some((Refusal::VersionNotSupported, _)))] = outcome[..]
                && self.dialect.change_line_ends(link.form)
            {
                return Ok(None);
            }
            if replies.keeps_returns() && self.dialect.change_line_ends(link.form) {
                log::info!("the index keeps carriage returns in its records: registering with LF");
                return Ok(None);
            }
            outcomes.take(1, outcome);
            self.probe_closing(replies)?;
            if self.dialect.answers_one_request() {
                self.take_harmful(&mut rest, &mut outcomes);
                // Such a server keeps records without their connections.
                let mut ledger = self.lock_ledger();
                kept.iter().for_each(|announcement| ledger.record(announcement, None));
                rest.retain(|document| ledger.standing(document).is_none());
            }
        }
        if !self.probe_extensions(link, replies, first, &outcomes)? {
            return Ok(None);
        }
        if !self.find_cluster(link, replies)? {
            return Ok(None);
        }
        let shows = self.dialect.shows_extensions();
        let before = rest.len();
        if shows {
            self.wait_for_digests();
            if rest.len() < documents.len()
                && self.library.read().content(first) != Content::default()
            {
                // Again, with the content that its first ADD did not have.
                drop(self.add_together(link, replies, std::slice::from_ref(first), true)?);
            }
        } else {
            rest.retain(|document| matches!(document, Document::Rfc(_)));
        }
        let others = before - rest.len();
        if !shows {
            self.take_harmful(&mut rest, &mut outcomes);
        }
        if !self.register_rest(link, replies, &rest, &mut outcomes)? {
            return Ok(None);
        }
        let Outcomes { refused, absent } = outcomes;
        let count = documents.len().saturating_sub(refused.len() + absent + others);
        if others > 0 {
            (self.report)(Event::NotSupported(others));
        }
        self.report_refused(refused);
        Ok(Some(count))
    }

    /// The document to add first. An index may have kept documents of the connection before.
    fn first_of<'a>(
        &self,
        documents: &'a [Document],
        kept: &[Announcement],
    ) -> Option<&'a Document> {
        let harmless = || documents.iter().filter(|document| self.harm_of(document).is_none());
        let is_kept = |document: &Document| kept.iter().any(|one| one.document == *document);
        let is_new =
            |document: &&Document| matches!(document, Document::Rfc(_)) && !is_kept(document);
        harmless().find(is_new).or_else(|| harmless().next())
    }

    /// The refusal for which a document is not added to an index that has shown no extension.
    fn harm_of(&self, document: &Document) -> Option<Refusal> {
        if self.dialect.shows_extensions() {
            return None;
        }
        match self.lock_ledger().standing(document) {
            Some(Standing::Refused(refusal)) => Some(refusal),
            Some(Standing::Accepted(_)) | None => None,
        }
    }

    /// Removes the documents that are not added, and counts them as refused.
    fn take_harmful(&self, rest: &mut Vec<Document>, outcomes: &mut Outcomes) {
        rest.retain(|document| match self.harm_of(document) {
            Some(refusal) => {
                outcomes.refused.push((document.clone(), (refusal, None)));
                false
            }
            None => true,
        });
    }

    /// Adds all documents but the first one. `false`: the index needs requests in another form.
    fn register_rest(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        rest: &[Document],
        outcomes: &mut Outcomes,
    ) -> Result<bool, IndexError> {
        if self.dialect.answers_one_request() {
            self.register_alone(rest, outcomes);
            return Ok(true);
        }
        let shows = self.dialect.shows_extensions();
        let together = if shows && rest.len() >= TOGETHER { TOGETHER } else { 1 };
        for some in rest.chunks(together) {
            match self.add_together(link, replies, some, shows) {
                Ok(Some(found)) => outcomes.take(some.len(), found),
                Ok(None) => return Ok(false),
                Err(IndexError::Lost { .. }) if !shows && self.dialect.suspect_one_request() => {
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        self.reads_pipelines.store(together == TOGETHER, Ordering::Relaxed);
        Ok(true)
    }

    /// Adds documents on connections of their own. After a failure the rest is added later, because
    /// the index keeps what was added, and a second ADD could harm it.
    fn register_alone(&self, rest: &[Document], outcomes: &mut Outcomes) {
        for (done, document) in rest.iter().enumerate() {
            match self.add_shared_alone(document, &self.cancel) {
                Ok(outcome) => {
                    let found = outcome
                        .map(|outcome| (document.clone(), outcome.refused.map(|one| (one, None))));
                    outcomes.take(1, found.into_iter().collect());
                }
                Err(error) => {
                    let left = rest.get(done..).unwrap_or_default();
                    let (count, error) = (left.len(), error_chain(&error));
                    log::warn!("{} to be registered later: {error}", counted(count, "document"));
                    outcomes.absent += left.len();
                    let mut ledger = self.lock_ledger();
                    left.iter().for_each(|document| ledger.wait_for(document.clone()));
                    return;
                }
            }
        }
    }

    /// Waits while the digests of a small library are computed, so that its documents are added once,
    /// with their digests.
    fn wait_for_digests(&self) {
        let begun = Instant::now();
        while begun.elapsed() < self.limits.digests_wait
            && self.library.read().has_few_unknown_digests(self.limits.digests_waited_for)
            && !self.is_closing()
        {
            thread::sleep(limits::DIGESTS_POLL);
        }
    }

    fn report_refused(&self, refused: Vec<(Document, Refused)>) {
        let others = refused.len().saturating_sub(1);
        if let Some((document, (refusal, _))) = refused.into_iter().next() {
            (self.report)(Event::Refused { document, refusal, others });
        }
    }

    /// Adds some documents in one write. `None`: the connection has to be replaced.
    fn add_together(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        documents: &[Document],
        with_content: bool,
    ) -> Result<Option<Added>, IndexError> {
        let mut requests = Vec::new();
        let mut sent: Vec<Announcement> = Vec::new();
        for document in documents {
            let begin = requests.len();
            let request = announcement(&self.library, document, with_content, link.own.clone());
            let announcement = encode(&request, document, &mut requests);
            // It may have disappeared meanwhile. A REMOVE of a document that was never added would be
            // answered by 404.
            match announcement.change {
                Change::Add(_) => sent.push(announcement),
                Change::Remove => requests.truncate(begin),
            }
        }
        if sent.is_empty() {
            return Ok(Some(Vec::new()));
        }
        self.exchange(link, replies, requests, ReplyForm::OneRecord)?;
        let mut outcomes = Vec::with_capacity(sent.len());
        for announcement in sent {
            let refused = replies.read_one(&mut |_, _| {})?;
            let refusal = refused.as_ref().map(|(refusal, _)| *refusal);
            self.lock_ledger().record(&announcement, refusal);
            outcomes.push((announcement.document, refused));
        }
        if let (Some((document, refused)), false) =
            (outcomes.last(), self.dialect.shows_extensions())
        {
            let refusal = refused.as_ref().map(|(refusal, _)| *refusal);
            let document = document.clone();
            let surplus = self.check_surplus(replies, &document, refusal)?;
            if refusal == Some(Refusal::BadRequest) && !self.dialect.knows_form() {
                link.close();
                self.find_form(link.form, document)?;
                return Ok(None);
            }
            if surplus.is_some() {
                return Ok(None);
            }
        }
        Ok(Some(outcomes))
    }

    /// Finds out whether the form of an ADD was the reason of its refusal by 400. If it was not, the document
    /// is not added again.
    fn find_form(&self, refused: RequestForm, document: Document) -> Result<(), IndexError> {
        self.try_forms(None, FormFailure::Refusal)?;
        let is_form = self.dialect.form() != refused;
        let mut ledger = self.lock_ledger();
        match is_form {
            true => ledger.admit(&document),
            false => ledger.refuse_to_add(document, Refusal::BadRequest),
        }
        Ok(())
    }

    /// Sends requests whose replies have this form.
    pub(super) fn exchange(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        requests: Vec<u8>,
        form: ReplyForm,
    ) -> Result<(), IndexError> {
        replies.expect(form);
        if !self.dialect.knows_form() {
            replies.begin_within(self.dialect.limits().registration_first_reply);
        }
        // A full index refuses and closes before it has read anything, so its refusal is read although
        // the request could not be sent.
        match link.send_requests(requests) {
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
