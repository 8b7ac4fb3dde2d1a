//! Registrations with several index servers (protocol.md section 4.12).

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::handle::Registration;
use super::ledger::Announced;
use super::one_request::Take;
use crate::discovery::{Completeness, HolderSource, IndexError, IndexGroup, Query};
use crate::error_chain::error_chain;
use crate::limits;
use crate::net::Cancel;
use crate::protocol::{Document, Endpoint, ReplyPart};

/// Interval at which the states of the registrations are read.
const POLL: Duration = Duration::from_millis(10);

/// The registrations of a peer, one for each of its index servers. Clones share them.
#[derive(Clone, Debug)]
pub struct Registrations {
    first: Arc<Registration>,
    others: Vec<Arc<Registration>>,
    /// Sources of holders besides the index servers, which are asked with them.
    sources: Vec<Arc<dyn HolderSource>>,
}

/// A document that a user removes from the library and then from the index servers. Meanwhile no other
/// thread reports the change, or the REMOVE that the user has typed would be refused.
#[derive(Debug)]
pub struct TypedRemoval<'a> {
    registrations: &'a Registrations,
    document: &'a Document,
}

impl Drop for TypedRemoval<'_> {
    fn drop(&mut self) {
        let Self { registrations, document } = *self;
        registrations
            .all()
            .for_each(|one| one.shared().lock_ledger().leave_to_user(document, false));
    }
}

impl Registrations {
    /// These registrations.
    pub fn new(first: Arc<Registration>, others: Vec<Arc<Registration>>) -> Self {
        Self { first, others, sources: Vec::new() }
    }

    /// Has queries ask these sources of holders, too.
    #[must_use]
    pub fn with_sources(self, sources: Vec<Arc<dyn HolderSource>>) -> Self {
        Self { sources, ..self }
    }

    /// All of them, in the order in which the user has named the servers.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Registration>> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The registration with the server that the user has named first.
    pub fn first(&self) -> &Arc<Registration> {
        &self.first
    }

    /// Whether there are several index servers.
    pub fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// Queries to all servers, on connections of their own.
    pub fn queries(&self) -> IndexGroup {
        let others = self.others.iter().map(|one| one.queries()).collect();
        IndexGroup::with_clusters(self.first.queries(), others, self.first.clusters())
            .with_sources(self.sources.clone())
    }

    /// The endpoints that this peer names to the servers to which it is connected.
    pub fn owns(&self) -> Vec<Endpoint> {
        self.all().filter_map(|one| one.own()).collect()
    }

