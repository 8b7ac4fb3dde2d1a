//! What a peer requests of an index, and what can be asked.

use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::index_error::IndexError;
use crate::protocol::{
    Content, Document, Endpoint, IndexRequest, Limit, Listing, ReplyPart, Request, Title, Words,
};

/// A request to an index without its sender.
#[derive(Clone, Copy, Debug)]
pub enum Query<'a> {
    /// The records of one document.
    Lookup {
        /// The document.
        document: &'a Document,
        /// Its title, if it is known: some index servers compare it.
        title: Option<&'a Title>,
        /// Whether the reply should carry attributes (protocol.md section 4.11).
        want_attributes: bool,
    },
    /// All records of a kind.
    List(Listing),
    /// The records whose titles hold these words (protocol.md section 4.10).
    Search {
        /// The words.
        words: &'a Words,
        /// The largest number of records.
        limit: Option<Limit>,
    },
    /// Registers a document on this connection.
    Add {
        /// The document.
        document: &'a Document,
        /// Its title.
        title: &'a Title,
    },
    /// Removes a document that was registered on this connection.
    Remove(&'a Document),
}

impl Query<'_> {
    /// Appends the request as `from` sends it.
    pub(super) fn encode(&self, from: &Endpoint, out: &mut Vec<u8>) {
        let from = from.clone();
        let request = match *self {
            Self::Lookup { document, title, want_attributes } => {
                let document = document.clone();
                let lookup = IndexRequest::Lookup { document, want_attributes, from };
                return lookup.encode_with_title(title, out);
            }
            Self::List(listing) => IndexRequest::List { listing, from },
            Self::Search { words, limit } => {
                IndexRequest::Search { words: words.clone(), limit, from }
            }
            Self::Add { document, title } => {
                let (document, title) = (document.clone(), title.clone());
                IndexRequest::Add { document, title, content: Content::default(), from }
            }
            Self::Remove(document) => IndexRequest::Remove { document: document.clone(), from },
        };
        request.encode(out);
    }
}

/// Whether a reply held everything that the index had to send.
#[derive(Clone, Debug, Eq, PartialEq)]
#[must_use]
pub enum Completeness {
    /// The reply was read to its end.
    Complete,
    /// The callback asked to stop before the end.
    Stopped,
    /// Records may be missing, for this reason.
    Incomplete(String),
}

impl Completeness {
    /// Of two replies: the first that is not complete.
    pub fn and(self, other: Self) -> Self {
        if self == Self::Complete { other } else { self }
    }
}

/// Something that can ask an index: a connection for one question, or a member's.
pub trait AskIndex {
    /// Sends a request, and hands the parts of the reply to `take`, each with the bytes that it was
    /// read from.
    ///
    /// # Errors
    /// When there is no reply, or no whole one, or `take` fails.
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError>;

    /// The index, as the user named it.
    fn server(&self) -> &Endpoint;

    /// Where the index is, or was when it was asked last.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn address(&self) -> Result<IpAddr, IndexError>;

    /// Whether this index understands requests with headers of extensions, as far as is known.
    fn extensions(&self) -> &Extensions;
}

/// What is remembered of a neighbour that may not understand extensions.
#[derive(Debug, Default)]
pub struct Extensions {
    are_refused: AtomicBool,
}

impl Extensions {
    /// Whether to use them: until they were refused once.
    pub fn are_used(&self) -> bool {
        !self.are_refused.load(Ordering::Relaxed)
    }

    /// Remembers that they are refused.
    pub fn refuse(&self) {
        self.are_refused.store(true, Ordering::Relaxed);
    }
}
