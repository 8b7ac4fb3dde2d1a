//! Requests to an upload server: GET, and the LIST of an extension (protocol.md sections 5.1 and 5.8).

use super::decode_error::DecodeError;
use super::document_request::DocumentRequest;
use super::head::Head;
use super::index_request::{IndexRequest, Listing};
use super::request::{FromHead, Request};
use super::request_faults::{Reader, fault_of_words};
use crate::protocol::Endpoint;

/// A request to an upload server.
///
/// ```text
/// upload-request = get / list
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
}

impl UploadRequest {
    /// The fault of a LIST to an upload server without the extension, which took this number of bytes.
    pub(in crate::protocol) fn list_is_unknown(listing: Listing, used: usize) -> DecodeError {
        let line = match listing {
            Listing::Rfcs => "LIST ALL",
            Listing::Files => "LIST FILES",
        };
        DecodeError::new(1, fault_of_words(Reader::UploadServer, line)).ending_after(used)
    }

    /// Whether it has a part of an extension, which only programs with extensions send.
    pub fn has_extensions(&self) -> bool {
        match self {
            Self::Get(request) => request.has_extensions(),
            Self::List { .. } => true,
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
        }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Get(request) => request.encode(out),
            Self::List { listing, from } => {
                IndexRequest::List { listing: *listing, from: from.clone() }.encode(out);
            }
        }
    }
}
