//! Requests to an index server without their sender, and the interface that sends them.

use std::fmt::Debug;
use std::io;
use std::time::Instant;

use super::index_dialect::{Extensions, IndexDialect};
use super::index_error::IndexError;
use super::listed::{Completeness, ListCache};
use crate::net::Provenance;
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
        /// The title that is sent: some index servers compare it, and some fail without one.
        title: LookupTitle<'a>,
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

/// The title in a LOOKUP.
#[derive(Clone, Copy, Debug)]
pub enum LookupTitle<'a> {
    /// None.
    Omitted,
    /// The title of the document.
    Known(&'a Title),
    /// The document, such as `RFC 1`, because its title is not known.
    Document,
}

impl Query<'_> {
    /// A LOOKUP in the form for this index. A title is sent only to an index that may need it.
    pub fn lookup<'a>(
        document: &'a Document,
        title: Option<&'a Title>,
        dialect: &IndexDialect,
    ) -> Query<'a> {
        let title = match (title, document) {
            _ if dialect.shows_extensions() => LookupTitle::Omitted,
            (Some(title), _) => LookupTitle::Known(title),
            (None, Document::Rfc(_)) => LookupTitle::Document,
            (None, Document::File(_)) => LookupTitle::Omitted,
        };
        let want_attributes = dialect.extensions() != Extensions::Refused;
        Query::Lookup { document, title, want_attributes }
    }

    /// A document for a request that finds out which extensions an index knows.
    pub(crate) fn of_rfc_1() -> Option<(Document, Title)> {
        Some((Document::Rfc("1".parse().ok()?), "Host Software".parse().ok()?))
    }

    /// The form of the reply.
    pub(super) fn form(&self) -> ReplyForm {
        match self {
            Self::Add { .. } | Self::Remove(_) => ReplyForm::OneRecord,
            Self::Lookup { .. } | Self::List(_) | Self::Search { .. } => ReplyForm::Records,
        }
    }

    /// Whether it changes nothing, so that it can be sent again.
    pub(super) fn is_harmless(&self) -> bool {
        self.form() == ReplyForm::Records
    }

    /// Appends the request of this sender.
    pub(crate) fn encode(&self, from: &Endpoint, out: &mut Vec<u8>) {
        let from = from.clone();
        let request = match *self {
            Self::Lookup { document, title, want_attributes } => {
                let number = document.to_string().parse().ok();
                let title = match title {
                    LookupTitle::Omitted => None,
                    LookupTitle::Known(title) => Some(title),
                    LookupTitle::Document => number.as_ref(),
                };
                let document = document.clone();
                let want_cluster = false;
                let lookup = IndexRequest::Lookup { document, want_attributes, want_cluster, from };
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

/// Sends requests to a source of holders: an index server, a group of them, or another one that replies like an
/// index server.
pub trait AskIndex: Sync {
    /// Sends a request, and passes the parts of the reply to `take`, each with its bytes.
    ///
    /// # Errors
    /// When there is no complete reply, or `take` fails.
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError>;

    /// Looks up documents, with attributes, and passes the parts of all replies to `take`: for an index
    /// that has shown an extension. A document without a holder is not an error.
    ///
    /// # Errors
    /// When the index does not answer, or refuses.
    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError>;

    /// The servers that are asked, if there are several.
    ///
    /// # Errors
    /// When none of them can be reached.
    fn members(&self) -> Result<Vec<&dyn AskIndex>, IndexError> {
        Ok(Vec::new())
    }

    /// Ends the request that has begun then, because other sources have replied, and this one has not; returns
    /// whether it does. A source with a short deadline of its own does not.
    fn give_up(&self, _begun: Instant) -> bool {
        false
    }

    /// The number of servers that can replace one that fails.
    fn alternatives(&self) -> usize {
        0
    }

    /// The index, as the user named it.
    fn server(&self) -> &Endpoint;

    /// The provenance of the holders that it lists, which decides to which of their addresses a peer connects: for
    /// an index server, its address on the last connection.
    ///
    /// # Errors
    /// When it cannot be reached.
    fn provenance(&self) -> Result<Provenance, IndexError>;

    /// The properties that the index has shown.
    fn dialect(&self) -> &IndexDialect;

    /// The list that was received on this connection, in which documents are looked up.
    fn list_cache(&self) -> &ListCache;
}

/// A source of holders that is not an index server. Several threads ask it.
pub trait HolderSource: AskIndex + Debug + Send + Sync {}

impl<S: AskIndex + Debug + Send + Sync> HolderSource for S {}
