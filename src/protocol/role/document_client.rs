//! A client at its connection to an upload server (protocol.md sections 5.2 to 5.4 and 5.7).
//!
//! The role reads replies and counts the bytes of documents, which the caller writes to a file. Its
//! time limits include connecting, and depend on whether another holder can be asked, so the caller
//! sets them.

use super::event::Event;
use crate::protocol::{
    DecodeError, DocumentBounds, DocumentHead, DocumentReply, DocumentReplyDecoder, Refusal,
};

/// Reads replies and the documents that follow them.
///
/// ```
/// use p2p_ci::protocol::role::{DocumentClient, DocumentEnd, DocumentMeaning};
///
/// let mut role = DocumentClient::new();
/// role.expect_reply();
/// let input = b"P2P-CI/1.0 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello\n";
/// assert_eq!(role.next(&input[..20]), None);
/// let head = role.next(input).expect("a whole head");
/// assert!(matches!(head.meaning, DocumentMeaning::Head(_)));
/// let bytes = role.next(&input[head.used..]).expect("the document");
/// assert_eq!((bytes.used, bytes.meaning), (5, DocumentMeaning::Bytes(0)));
/// let end = role.next(b"\n").expect("the end of the document");
/// assert_eq!((end.used, end.meaning), (0, DocumentMeaning::End(DocumentEnd::Complete)));
/// let surplus = role.next(b"\n").expect("a byte that belongs to no reply");
/// assert_eq!((surplus.used, surplus.section), (1, "5.4"));
/// ```
#[derive(Debug, Default)]
pub struct DocumentClient {
    /// Requests whose replies have not ended.
    awaited: usize,
    place: Place,
    /// Of the last head.
    bounds: DocumentBounds,
}

/// What the next byte belongs to.
#[derive(Debug)]
enum Place {
    /// The head of a reply, or nothing if none is expected.
    Head(Box<DocumentReplyDecoder>),
    Document(Document),
    /// Nothing: the last reply of the connection was a document.
    AfterLast,
    /// A refusal, whose rest is ignored, or bytes that are no reply.
    Failed,
}

/// A document of which a part may have arrived.
#[derive(Clone, Copy, Debug)]
struct Document {
    /// The place of the next byte in the document.
    next: u64,
    /// The place after the last byte; `None` if the document ends with the connection.
    end: Option<u64>,
    keep_alive: bool,
}

/// One event at the connection to an upload server.
pub type DocumentEvent = Event<DocumentMeaning>;

/// The meaning of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DocumentMeaning {
    /// The head of a document.
    Head(DocumentHead),
    /// Bytes of the document. They begin at this place in it.
    Bytes(u64),
    /// The end of the document.
    End(DocumentEnd),
    /// The connection ended while this number of bytes of the document was missing.
    Truncated(u64),
    /// Bytes that belong to no reply.
    Surplus,
    /// The request was refused. Nothing after it has a meaning.
    Refused(Refusal),
    /// The bytes are not a reply. Nothing after them has a meaning.
    Fault(DecodeError),
    /// The connection ended before a reply.
    NoReply,
    /// The connection ended, and no reply was expected.
    Closed,
}

/// How a document ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum DocumentEnd {
    /// Its length has arrived.
    Complete,
    /// The connection ended, and the reply had no length: the document is possibly truncated.
    Close,
    /// The upload server had omitted the empty line after the head, and these lines, with which the
    /// document begins, were taken for its end: they belong before the bytes that have arrived.
    WithoutFirst(Vec<u8>),
    /// The length included the head: exactly these bytes are missing.
    CountsHead(u64),
}

impl DocumentClient {
    /// A client that has sent no request.
    pub fn new() -> Self {
        Self::default()
    }

    /// A request was sent: one more reply is expected.
    pub fn expect_reply(&mut self) {
        self.awaited = self.awaited.saturating_add(1);
    }

    /// The number of replies that are expected and have not ended.
    pub fn awaited(&self) -> usize {
        self.awaited
    }

    /// The number of bytes that are missing of the document; 0 outside a document. `None`: it ends
    /// with the connection.
    pub fn missing(&self) -> Option<u64> {
        match self.place {
            Place::Document(Document { next, end, .. }) => end.map(|end| end.saturating_sub(next)),
            Place::Head(_) | Place::AfterLast | Place::Failed => Some(0),
        }
    }

    /// What the last head tells about the place of its document.
    pub fn bounds(&self) -> &DocumentBounds {
        &self.bounds
    }

    /// Whether the document is complete if the connection ends here, and not otherwise.
    pub fn may_end_with_connection(&self) -> bool {
        self.missing().is_none_or(|missing| self.bounds.explains(missing))
    }