    /// Whether everything is registered with at least one server.
    ///
    /// # Errors
    /// When it is not; the text says why.
    pub fn check_registered(&self) -> Result<(), String> {
        let mut reasons = Vec::new();
        for one in self.all() {
            match one.check_registered() {
                Ok(()) => return Ok(()),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(reasons.join("; "))
    }

    /// The number of records that the servers have accepted on the present connections.
    pub fn accepted(&self) -> usize {
        self.all().map(|one| one.accepted()).sum()
    }

    /// What the servers have replied about each of these documents. A document that one server has accepted is
    /// registered.
    pub fn announced(&self, documents: &[&Document]) -> Vec<Announced> {
        let first = self.first.announced(documents);
        self.others.iter().fold(first, |found, one| {
            let other = one.announced(documents);
            found.into_iter().zip(other).map(|(one, other)| one.or(other)).collect()
        })
    }

    /// Closes the connections for good.
    pub fn close(&self) {
        self.all().for_each(|one| one.close());
    }

    /// Waits until everything is registered with each server, or it could not be reached. When one server
    /// has everything, the others are waited for a moment.
    ///
    /// # Errors
    /// When no server could be reached and there is no other source of holders, or the waiting was cancelled.
    pub fn wait(&self, cancel: &Cancel) -> Result<(), IndexError> {
        match self.wait_for_servers(cancel) {
            Err(error) if error.is_absence() && !self.sources.is_empty() => Ok(()),
            waited => waited,
        }
    }

    fn wait_for_servers(&self, cancel: &Cancel) -> Result<(), IndexError> {
        if !self.are_several() {
            return self.first.wait(cancel);
        }
        let mut registered_since = None;
        loop {
            let outcomes: Vec<_> = self.all().map(|one| one.outcome()).collect();
            let is_registered = outcomes.iter().any(|outcome| matches!(outcome, Some(Ok(()))));
            let is_known = outcomes.iter().all(Option::is_some);
            if is_registered {
                let since = *registered_since.get_or_insert_with(Instant::now);
                if is_known || since.elapsed() >= limits::OTHER_INDEXES {
                    return Ok(());
                }
            } else if is_known {
                let errors = outcomes.into_iter().flatten().filter_map(Result::err).collect();
                return Err(IndexError::of_all(errors));
            }
            if cancel.is_cancelled() {
                return Err(IndexError::Cancelled { index: self.first.index().clone() });
            }
            thread::sleep(POLL);
        }
    }

    /// Reports the present state of some documents to the servers. A server that cannot be reached gets
    /// everything after reconnecting.
    ///
    /// # Errors
    /// When no server has got it, or `cancel` is cancelled.
    pub fn update(&self, documents: &[Document], cancel: &Cancel) -> Result<(), IndexError> {
        self.any(self.connected(), |one| one.update(documents, cancel))
    }

    /// Sends a typed ADD or REMOVE to the servers, and passes one reply to `take`: that of the first one
    /// that does not refuse.
    ///
    /// # Errors
    /// When there is no reply, or `take` fails.
    pub fn ask(
        &self,
        query: Query<'_>,
        cancel: &Cancel,
        take: &mut Take<'_>,
    ) -> Result<Completeness, IndexError> {
        if !self.are_several() {
            return self.first.ask(query, cancel, take);
        }
        let mut replies: Vec<Vec<(ReplyPart, Vec<u8>)>> = Vec::new();
        self.any(self.connected(), |one| {
            let mut reply = Vec::new();
            let asked = one.ask(query, cancel, &mut |part, bytes| {
                reply.push((part, bytes.to_vec()));
                Ok(())
            });
            asked.map(|_| replies.push(reply))
        })?;
        let is_refusal =
            |reply: &&Vec<_>| matches!(reply.first(), Some((ReplyPart::Refused(_), _)));
        let chosen = replies.iter().find(|reply| !is_refusal(reply)).or(replies.first());
        for (part, bytes) in chosen.into_iter().flatten() {
            take(part.clone(), bytes).map_err(IndexError::Taker)?;
        }
        Ok(Completeness::Complete)
    }

    /// Has no other thread send a REMOVE of a document, which the user is about to remove.
    pub fn leave_to_user<'a>(&'a self, document: &'a Document) -> TypedRemoval<'a> {
        self.all().for_each(|one| one.shared().lock_ledger().leave_to_user(document, true));
        TypedRemoval { registrations: self, document }
    }

    /// Those that are connected; all, if none is. A server that is being connected to is not waited for.
    fn connected(&self) -> impl Iterator<Item = &Arc<Registration>> {
        let is_connected = self.all().any(|one| one.own().is_some());
        self.all().filter(move |one| !is_connected || one.own().is_some())
    }

    /// Does something with each of these registrations. Fails if it succeeds with none.
    fn any<'a>(
        &self,
        all: impl Iterator<Item = &'a Arc<Registration>>,
        mut act: impl FnMut(&Registration) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let (mut failure, mut has_succeeded) = (None, false);
        for one in all {
            match act(one) {
                Ok(()) => has_succeeded = true,
                Err(error @ IndexError::Cancelled { .. }) => return Err(error),
                Err(error) => {
                    // The program has reported that the server cannot be reached.
                    log::debug!("{}: {}", one.index(), error_chain(&error));
                    failure = failure.or(Some(error));
                }
            }
        }
        match failure {
            Some(error) if !has_succeeded => Err(error),
            _ => Ok(()),
        }
    }
}
