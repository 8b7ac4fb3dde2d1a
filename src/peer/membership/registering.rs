//! Registering all documents on a new connection.

use std::sync::atomic::Ordering;

use super::announcing::{TOGETHER, announcement};
use super::{Event, Shared};
use crate::peer::index_dialect::Extensions;
use crate::peer::index_error::IndexError;
use crate::peer::index_link::Link;
use crate::peer::index_replies::{Refused, Replies};
use crate::peer::query::Query;
use crate::protocol::{Content, Document, IndexRequest, Refusal, ReplyForm, Request};

impl Shared {
    /// Tells the index of all documents; returns how many it took, or nothing if the connection is
    /// to be made again with other line ends.
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
        self.reads_pipelines.store(false, Ordering::Relaxed);
        let mut refused: Vec<(Document, Refused)> = Vec::new();
        let mut gone = 0;
        // RFCs come first.
        let Some((first, rest)) = documents.split_first() else { return Ok(Some(0)) };
        match self.announce(link, replies, std::slice::from_ref(first), false)?.pop() {
            None => gone += 1,
            Some((_, None)) => {}
            Some((_, Some((Refusal::VersionNotSupported, _))))
                if self.dialect.change_line_ends() =>
            {
                return Ok(None);
            }
            Some((document, Some(outcome))) => refused.push((document, outcome)),
        }
        if self.dialect.extensions() == Extensions::Unknown {
            let found_out = self.find_out_extensions(link, replies, first);
            match (found_out, &refused[..]) {
                // It is full, and has closed the connection.
                (Err(_), [(_, (Refusal::ServiceUnavailable, reason))]) => {
                    let (index, reason) = (self.index.clone(), reason.clone());
                    let refusal = Refusal::ServiceUnavailable;
                    return Err(IndexError::Refused { index, refusal, reason });
                }
                // It may answer one request on a connection, and this was the only document.
                (Err(_), _) if rest.is_empty() => {}
                (outcome, _) => outcome?,
            }
        }
        let shows = self.dialect.shows_extensions();
        let mut others = 0;
        let mut rest: Vec<Document> = rest.to_vec();
        if shows {
            // Again, with what its first ADD could not say.
            if self.library.read().content(first) != Content::default() {
                rest.insert(0, first.clone());
            }
        } else {
            let before = rest.len();
            rest.retain(|document| matches!(document, Document::Rfc(_)));
            others = before - rest.len();
        }
        let together = if shows && rest.len() >= TOGETHER { TOGETHER } else { 1 };
        for some in rest.chunks(together) {
            let outcomes = self.announce(link, replies, some, shows)?;
            gone += some.len() - outcomes.len();
            let outcomes = outcomes.into_iter();
            // The first ADD of the first document counts.
            let outcomes = outcomes.filter(|(document, _)| document != first);
            refused.extend(outcomes.filter_map(|(document, refused)| Some((document, refused?))));
        }
        self.reads_pipelines.store(together == TOGETHER, Ordering::Relaxed);
        let count = documents.len().saturating_sub(refused.len() + gone + others);
        if !shows {
            let refused: Vec<&Document> = refused.iter().map(|(document, _)| document).collect();
            let told = std::iter::once(first).chain(&rest);
            let told = told.filter(|document| !refused.contains(document)).cloned();
            self.lock_told().extend(told);
        }
        if others > 0 {
            (self.tell)(Event::NotSupported(others));
        }
        self.tell_refused(refused);
        Ok(Some(count))
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
    ) -> Result<Vec<(Document, Option<Refused>)>, IndexError> {
        let mut requests = Vec::new();
        let mut sent = Vec::new();
        for document in documents {
            let request = announcement(&self.library, document, with_content, link.own.clone());
            // It may have disappeared meanwhile, and then there is nothing to tell: a REMOVE of
            // what was never added would be answered by 404.
            if matches!(request, IndexRequest::Add { .. }) {
                request.encode(&mut requests);
                sent.push(document.clone());
            }
        }
        self.exchange(link, replies, requests, ReplyForm::OneRecord)?;
        let mut outcomes = Vec::with_capacity(sent.len());
        for document in sent {
            outcomes.push((document, replies.read_one(&mut |_, _| {})?));
        }
        Ok(outcomes)
    }

    /// Asks for the attributes of the document that was just added, with its title: an index that
    /// knows them answers with `Added`.
    fn find_out_extensions(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        document: &Document,
    ) -> Result<(), IndexError> {
        let title = self.library.read().entry(document).map(|entry| entry.title().clone());
        let query = Query::Lookup { document, title: title.as_ref(), want_attributes: true };
        let mut request = Vec::new();
        query.encode(&link.own, &mut request);
        self.exchange(link, replies, request, ReplyForm::Records)?;
        // What is learned the replies remember.
        replies.read_one(&mut |_, _| {}).map(drop)
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
        match link.send_bytes(&self.dialect.with_line_ends(requests)) {
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
