//! What a member tells the index of its documents: all of them when it joins, and later what has
//! changed.

use std::net::Shutdown;
use std::sync::atomic::Ordering;

use super::{Event, Membership, Shared};
use crate::library::SharedLibrary;
use crate::peer::index_connection::{Link, Replies};
use crate::peer::index_error::IndexError;
use crate::protocol::{
    Content, Document, Endpoint, IndexRequest, Refusal, ReplyPart, Request, Status,
};

impl Membership {
    /// Makes the index know what the library says now of some documents: that they are shared,
    /// under which titles and with which bytes, or that they are not.
    ///
    /// # Errors
    /// When the index is away; all is registered anew when it is back.
    pub fn update(&self, documents: &[Document]) -> Result<(), IndexError> {
        let Shared { library, extensions, reads_pipelines, .. } = &*self.shared;
        let mut rest = documents;
        'told: while !rest.is_empty() {
            let together = if reads_pipelines.load(Ordering::Relaxed) { TOGETHER } else { 1 };
            let (now, later) = rest.split_at(together.min(rest.len()));
            let content = extensions.are_used();
            for (document, refused) in now.iter().zip(self.shared.tell_again(now, content)?) {
                let is_shared = library.read().entry(document).is_some();
                match refused {
                    Some(Refusal::BadRequest) if is_shared && content => {
                        extensions.refuse();
                        continue 'told;
                    }
                    // Without REMOVE a record can only be taken back with all others.
                    Some(Refusal::BadRequest) if !is_shared => return self.rejoin(),
                    Some(refusal) if is_shared => {
                        // Said once for all documents, when everything was registered.
                        let status = Status::from(refusal);
                        log::debug!("the index did not register {document}: {status}");
                    }
                    _ => {}
                }
            }
            rest = later;
        }
        Ok(())
    }

    /// Ends the connection; the thread makes a new one, and registers everything anew.
    fn rejoin(&self) -> Result<(), IndexError> {
        let link = self.shared.link()?;
        log::info!("the index cannot take back a single record: joining it anew");
        // It may be closed already.
        let _ = link.stream.shutdown(Shutdown::Both);
        Ok(())
    }
}

/// Documents of which an index is told in one go, if it can take that.
const TOGETHER: usize = 64;

impl Shared {
    /// Tells the index of all documents; returns how many it took.
    ///
    /// Many programs read one request at a time and lose what came with it. So it is told of one
    /// document after the other, unless there are many and it knows our extensions: then it is a
    /// program that reads pipelines, too (protocol.md section 8.5).
    pub(super) fn register(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        tell: &dyn Fn(Event),
    ) -> Result<usize, IndexError> {
        let documents: Vec<Document> =
            self.library.read().documents().map(|(document, _)| document.clone()).collect();
        let mut refused: Vec<(&Document, Refusal)> = Vec::new();
        let mut rest = &documents[..];
        let mut together = 1;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(together.min(rest.len()));
            for (document, refusal) in now.iter().zip(self.announce(link, replies, now)?) {
                refused.extend(refusal.map(|refusal| (document, refusal)));
            }
            if together == 1
                && later.len() >= TOGETHER
                && self.extensions.are_used()
                && self.shows_attributes(link, replies, &now[0])?
            {
                together = TOGETHER;
            }
            rest = later;
        }
        self.reads_pipelines.store(together == TOGETHER, Ordering::Relaxed);
        if let Some((document, refusal)) = refused.first() {
            let (document, others) = ((*document).clone(), refused.len() - 1);
            tell(Event::Refused { document, refusal: *refusal, others });
        }
        Ok(documents.len() - refused.len())
    }

    /// Tells the index of some documents in one go, as a member; returns for each why it refused,
    /// if it did.
    fn tell_again(
        &self,
        documents: &[Document],
        with_content: bool,
    ) -> Result<Vec<Option<Refusal>>, IndexError> {
        let requests = |own: &Endpoint, out: &mut Vec<u8>| {
            for document in documents {
                announcement(&self.library, document, with_content, own.clone()).encode(out);
            }
            documents.len()
        };
        let (mut outcomes, mut refused) = (Vec::with_capacity(documents.len()), None);
        self.ask_together(&requests, &mut |part, _| match part {
            ReplyPart::Refused(refusal) => refused = Some(refusal),
            ReplyPart::End => outcomes.push(refused.take()),
            _ => {}
        })?;
        Ok(outcomes)
    }

    /// Tells the index of some documents in one go; returns for each why it refused, if it did.
    fn announce(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        documents: &[Document],
    ) -> Result<Vec<Option<Refusal>>, IndexError> {
        let content = self.extensions.are_used();
        let mut requests = Vec::new();
        for document in documents {
            announcement(&self.library, document, content, link.own.clone()).encode(&mut requests);
        }
        link.send_bytes(&requests)?;
        let outcomes: Result<Vec<_>, IndexError> =
            documents.iter().map(|_| replies.read_one(&mut |_, _| {})).collect();
        let outcomes = outcomes?;
        if content && outcomes == [Some(Refusal::BadRequest)] {
            self.extensions.refuse();
            return self.announce(link, replies, documents);
        }
        Ok(outcomes)
    }

    /// Whether the index tells what it knows beside the line of a document.
    fn shows_attributes(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        document: &Document,
    ) -> Result<bool, IndexError> {
        let (document, from) = (document.clone(), link.own.clone());
        link.send(&IndexRequest::Lookup { document, want_attributes: true, from })?;
        let mut shown = false;
        replies.read_one(&mut |part, _| shown |= matches!(part, ReplyPart::Attribute(_)))?;
        Ok(shown)
    }
}

/// What the index has to be told of a document: that it is shared, or not.
fn announcement(
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
