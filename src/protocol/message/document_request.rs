//! Requests of a client to an upload server (protocol.md section 5.1).

use super::decode_error::DecodeError;
use super::head::{Head, append, encode_header, encode_text_header};
use super::header::Header;
use super::request::{FromHead, Request, RequestDecoder};
use super::request_faults::Reader;
use crate::protocol::grammar::digest::WantDigest;
use crate::protocol::grammar::keep_alive::{self, KeepAlive};
use crate::protocol::grammar::range::RequestedRange;
use crate::protocol::{ByteRange, Document, HeaderText, Host, VERSION};

/// A request to an upload server: its only method is GET.
///
/// ```text
/// get = "GET" SP document SP version CRLF "Host:" SP host CRLF [ "OS:" SP header-text CRLF ]
///       [ "Want-Digest:" SP "sha-256" CRLF ] [ "Range:" SP range CRLF ]
///       [ "Connection:" SP "keep-alive" CRLF ] CRLF
/// ```
///
/// [`DocumentRequest::new`] requests a whole document without extensions. Further headers are fields:
///
/// ```
/// use p2p_ci::protocol::{Document, DocumentRequest, Request};
///
/// let document = Document::Rfc("793".parse()?);
/// let mut get = DocumentRequest::new(document, "localhost".parse()?);
/// get.want_digest = true;
///
/// let mut wire = Vec::new();
/// get.encode(&mut wire);
/// assert_eq!(wire, b"GET RFC 793 P2P-CI/1.0\r\nHost: localhost\r\nWant-Digest: sha-256\r\n\r\n");
/// # Ok::<(), p2p_ci::protocol::SyntaxError>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct DocumentRequest {
    /// The document.
    pub document: Document,
    /// The host of the upload server. It is not compared with anything.
    pub host: Host,
    /// The operating system of the client.
    pub os: Option<HeaderText>,
    /// Whether a digest is requested (an extension, protocol.md section 5.5).
    pub want_digest: bool,
    /// The requested part; `None` for the whole document (an extension, protocol.md section 5.6).
    pub range: Option<ByteRange>,
    /// Whether the connection should stay open after the document (an extension, protocol.md
    /// section 5.7).
    pub keep_alive: bool,
}

impl DocumentRequest {
    /// A request for a whole document, with the host of the upload server.
    pub fn new(document: Document, host: Host) -> Self {
        Self { document, host, os: None, want_digest: false, range: None, keep_alive: false }
    }

    /// Reads one request from the start of `input`; see [`RequestDecoder::decode`].
    ///
    /// # Errors
    /// When the bytes are not a request to an upload server.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        RequestDecoder::new().decode(input)
    }
}

impl DocumentRequest {
    /// Whether it has a header of an extension, which only programs with extensions send.
    pub fn has_extensions(&self) -> bool {
        self.want_digest || self.range.is_some() || self.keep_alive
    }
}

impl FromHead for DocumentRequest {
    const EXAMPLE: &'static str = Reader::UploadServer.example();

    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError> {
        let (words, count) = head.words();
        let Some(["GET", kind, name]) = words.get(..count) else {
            return Err(head.bad_line(Reader::UploadServer));
        };
        Ok(Self {
            document: Document::from_words(kind, name)
                .map_err(|fault| DecodeError::new(1, fault))?,
            host: head.required(Header::Host)?,
            os: head.optional(Header::Os)?,
            range: head.optional(Header::Range)?.and_then(|RequestedRange(range)| range),
            want_digest: head
                .optional(Header::WantDigest)?
                .is_some_and(|WantDigest(wanted)| wanted),
            keep_alive: head
                .optional(Header::Connection)?
                .is_some_and(|KeepAlive(stays_open)| stays_open),
        })
    }
}

impl Request for DocumentRequest {
    fn section(&self) -> &'static str {
        "5.1"
    }

    fn encode(&self, out: &mut Vec<u8>) {
        append(out, format_args!("GET {} {VERSION}\r\n", self.document.wire()));
        encode_header(out, "Host", &self.host);
        if let Some(os) = &self.os {
            encode_header(out, "OS", os);
        }
        if self.want_digest {
            encode_header(out, "Want-Digest", "sha-256");
        }
        if let Some(range) = &self.range {
            encode_header(out, "Range", range);
        }
        if self.keep_alive {
            encode_text_header(out, keep_alive::NAME, keep_alive::VALUE);
        }
        out.extend_from_slice(b"\r\n");
    }
}
