//! Several index servers, and other sources of holders, that are asked as one (protocol.md section 4.12).
//!
//! A server that cannot be reached, or does not reply, is left out, and tried again after a pause. The others are asked one
//! after the other, the most local one first: a holder that several servers list has the provenance that
//! permits most.

use std::cmp::Reverse;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use super::index_connection::IndexConnection;
use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::listed::{Completeness, ListCache};
use super::merging::ask_all;
use super::query::{AskIndex, HolderSource, Query};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::{AddressPolicy, Cancel, Provenance};
use crate::protocol::{Document, Endpoint, ReplyPart};

/// Connections for queries to one index server or several.
#[derive(Debug)]
pub struct IndexGroup {
    first: Member,
    others: Vec<Member>,
    /// Sources of holders that are no index servers.
    sources: Vec<Arc<dyn HolderSource>>,
}

#[derive(Debug)]
struct Member {
    connection: IndexConnection,
    /// Its failure, since it has replied last.
    failed: Mutex<Option<Failed>>,
}

/// A failure, and until when the server is not asked: longer if the failure has taken long.
#[derive(Clone, Copy, Debug)]
struct Failed {
    until: Instant,
}

impl Failed {
    fn since(begun: Instant) -> Self {
        let rest = begun.elapsed().saturating_mul(4);
        let rest = rest.clamp(limits::INDEX_REST, limits::INDEX_REST_MAX);
        Self { until: limits::ends_after(rest) }
    }
}

impl Member {
    fn new(connection: IndexConnection) -> Self {
        Self { connection, failed: Mutex::default() }
    }

    fn failed(&self) -> MutexGuard<'_, Option<Failed>> {
        // Each change is one assignment.
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has failed a moment ago.
    fn rests(&self) -> bool {
        self.failed().is_some_and(|failed| Instant::now() < failed.until)
    }

    /// Remembers whether the server has replied.
    fn note<T>(&self, begun: Instant, outcome: &Result<T, IndexError>) {
        match outcome {
            Ok(_) => {
                if self.failed().take().is_some() {
                    log::info!("the index {} replies again", self.connection.server());
                }
            }
            Err(error) if error.is_absence() => {
                if self.failed().replace(Failed::since(begun)).is_none() {
                    log::warn!("{}; the other index servers are asked", error_chain(error));
                }
            }
            // The server has replied, or the user has cancelled the request.
            Err(_) => {}
        }
    }

    /// Connects, unless it is connected.
    fn reach(&self) -> Result<SocketAddr, IndexError> {
        let begun = Instant::now();
        let reached = self.connection.connect_if_closed();
        // A connection alone is no reply.
        if reached.is_err() {
            self.note(begun, &reached);
        }
        reached
    }
}

/// Asks one server, and remembers whether it has replied.
impl AskIndex for Member {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let begun = Instant::now();
        let asked = self.connection.ask(query, take);
        self.note(begun, &asked);
        asked
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        AskIndex::look_up_all(&self.connection, documents, take)
    }

    fn server(&self) -> &Endpoint {
        self.connection.server()
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        self.connection.provenance()
    }

    fn dialect(&self) -> &IndexDialect {
        self.connection.dialect()
    }

    fn list_cache(&self) -> &ListCache {
        self.connection.list_cache()
    }
}

impl IndexGroup {
    /// Asks these servers.
    pub fn new(first: IndexConnection, others: Vec<IndexConnection>) -> Self {
        let (first, others) = (Member::new(first), others.into_iter().map(Member::new).collect());
        Self { first, others, sources: Vec::new() }
    }

    /// Asks these sources of holders, too. Then no index server has to be reachable.
    #[must_use]
    pub fn with_sources(self, sources: Vec<Arc<dyn HolderSource>>) -> Self {
        Self { sources, ..self }
    }

    fn all(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The endpoints that this peer has named to the servers.
    pub fn owns(&self) -> Vec<Endpoint> {
        self.all().filter_map(|member| member.connection.own()).collect()
    }

    /// Lets this handle cancel the requests that are sent from now on.
    pub fn cancel_with(&self, cancel: &Cancel) {
        self.all().for_each(|member| member.connection.cancel_with(cancel));
    }

    /// The handle that cancels the requests.
    pub fn cancel(&self) -> Cancel {
        self.first.connection.cancel()
    }

    /// Closes the connections.
    pub fn close(&self) {
        self.all().for_each(|member| member.connection.close());
    }

    /// Connects to all servers at the same time, so that those that do not answer are waited for once.
    /// Returns those that were reached, the most local one first.
    fn reach_all(&self) -> Result<Vec<&Member>, IndexError> {
        let mut tried: Vec<&Member> = self.all().filter(|member| !member.rests()).collect();
        if tried.is_empty() {
            tried = self.all().collect();
        }
        let outcomes = thread::scope(|scope| {
            let reach = |member| {
                let thread = thread::Builder::new().name("index-query".into());
                // Without a thread it is waited for here.
                thread
                    .spawn_scoped(scope, move || Member::reach(member))
                    .map_err(|_| member.reach())
            };
            let started: Vec<_> = tried.iter().map(|member| reach(*member)).collect();
            let end = |started: Result<thread::ScopedJoinHandle<'_, _>, _>| match started {
                Ok(thread) => thread.join().unwrap_or(Err(IndexError::Leaving)),
                Err(outcome) => outcome,
            };
            started.into_iter().map(end).collect::<Vec<_>>()
        });
        let (mut reached, mut failure) = (Vec::new(), None);
        for (member, outcome) in tried.into_iter().zip(outcomes) {
            match outcome {
                Ok(address) => reached.push((address, member)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        if let (true, Some(error)) = (reached.is_empty(), failure) {
            return Err(error);
        }
        reached.sort_by_key(|(address, _)| Reverse(AddressPolicy::locality(address.ip())));
        Ok(reached.into_iter().map(|(_, member)| member).collect())
    }
}

impl AskIndex for IndexGroup {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        match self.members()? {
            members if members.is_empty() => self.first.connection.ask(query, take),
            members => ask_all(&members, query, take),
        }
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        match self.members()? {
            members if members.is_empty() => {
                AskIndex::look_up_all(&self.first.connection, documents, take)
            }
            members => {
                let knows = |member: &&&dyn AskIndex| member.dialect().shows_extensions();
                members.iter().filter(knows).try_for_each(|one| one.look_up_all(documents, take))
            }
        }
    }

    fn members(&self) -> Result<Vec<&dyn AskIndex>, IndexError> {
        if self.others.is_empty() && self.sources.is_empty() {
            return Ok(Vec::new());
        }
        let reached = match self.reach_all() {
            // The other sources do not need it.
            Err(error) if error.is_absence() && !self.sources.is_empty() => Vec::new(),
            reached => reached?,
        };
        let indexes = reached.into_iter().map(|member| member as &dyn AskIndex);
        Ok(indexes.chain(self.sources.iter().map(|source| &**source as &dyn AskIndex)).collect())
    }

    fn server(&self) -> &Endpoint {
        self.first.connection.server()
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        match self.members()?.first() {
            None => self.first.connection.provenance(),
            Some(member) => member.provenance(),
        }
    }

    fn dialect(&self) -> &IndexDialect {
        let mut dialects = self.all().map(|member| member.connection.dialect());
        let shows_extensions = dialects.find(|dialect| dialect.shows_extensions());
        shows_extensions.unwrap_or(self.first.connection.dialect())
    }

    fn list_cache(&self) -> &ListCache {
        self.first.connection.list_cache()
    }
}

#[cfg(test)]
mod tests;
