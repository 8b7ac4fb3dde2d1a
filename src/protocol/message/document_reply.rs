//! The replies of an upload server (protocol.md sections 5.2 to 5.4).
//!
//! The bytes of the document follow the head. The writer is strict; the reader, which accepts the heads
//! of other programs, is [`DocumentReplyDecoder`](super::DocumentReplyDecoder).

use super::head::{encode_header, encode_text_header};
use super::status::{Refusal, Status};
use crate::protocol::grammar::keep_alive;
use crate::protocol::{ContentRange, Date, Digest, HeaderText};

/// The head of a reply.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DocumentReply {
    /// The document follows.
    Found(DocumentHead),
    /// The reply is a refusal and has no document.
    Refused(Refusal),
}

/// The headers before the bytes of a document.
///
/// ```text
/// document-head = status-line-200
///                 "Date:" SP date CRLF
///                 "OS:" SP header-text CRLF
///                 "Last-Modified:" SP date CRLF
///                 "Content-Length:" SP 1*19DIGIT CRLF
///                 "Content-Type:" SP header-text CRLF
///                 [ "Content-Range:" SP content-range CRLF ]   ; and status 206
///                 [ "Digest:" SP digest CRLF ]
///                 [ "Connection:" SP "keep-alive" CRLF ]
///                 CRLF
/// ```
///
/// The writer includes every header whose value is known. The reader accepts heads in which headers
/// are missing or dates unreadable.
///
/// ```
/// use p2p_ci::protocol::{DocumentHead, DocumentReply};
///
/// let mut head = DocumentHead::default();
/// head.content_length = Some(12_345);
///
/// let mut wire = Vec::new();
/// DocumentReply::Found(head).encode(&mut wire);
/// assert_eq!(wire, b"P2P-CI/1.0 200 OK\r\nContent-Length: 12345\r\n\r\n");
/// ```
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct DocumentHead {
    /// When the reply was written.
    pub date: Option<Date>,
    /// The operating system of the upload server.
    pub os: Option<HeaderText>,
    /// When the document was last modified.
    pub last_modified: Option<Date>,
    /// The length of the document in bytes. Without it the document ends with the connection.
    pub content_length: Option<u64>,
    /// The media type.
    pub content_type: Option<HeaderText>,
    /// The digest of the whole document, if it was requested and is known.
    pub digest: Option<Digest>,
    /// Which part follows, in a reply with status 206; otherwise the whole document follows.
    pub content_range: Option<ContentRange>,
    /// Whether the connection stays open after the document, as requested.
    pub keep_alive: bool,
}

impl DocumentReply {
    /// Appends the encoded head.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Found(head) => head.encode(out),
            Self::Refused(refusal) => super::encode_refusal(*refusal, None, out),
        }
    }
}

impl DocumentHead {
    fn encode(&self, out: &mut Vec<u8>) {
        let status = self.content_range.map_or(Status::Ok, |_| Status::PartialContent);
        status.encode_line(out);
        if let Some(date) = self.date {
            encode_header(out, "Date", date);
        }
        if let Some(os) = &self.os {
            encode_text_header(out, "OS", os.as_str());
        }
        if let Some(date) = self.last_modified {
            encode_header(out, "Last-Modified", date);
        }
        if let Some(length) = self.content_length {
            encode_text_header(out, "Content-Length", itoa::Buffer::new().format(length));
        }
        if let Some(media_type) = &self.content_type {
            encode_text_header(out, "Content-Type", media_type.as_str());
        }
        if let Some(range) = self.content_range {
            encode_header(out, "Content-Range", range);
        }
        if let Some(digest) = self.digest {
            encode_header(out, "Digest", digest);
        }
        if self.keep_alive {
            encode_text_header(out, keep_alive::NAME, keep_alive::VALUE);
        }
        out.extend_from_slice(b"\r\n");
    }
}