    /// Returns the next event at the start of `input`, the bytes that have arrived after those that
    /// events took. `None`: more bytes are needed; call again with the same bytes and more after
    /// them. Bytes of a document are taken as they arrive.
    pub fn next(&mut self, input: &[u8]) -> Option<DocumentEvent> {
        match &mut self.place {
            Place::Head(_) if self.awaited == 0 => surplus(input),
            Place::Head(decoder) => {
                let found = decoder.decode(input).transpose()?;
                Some(self.replied(found))
            }
            Place::Document(document) => {
                let used = document.take(input);
                if used == 0 && document.end == Some(document.next) {
                    let keep_alive = document.keep_alive;
                    return Some(self.ended(DocumentEnd::Complete, "5.3", keep_alive));
                }
                let meaning = DocumentMeaning::Bytes(document.next - used as u64);
                (used > 0).then_some(DocumentEvent { used, meaning, section: "5.3" })
            }
            Place::AfterLast => surplus(input),
            Place::Failed => None,
        }
    }

    /// The upload server has closed the connection after `input`, in which
    /// [`DocumentClient::next`] has found no event.
    pub fn on_end(&mut self, input: &[u8]) -> DocumentEvent {
        let event = DocumentEvent::without_bytes;
        match &mut self.place {
            Place::Head(_) if self.awaited == 0 => event(DocumentMeaning::Closed, "5.7"),
            Place::Head(_) if input.is_empty() => event(DocumentMeaning::NoReply, "5.7"),
            Place::Head(decoder) => {
                let found = decoder.finish(input);
                self.replied(found)
            }
            Place::Document(Document { next, end, .. }) => {
                let missing = end.map(|end| end.saturating_sub(*next));
                match missing {
                    None => self.ended(DocumentEnd::Close, "5.4", false),
                    Some(0) => self.ended(DocumentEnd::Complete, "5.3", false),
                    Some(missing) => {
                        if let Some(lines) = self.bounds.put_back(missing) {
                            let end = DocumentEnd::WithoutFirst(lines.to_vec());
                            return self.ended(end, "5.4", false);
                        }
                        if self.bounds.counts_head(missing) {
                            return self.ended(DocumentEnd::CountsHead(missing), "5.4", false);
                        }
                        self.place = Place::Failed;
                        event(DocumentMeaning::Truncated(missing), "5.3")
                    }
                }
            }
            Place::AfterLast | Place::Failed => event(DocumentMeaning::Closed, "5.7"),
        }
    }

    fn ended(
        &mut self,
        end: DocumentEnd,
        section: &'static str,
        keep_alive: bool,
    ) -> DocumentEvent {
        self.awaited = self.awaited.saturating_sub(1);
        self.place = if keep_alive { Place::default() } else { Place::AfterLast };
        DocumentEvent::without_bytes(DocumentMeaning::End(end), section)
    }

    fn replied(&mut self, found: Result<(DocumentReply, usize), DecodeError>) -> DocumentEvent {
        let (used, meaning, section) = match found {
            Ok((DocumentReply::Found(head), used)) => {
                let place = Place::Document(Document::after(&head));
                if let Place::Head(decoder) = std::mem::replace(&mut self.place, place) {
                    self.bounds = decoder.into_bounds();
                }
                return DocumentEvent {
                    used,
                    meaning: DocumentMeaning::Head(head),
                    section: "5.2",
                };
            }
            Ok((DocumentReply::Refused(refusal), used)) => {
                (used, DocumentMeaning::Refused(refusal), "3.3")
            }
            Err(error) => {
                let section = error.fault.section;
                (0, DocumentMeaning::Fault(error), section)
            }
        };
        self.place = Place::Failed;
        DocumentEvent { used, meaning, section }
    }
}

impl Document {
    fn after(head: &DocumentHead) -> Self {
        let (next, end) = match head.content_range {
            Some(part) => (part.first(), Some(part.first().saturating_add(part.count()))),
            None => (0, head.content_length),
        };
        let keep_alive = head.keep_alive && end.is_some();
        Self { next, end, keep_alive }
    }

    /// Takes the bytes that belong to the document; returns their number.
    fn take(&mut self, input: &[u8]) -> usize {
        let missing = self.end.unwrap_or(u64::MAX).saturating_sub(self.next);
        let used = usize::try_from(missing).unwrap_or(usize::MAX).min(input.len());
        self.next = self.next.saturating_add(used as u64);
        used
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::Head(Box::default())
    }
}

fn surplus(input: &[u8]) -> Option<DocumentEvent> {
    let used = input.len();
    let event = DocumentEvent { used, meaning: DocumentMeaning::Surplus, section: "5.4" };
    (used > 0).then_some(event)
}

#[cfg(test)]
mod tests;
