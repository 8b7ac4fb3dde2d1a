//! A client at its connection to an upload server (protocol.md sections 5.2 to 5.4 and 5.7).
//!
//! The role reads the heads of replies. The bytes of a document are counted by the caller, which writes
//! them to a file. Its time limit includes connecting, so the caller sets it, too.

use crate::protocol::{DecodeError, DocumentHead, DocumentReply, DocumentReplyDecoder, Refusal};

/// Reads the head of one reply.
///
/// ```
/// use p2p_ci::protocol::role::{DocumentClient, DocumentMeaning};
///
/// let mut role = DocumentClient::new();
/// let input = b"P2P-CI/1.0 404 Not Found\r\n\r\n";
/// assert_eq!(role.next(&input[..20]), None);
/// let event = role.next(input).expect("a whole head");
/// assert!(matches!(event.meaning, DocumentMeaning::Refused(_)));
/// assert_eq!(event.section, "3.3");
/// ```
#[derive(Debug, Default)]
pub struct DocumentClient {
    decoder: DocumentReplyDecoder,
}

/// One event at the connection to an upload server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DocumentEvent {
    /// How many bytes it took, at the start of the input. A document begins after them.
    pub used: usize,
    /// The meaning of these bytes, or of the end of the connection.
    pub meaning: DocumentMeaning,
    /// The section of protocol.md that defines it.
    pub section: &'static str,
}

/// The meaning of an event.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DocumentMeaning {
    /// The head of a document, and the empty line that ended it: see
    /// [`DocumentReplyDecoder::separator`].
    Head(DocumentHead, &'static str),
    /// The request was refused.
    Refused(Refusal),
    /// The bytes are not a reply.
    Fault(DecodeError),
    /// The connection ended before a reply.
    NoReply,
}

impl DocumentClient {
    /// A client that waits for a reply.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the event of a head at the start of `input`. `None`: more bytes are needed; call again
    /// with the same bytes and more after them.
    pub fn next(&mut self, input: &[u8]) -> Option<DocumentEvent> {
        let found = self.decoder.decode(input).transpose()?;
        Some(self.event(found))
    }

    /// The upload server has closed the connection after `input`.
    pub fn on_end(&mut self, input: &[u8]) -> DocumentEvent {
        if input.is_empty() {
            return DocumentEvent { used: 0, meaning: DocumentMeaning::NoReply, section: "5.7" };
        }
        let found = self.decoder.finish(input);
        self.event(found)
    }

    fn event(&self, found: Result<(DocumentReply, usize), DecodeError>) -> DocumentEvent {
        match found {
            Ok((DocumentReply::Found(head), used)) => {
                let meaning = DocumentMeaning::Head(head, self.decoder.separator());
                DocumentEvent { used, meaning, section: "5.2" }
            }
            Ok((DocumentReply::Refused(refusal), used)) => {
                DocumentEvent { used, meaning: DocumentMeaning::Refused(refusal), section: "3.3" }
            }
            Err(error) => {
                let section = error.fault.section;
                DocumentEvent { used: 0, meaning: DocumentMeaning::Fault(error), section }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "P2P-CI/1.0 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nOS: Linux\r\n\
                        Last-Modified: Sat, 05 Nov 1994 08:49:37 GMT\r\nContent-Length: 3\r\n\
                        Content-Type: text/plain\r\n\r\n";

    #[test]
    fn cuts_do_not_matter() {
        let refusal = "P2P-CI/1.0 404 Not Found\r\nReason: none\r\n\r\n";
        for (bytes, section) in [(HEAD, "5.2"), (refusal, "3.3"), ("HTTP/1.1 200 OK\r\n", "6.1")] {
            let whole = DocumentClient::new().next(bytes.as_bytes()).unwrap();
            assert_eq!(whole.section, section, "{bytes:?}");
            for cut in 0..bytes.len() {
                let mut role = DocumentClient::new();
                let event = role.next(&bytes.as_bytes()[..cut]);
                let event = event.or_else(|| role.next(bytes.as_bytes()));
                assert_eq!(event.as_ref(), Some(&whole), "{bytes:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn a_document_begins_after_its_head() {
        let event = DocumentClient::new().next(format!("{HEAD}abc").as_bytes()).unwrap();
        assert_eq!(event.used, HEAD.len());
        let is_head = matches!(&event.meaning, DocumentMeaning::Head(head, "\r\n")
            if head.content_length == Some(3));
        assert!(is_head, "{event:?}");
    }

    #[test]
    fn the_connection_may_end_before_a_reply() {
        assert_eq!(DocumentClient::new().on_end(b"").meaning, DocumentMeaning::NoReply);
        for end in 1..HEAD.len() {
            let mut role = DocumentClient::new();
            let part = &HEAD.as_bytes()[..end];
            assert_eq!(role.next(part), None, "{end} bytes");
            let event = role.on_end(part);
            assert!(event.used <= end && event.meaning != DocumentMeaning::NoReply, "{event:?}");
        }
    }
}
