//! Several index servers, and other sources of holders, that are asked as one (protocol.md section 4.12).
//!
//! A server that cannot be reached, or does not reply, is left out, and tried again after a pause. The others are asked
//! concurrently, and their replies are used in the order of their locality: a holder that several servers list has the
//! provenance that permits most. Of a cluster one server is asked, and another one if it fails (section 4.13).

mod member;

use std::cmp::Reverse;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::thread;

use super::clusters::{Clusters, KnownServer};
use super::concurrent::{Reply, Take, of_each};
use super::index_connection::IndexConnection;
use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::listed::{Completeness, ListCache};
use super::merging::ask_all;
use super::query::{AskIndex, HolderSource, Query};
use crate::limits;
use crate::net::{AddressPolicy, Cancel, Provenance};
use crate::protocol::{Document, Endpoint, ReplyPart};
use member::Member;

/// Connections for queries to one index server or several.
#[derive(Debug)]
pub struct IndexGroup {
    first: Member,
    others: Vec<Member>,
    clusters: Arc<Clusters>,
    /// Servers that their clusters have named, in the order in which they were needed.
    named: Vec<OnceLock<Member>>,
    /// Sources of holders that are no index servers.
    sources: Vec<Arc<dyn HolderSource>>,
}

impl IndexGroup {
    /// Asks these servers.
    pub fn new(first: IndexConnection, others: Vec<IndexConnection>) -> Self {
        Self::with_clusters(first, others, Arc::default())
    }

    /// The same for servers of which this is known.
    pub fn with_clusters(
        first: IndexConnection,
        others: Vec<IndexConnection>,
        clusters: Arc<Clusters>,
    ) -> Self {
        let others = others.into_iter().map(Member::new).collect();
        let most = limits::INDEX_SERVERS + limits::CLUSTER_SERVERS;
        let named = std::iter::repeat_with(OnceLock::new).take(most).collect();
        Self { first: Member::new(first), others, clusters, named, sources: Vec::new() }
    }

    /// Asks these sources of holders, too. Then no index server has to be reachable.
    #[must_use]
    pub fn with_sources(self, sources: Vec<Arc<dyn HolderSource>>) -> Self {
        Self { sources, ..self }
    }

    fn of_user(&self) -> impl Iterator<Item = &Member> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn all(&self) -> impl Iterator<Item = &Member> {
        self.of_user().chain(self.named.iter().filter_map(OnceLock::get))
    }

    /// The member for a server of a cluster; `None` if there are too many.
    fn member(&self, server: &KnownServer) -> Option<&Member> {
        let is_it = |member: &&Member| member.connection.server() == &server.endpoint;
        if let Some(member) = self.all().find(is_it) {
            return Some(member);
        }
        let new = || {
            let connection = self.first.connection.to_other(server);
            connection.cancel_with(&self.cancel());
            Member::new(connection)
        };
        // Another thread may have taken the place for another server meanwhile.
        self.named.iter().map(|place| place.get_or_init(new)).find(is_it)
    }

