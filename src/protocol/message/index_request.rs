//! Requests of a peer to an index server (protocol.md section 4).

use std::fmt;
use std::str::FromStr;

use super::decode_error::DecodeError;
use super::head::{Head, append, encode_header};
use super::header::Header;
use super::request::{FromHead, Request, RequestDecoder};
use super::request_faults::Reader;
use crate::protocol::grammar::content::IfReadable;
use crate::protocol::grammar::number::{ContentLength, digits};
use crate::protocol::{Content, Document, Endpoint, Limit, SyntaxError, Title, VERSION, Words};

/// A request to the index server.
///
/// ```text
/// index-request = add / remove / lookup / list / search
/// add    = "ADD"    SP document SP version CRLF from title-header
///          [ digest-header ] [ length-header ] CRLF
/// remove = "REMOVE" SP document SP version CRLF from CRLF
/// lookup = "LOOKUP" SP document SP version CRLF from [ "Want-Attributes:" SP "1" CRLF ]
///          [ "Want-Cluster:" SP "1" CRLF ] CRLF
/// list   = "LIST"   SP ( "ALL" / "FILES" ) SP version CRLF from CRLF
/// search = "SEARCH" SP "ALL" SP version CRLF from title-header [ limit-header ] CRLF
/// from   = "Host:" SP host CRLF "Port:" SP port CRLF
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum IndexRequest {
    /// Adds a record: the peer has this document.
    Add {
        /// The document.
        document: Document,
        /// Its title; may be empty.
        title: Title,
        /// Digest and length of the peer's document (an extension, protocol.md section 4.11).
        content: Content,
        /// The endpoint of the peer's upload server.
        from: Endpoint,
    },
    /// Removes a record of the same connection (an extension, protocol.md section 8.2).
    Remove {
        /// The document.
        document: Document,
        /// The endpoint with which the record was added.
        from: Endpoint,
    },
    /// Requests the records of a document.
    Lookup {
        /// The document.
        document: Document,
        /// Whether attributes are requested (an extension, protocol.md section 4.11).
        want_attributes: bool,
        /// Whether a refusal should name the cluster of the server (an extension, protocol.md section 4.13).
        want_cluster: bool,
        /// The endpoint of the peer's upload server.
        from: Endpoint,
    },
    /// Requests all records of RFCs or files.
    List {
        /// Which documents.
        listing: Listing,
        /// The endpoint of the peer's upload server.
        from: Endpoint,
    },
    /// Requests the records whose titles match (an extension, protocol.md section 4.10).
    Search {
        /// The words that a title must contain.
        words: Words,
        /// The maximum number of records in the reply.
        limit: Option<Limit>,
        /// The endpoint of the peer's upload server.
        from: Endpoint,
    },
}

/// The records that a LIST requests (protocol.md section 4.4).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Listing {
    /// `LIST ALL`: RFCs only, so that a program without extensions receives no other lines.
    Rfcs,
    /// `LIST FILES`: all other documents.
    Files,
}

impl IndexRequest {
    /// Reads one request from the start of `input`; see [`RequestDecoder::decode`].
    ///
    /// # Errors
    /// When the bytes are not a request to an index server.
    pub fn decode(input: &[u8]) -> Result<Option<(Self, usize)>, DecodeError> {
        RequestDecoder::new().decode(input)
    }

    /// The endpoint of the sender's upload server.
    pub fn sender(&self) -> &Endpoint {
        match self {
            Self::Add { from, .. }
            | Self::Remove { from, .. }
            | Self::Lookup { from, .. }
            | Self::List { from, .. }
            | Self::Search { from, .. } => from,
        }
    }
}

