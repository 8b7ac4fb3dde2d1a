//! How a command reaches the index: queries have their own connection, and records belong to the connection
//! of the session, if there is one (protocol.md section 4.6).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::limits;
use crate::peer::{
    AskIndex, Cancel, Completeness, IndexConnection, IndexDialect, IndexError, ListCache, Query,
    Registration,
};
use crate::protocol::{Document, Endpoint, ReplyPart};

/// The connections to the index.
pub(in crate::cli) struct IndexAccess {
    queries: IndexConnection,
    registration: Option<Arc<Registration>>,
}

impl IndexAccess {
    /// For a session, which keeps its documents registered.
    pub(in crate::cli) fn of_session(registration: Arc<Registration>) -> Self {
        Self { queries: registration.queries(), registration: Some(registration) }
    }

    /// For one command.
    pub(in crate::cli) fn once(queries: IndexConnection) -> Self {
        Self { queries, registration: None }
    }

    /// The endpoint under which this peer is known, if it is connected.
    pub(in crate::cli) fn own(&self) -> Option<Endpoint> {
        match &self.registration {
            Some(registration) => registration.own(),
            None => self.queries.own(),
        }
    }

    /// The registration, if this is a session.
    pub(in crate::cli) fn registration(&self) -> Option<&Registration> {
        self.registration.as_deref()
    }

    /// The same, to hold on to it.
    pub(in crate::cli) fn shared_registration(&self) -> Option<&Arc<Registration>> {
        self.registration.as_ref()
    }

    /// Has this handle cancel the queries of the command that begins.
    pub(in crate::cli) fn cancel_queries_with(&self, cancel: &Cancel) {
        self.queries.cancel_with(cancel);
    }

    /// Closes the connection for queries, when a command is done.
    pub(in crate::cli) fn close_queries(&self) {
        self.queries.close();
    }
}

impl AskIndex for IndexAccess {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        // An index can send records without end.
        let (mut left, mut is_truncated) = (limits::RECORDS, false);
        let mut take = |part: ReplyPart, bytes: &[u8]| {
            if let ReplyPart::Record(_) = part {
                is_truncated = left == 0;
                if is_truncated {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                left = left.saturating_sub(1);
            }
            take(part, bytes)
        };
        let asked = match (&self.registration, query) {
            (Some(registration), Query::Add { .. } | Query::Remove(_)) => {
                registration.ask(query, &self.queries.cancel(), &mut take)
            }
            _ => self.queries.ask(query, &mut take),
        };
        match asked {
            Err(IndexError::Taker(_)) if is_truncated => Ok(Completeness::incomplete(format!(
                "only the first {} records were read",
                limits::RECORDS
            ))),
            asked => asked,
        }
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        AskIndex::look_up_all(&self.queries, documents, take)
    }

    fn server(&self) -> &Endpoint {
        self.queries.server()
    }

    fn address(&self) -> Result<SocketAddr, IndexError> {
        self.queries.address()
    }

    fn dialect(&self) -> &IndexDialect {
        self.queries.dialect()
    }

    fn list_cache(&self) -> &ListCache {
        self.queries.list_cache()
    }
}