    /// The servers that can replace each other: one list for each cluster, and for each server without a cluster.
    fn replica_sets(&self) -> Vec<Vec<&Member>> {
        let (mut sets, mut clusters) = (Vec::new(), Vec::new());
        for member in self.of_user() {
            let Some((id, servers)) = self.clusters.with(member.connection.server()) else {
                sets.push(vec![member]);
                continue;
            };
            if !clusters.contains(&id) {
                clusters.push(id);
                sets.push(servers.iter().filter_map(|server| self.member(server)).collect());
            }
        }
        sets
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

    /// Connects to one server of each list. The lists are tried concurrently, so that servers that do not reply cost
    /// one timeout in all. Returns the servers that were reached, the most local one first.
    fn reach_all<'a>(&self, sets: Vec<Vec<&'a Member>>) -> Result<Vec<&'a Member>, IndexError> {
        let is_tried = |set: &Vec<&Member>| set.iter().any(|member| !member.rests());
        let (mut tried, resting): (Vec<_>, Vec<_>) = sets.into_iter().partition(is_tried);
        if tried.is_empty() {
            tried = resting;
        }
        let outcomes = thread::scope(|scope| {
            let reach = |set: Vec<&'a Member>| {
                let thread = thread::Builder::new().name("index-query".into());
                let here = set.clone();
                // Without a thread it is waited for here.
                thread
                    .spawn_scoped(scope, move || self.reach_one(&set))
                    .map_err(|_| self.reach_one(&here))
            };
            let is_one = tried.len() == 1;
            if let (true, Some(set)) = (is_one, tried.first()) {
                return vec![self.reach_one(set)];
            }
            let started: Vec<_> = tried.into_iter().map(reach).collect();
            let end = |started: Result<thread::ScopedJoinHandle<'_, _>, _>| match started {
                Ok(thread) => thread.join().unwrap_or_else(|_| Err(Vec::new())),
                Err(outcome) => outcome,
            };
            started.into_iter().map(end).collect::<Vec<_>>()
        });
        let (mut reached, mut failures) = (Vec::new(), Vec::new());
        for outcome in outcomes {
            match outcome {
                Ok(found) => reached.push(found),
                Err(failed) => failures.extend(failed),
            }
        }
        if !reached.is_empty() || !self.sources.is_empty() {
            failures.iter().for_each(|(member, error)| member.log_failure(error));
        }
        if reached.is_empty() && !failures.is_empty() {
            let errors = failures.into_iter().map(|(_, error)| error).collect();
            return Err(IndexError::of_all(errors));
        }
        reached.sort_by_key(|(address, _)| Reverse(AddressPolicy::locality(address.ip())));
        Ok(reached.into_iter().map(|(_, member)| member).collect())
    }

    /// Connects to the first of these servers that can be reached. Servers that have failed recently are tried last.
    fn reach_one<'a>(&self, set: &[&'a Member]) -> Result<(SocketAddr, &'a Member), Failures<'a>> {
        let mut order = set.to_vec();
        order.sort_by_key(|member| member.rests());
        let mut failures = Vec::new();
        for member in order {
            match member.reach(&self.clusters) {
                Ok(address) => {
                    failures.iter().for_each(|(member, error): &(&Member, _)| {
                        member.log_failure(error);
                    });
                    return Ok((address, member));
                }
                Err(error) => {
                    let is_last =
                        !error.is_absence() && !matches!(error, IndexError::Refused { .. });
                    failures.push((member, error));
                    if is_last {
                        break;
                    }
                }
            }
        }
        Err(failures)
    }
}

/// Servers that could not be reached, with their errors.
type Failures<'a> = Vec<(&'a Member, IndexError)>;

impl AskIndex for IndexGroup {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let mut left = self.alternatives();
        loop {
            let mut has_begun = false;
            let mut take = |part: ReplyPart, bytes: &[u8]| {
                has_begun = true;
                take(part, bytes)
            };
            let asked = match self.members()? {
                members if members.is_empty() => self.first.connection.ask(query, &mut take),
                members => ask_all(&members, query, &mut take),
            };
            match asked {
                // This server has failed recently now, so the next attempt uses another one of its cluster.
                Err(error)
                    if error.is_absence() && !has_begun && left > 0 && query.is_harmless() =>
                {
                    left -= 1;
                }
                asked => return asked,
            }
        }
    }

    fn alternatives(&self) -> usize {
        self.replica_sets().iter().map(|set| set.len().saturating_sub(1)).sum()
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
                let members: Vec<_> = members.iter().filter(knows).copied().collect();
                let ask = |member: &dyn AskIndex, take: Take<'_, ReplyPart>| {
                    let mut taken = Ok(());
                    let asked = member.look_up_all(documents, &mut |part| {
                        if taken.is_ok() {
                            taken = take(part);
                        }
                    });
                    taken.map_err(IndexError::Taker).and(asked)
                };
                let read = |_: &dyn AskIndex, reply: Reply<'_, _, ()>| {
                    reply.read(&mut |part| {
                        take(part);
                        Ok(())
                    })
                };
                of_each(&members, &ask, read).map(|_| ())
            }
        }
    }

    fn members(&self) -> Result<Vec<&dyn AskIndex>, IndexError> {
        let sets = self.replica_sets();
        let is_one = self.others.is_empty() && sets.iter().all(|set| set.len() <= 1);
        if is_one && self.sources.is_empty() {
            return Ok(Vec::new());
        }
        let reached = match self.reach_all(sets) {
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