impl FromHead for IndexRequest {
    const EXAMPLE: &'static str = Reader::Index.example();

    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError> {
        let (words, count) = head.words();
        let document = |kind: &str, name: &str| {
            Document::from_words(kind, name).map_err(|fault| DecodeError::new(1, fault))
        };
        match words.get(..count).unwrap_or_default() {
            ["ADD", kind, name] => Ok(Self::Add {
                document: document(kind, name)?,
                from: head.endpoint()?,
                title: head.required(Header::Title)?,
                content: Content {
                    digest: head.optional(Header::Digest)?.and_then(|IfReadable(digest)| digest),
                    length: head
                        .optional(Header::Length)?
                        .and_then(|IfReadable(length)| length)
                        .map(|ContentLength(length)| length),
                },
            }),
            ["REMOVE", kind, name] => {
                Ok(Self::Remove { document: document(kind, name)?, from: head.endpoint()? })
            }
            ["LOOKUP", kind, name] => Ok(Self::Lookup {
                document: document(kind, name)?,
                from: head.endpoint()?,
                want_attributes: head
                    .optional(Header::WantAttributes)?
                    .is_some_and(|Wanted(wanted)| wanted),
                want_cluster: head
                    .optional(Header::WantCluster)?
                    .is_some_and(|Wanted(wanted)| wanted),
            }),
            ["LIST", "ALL"] => Ok(Self::List { listing: Listing::Rfcs, from: head.endpoint()? }),
            ["LIST", "FILES"] => Ok(Self::List { listing: Listing::Files, from: head.endpoint()? }),
            ["SEARCH", "ALL"] => Ok(Self::Search {
                from: head.endpoint()?,
                words: head.required(Header::Title)?,
                limit: head.optional(Header::Limit)?,
            }),
            _ => Err(head.bad_line(Reader::Index)),
        }
    }
}

impl Request for IndexRequest {
    fn section(&self) -> &'static str {
        match self {
            Self::Add { .. } => "4.1",
            Self::Remove { .. } => "4.2",
            Self::Lookup { .. } => "4.3",
            Self::List { .. } => "4.4",
            Self::Search { .. } => "4.10",
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.encode_with_title(None, out);
    }
}

impl IndexRequest {
    /// Appends the encoded request. A LOOKUP carries this title, which other index servers may
    /// compare
    /// (protocol.md section 4.3).
    pub fn encode_with_title(&self, looked_up: Option<&Title>, out: &mut Vec<u8>) {
        append(out, format_args!("{self} {VERSION}\r\n"));
        let Endpoint { host, port } = self.sender();
        encode_header(out, "Host", host);
        encode_header(out, "Port", port);
        match self {
            Self::Add { title, content: Content { digest, length }, .. } => {
                encode_header(out, "Title", title);
                if let Some(digest) = digest {
                    encode_header(out, "Digest", digest);
                }
                if let Some(length) = length {
                    encode_header(out, "Length", length);
                }
            }
            Self::Lookup { want_attributes, want_cluster, .. } => {
                if let Some(title) = looked_up {
                    encode_header(out, "Title", title);
                }
                if *want_attributes {
                    encode_header(out, "Want-Attributes", "1");
                }
                if *want_cluster {
                    encode_header(out, "Want-Cluster", "1");
                }
            }
            Self::Search { words, limit, .. } => {
                encode_header(out, "Title", words);
                if let Some(limit) = limit {
                    encode_header(out, "Limit", limit);
                }
            }
            Self::Remove { .. } | Self::List { .. } => {}
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// The value of `Want-Attributes` or `Want-Cluster`: the version of their format. Only version 1 exists;
/// another version is ignored.
struct Wanted(bool);

impl FromStr for Wanted {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Ok(Self(digits(text, 1) == Some(1)))
    }
}

/// Writes the request line without the version.
impl fmt::Display for IndexRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Add { document, .. } => write!(f, "ADD {}", document.wire()),
            Self::Remove { document, .. } => write!(f, "REMOVE {}", document.wire()),
            Self::Lookup { document, .. } => write!(f, "LOOKUP {}", document.wire()),
            Self::List { listing: Listing::Rfcs, .. } => write!(f, "LIST ALL"),
            Self::List { listing: Listing::Files, .. } => write!(f, "LIST FILES"),
            Self::Search { .. } => write!(f, "SEARCH ALL"),
        }
    }
}
