//! Requests to an upload server: GET, and the LIST and LOOKUP of extensions (protocol.md sections 5.1, 5.8
//! and 5.9).

use super::decode_error::DecodeError;
use super::document_request::DocumentRequest;
use super::head::Head;
use super::index_request::{IndexRequest, Listing};
use super::request::{FromHead, Request};
use super::request_faults::{Reader, fault_of_words};
use crate::protocol::{Document, Endpoint};

/// A request to an upload server.
///
/// ```text
/// upload-request = get / list / lookup
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum UploadRequest {
    /// Requests a document.
    Get(DocumentRequest),
    /// Requests the records of the documents that the upload server shares (an extension, protocol.md
    /// section 5.8), in the form of a LIST to an index server.
    List {
        /// Which documents.
        listing: Listing,
        /// The endpoint of the sender's upload server.
        from: Endpoint,
    },
    /// Requests the record of one document (an extension, protocol.md section 5.9), in the form of a LOOKUP with
    /// attributes to an index server.
    Lookup {
        /// The document.
        document: Document,
        /// The endpoint of the sender's upload server.
        from: Endpoint,
    },
}

/// The requests for records that an upload server answers (extensions, protocol.md sections 5.8 and 5.9).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum RecordRequests {
    /// None: each is a fault.
    #[default]
    None,
    /// LOOKUP: a client has to know the name of a document.
    Lookup,
    /// LIST and LOOKUP.
    All,
}

impl UploadRequest {
    /// The same request to an index server, if it is one for records.
    fn of_records(&self) -> Option<IndexRequest> {
        match self {
            Self::Get(_) => None,
            Self::List { listing, from } => {
                Some(IndexRequest::List { listing: *listing, from: from.clone() })
            }
            Self::Lookup { document, from } => Some(IndexRequest::Lookup {
                document: document.clone(),
                want_attributes: true,
                want_cluster: false,
                from: from.clone(),
            }),
        }
    }

    /// The fault of a request that took this number of bytes, if it is one for records that an upload server does
    /// not answer.
    pub(in crate::protocol) fn unanswered(
        &self,
        answered: RecordRequests,
        used: usize,
    ) -> Option<DecodeError> {
        let is_answered = match self {
            Self::Get(_) => true,
            Self::List { .. } => answered == RecordRequests::All,
            Self::Lookup { .. } => answered != RecordRequests::None,
        };
        let request = self.of_records().filter(|_| !is_answered)?;
        let fault = fault_of_words(Reader::UploadServer, &request.to_string());
        Some(DecodeError::new(1, fault).ending_after(used))
    }

    /// Whether it has a part of an extension, which only programs with extensions send.
    pub fn has_extensions(&self) -> bool {
        match self {
            Self::Get(request) => request.has_extensions(),
            Self::List { .. } | Self::Lookup { .. } => true,
        }
    }
}

impl FromHead for UploadRequest {
    const EXAMPLE: &'static str = DocumentRequest::EXAMPLE;

    fn from_head(head: &Head<'_>) -> Result<Self, DecodeError> {
        let (words, count) = head.words();
        let listing = match words.get(..count) {
            Some(["LIST", "ALL"]) => Listing::Rfcs,
            Some(["LIST", "FILES"]) => Listing::Files,
            Some(["LOOKUP", kind, name]) => {
                let document = Document::from_words(kind, name);
                let document = document.map_err(|fault| DecodeError::new(1, fault))?;
                return Ok(Self::Lookup { document, from: head.endpoint()? });
            }
            _ => return DocumentRequest::from_head(head).map(Self::Get),
        };
        Ok(Self::List { listing, from: head.endpoint()? })
    }
}

impl Request for UploadRequest {
    fn section(&self) -> &'static str {
        match self {
            Self::Get(request) => request.section(),
            Self::List { .. } => "5.8",
            Self::Lookup { .. } => "5.9",
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        if let Self::Get(request) = self {
            request.encode(out);
        }
        if let Some(request) = self.of_records() {
            request.encode(out);
        }
    }
}
