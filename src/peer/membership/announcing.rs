//! What a member tells the index of its documents: all of them when it joins, and later what has
//! changed.

use std::net::Shutdown;

use super::{Event, Membership, Shared};
use crate::library::SharedLibrary;
use crate::peer::index_connection::{AskIndex, IndexError, Link, Replies};
use crate::protocol::{Content, Document, Endpoint, IndexRequest, Refusal, ReplyPart, Status};

impl Membership {
    /// Makes the index know what the library says now of a document: that it is shared, under
    /// which title and with which bytes, or that it is not.
    ///
    /// # Errors
    /// When the index is away; all is registered anew when it is back.
    pub fn update(&self, document: &Document) -> Result<(), IndexError> {
        let Shared { library, extensions, .. } = &*self.shared;
        loop {
            let content = extensions.are_used();
            let mut refused = None;
            let request = |from| announcement(library, document, content, from);
            self.ask(&request, &mut |part, _| {
                if let ReplyPart::Refused(refusal) = part {
                    refused = Some(refusal);
                }
                Ok(())
            })?;
            let is_shared = library.read().entry(document).is_some();
            match refused {
                Some(Refusal::BadRequest) if is_shared && content => extensions.refuse(),
                // Without REMOVE a record can only be taken back with all others.
                Some(Refusal::BadRequest) if !is_shared => return self.rejoin(),
                Some(refusal) if is_shared => {
                    // Said once for all documents, when everything was registered.
                    log::debug!("the index did not register {document}: {}", Status::from(refusal));
                    return Ok(());
                }
                _ => return Ok(()),
            }
        }
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

impl Shared {
    pub(super) fn register(
        &self,
        link: &Link,
        replies: &mut Replies<'_>,
        tell: &dyn Fn(Event),
    ) -> Result<usize, IndexError> {
        let documents: Vec<Document> =
            self.library.read().documents().map(|(document, _)| document.clone()).collect();
        let mut registered = 0;
        let mut refused: Option<(Document, Refusal, usize)> = None;
        for document in documents {
            let mut add = |content| {
                link.send(&announcement(&self.library, &document, content, link.own.clone()))?;
                replies.read_one(&mut |_, _| {})
            };
            let content = self.extensions.are_used();
            let mut outcome = add(content)?;
            if outcome == Some(Refusal::BadRequest) && content {
                self.extensions.refuse();
                outcome = add(false)?;
            }
            match outcome {
                None => registered += 1,
                Some(refusal) => match &mut refused {
                    Some((_, _, others)) => *others += 1,
                    None => refused = Some((document, refusal, 0)),
                },
            }
        }
        if let Some((document, refusal, others)) = refused {
            tell(Event::Refused { document, refusal, others });
        }
        Ok(registered)
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
