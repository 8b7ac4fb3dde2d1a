//! What a peer requests of an index, and what can be asked.

use std::io;
use std::net::SocketAddr;

use super::index_dialect::{Extensions, IndexDialect};
use super::index_error::IndexError;
use super::listed::{Completeness, ListCache};
use crate::protocol::{
    Content, Document, Endpoint, IndexRequest, Limit, Listing, ReplyForm, ReplyPart, Request,
    Title, Words,
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
    /// A LOOKUP as this index takes it. A title is for an index that may compare it.
    pub fn lookup<'a>(
        document: &'a Document,
        title: Option<&'a Title>,
        dialect: &IndexDialect,
    ) -> Query<'a> {
        let title = title.filter(|_| !dialect.shows_extensions());
        let want_attributes = dialect.extensions() != Extensions::Refused;
        Query::Lookup { document, title, want_attributes }
    }

    /// A document for a request by which is found out what an index knows.
    pub(crate) fn of_rfc_1() -> Option<(Document, Title)> {
        Some((Document::Rfc("1".parse().ok()?), "Host Software".parse().ok()?))
    }

    /// What the reply may hold.
    pub(crate) fn form(&self) -> ReplyForm {
        match self {
            Self::Add { .. } | Self::Remove(_) => ReplyForm::OneRecord,
            Self::Lookup { .. } | Self::List(_) | Self::Search { .. } => ReplyForm::Records,
        }
    }

    /// Whether it changes nothing, so that it can be sent again.
    pub(crate) fn is_harmless(&self) -> bool {
        self.form() == ReplyForm::Records
    }

    /// Appends the request as `from` sends it.
    pub(crate) fn encode(&self, from: &Endpoint, out: &mut Vec<u8>) {
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

/// Something that can send requests to an index.
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

    /// Looks up documents, with attributes, and hands the parts of all replies to `take`: for an
    /// index that has shown that it knows extensions. A document that nobody has is no failure.
    ///
    /// # Errors
    /// When the index does not answer, or refuses.
    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError>;

    /// The index, as the user named it.
    fn server(&self) -> &Endpoint;

    /// Where the index is, or was when it was asked last.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn address(&self) -> Result<SocketAddr, IndexError>;

    /// What the index has shown of itself.
    fn dialect(&self) -> &IndexDialect;

    /// What was listed on this connection, to look up documents in it.
    fn list_cache(&self) -> &ListCache;
}
