//! How a command reaches the index servers: queries have their own connections, and records belong to the
//! connections of the session, if there is one (protocol.md section 4.6).

use std::io;

use crate::limits;
use crate::peer::{
    AskIndex, Cancel, Completeness, IndexDialect, IndexError, IndexGroup, ListCache, Provenance,
    Query, Registrations,
};
use crate::protocol::{Document, Endpoint, ReplyPart};

/// The connections to the index servers.
pub(in crate::cli) struct IndexAccess {
    queries: IndexGroup,
    registrations: Option<Registrations>,
}

impl IndexAccess {
    /// For a session, which keeps its documents registered.
    pub(in crate::cli) fn of_session(registrations: Registrations) -> Self {
        Self { queries: registrations.queries(), registrations: Some(registrations) }
    }

    /// For one command.
    pub(in crate::cli) fn once(queries: IndexGroup) -> Self {
        Self { queries, registrations: None }
    }

    /// The endpoints under which this peer is known to the servers to which it is connected.
    pub(in crate::cli) fn owns(&self) -> Vec<Endpoint> {
        match &self.registrations {
            Some(registrations) => registrations.owns(),
            None => self.queries.owns(),
        }
    }

    /// The registrations, if this is a session.
    pub(in crate::cli) fn registrations(&self) -> Option<&Registrations> {
        self.registrations.as_ref()
    }

    /// Has this handle cancel the queries of the command that begins.
    pub(in crate::cli) fn cancel_queries_with(&self, cancel: &Cancel) {
        self.queries.cancel_with(cancel);
    }

    /// Closes the connections for queries, when a command is done.
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
        let asked = match (&self.registrations, query) {
            (Some(registrations), Query::Add { .. } | Query::Remove(_)) => {
                registrations.ask(query, &self.queries.cancel(), &mut take)
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
        self.queries.look_up_all(documents, take)
    }

    fn members(&self) -> Result<Vec<&dyn AskIndex>, IndexError> {
        self.queries.members()
    }

    fn alternatives(&self) -> usize {
        self.queries.alternatives()
    }

    fn server(&self) -> &Endpoint {
        self.queries.server()
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        self.queries.provenance()
    }

    fn dialect(&self) -> &IndexDialect {
        self.queries.dialect()
    }

    fn list_cache(&self) -> &ListCache {
        self.queries.list_cache()
    }
}
