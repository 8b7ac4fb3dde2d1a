//! Queries to an index server: one at a time on a connection (protocol.md section 3.4).
//!
//! The connection is replaced when the next bytes on it may not be the next reply. A request to an
//! unknown server is written in one segment, and the next one waits for its reply.

mod exchange;
mod pipeline;
mod unsolicited;

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::cancels::Cancels;
use super::clusters::KnownServer;
use super::form_trial::try_forms;
use super::index_dialect::IndexDialect;
use super::index_error::IndexError;
use super::index_link::Link;
use super::index_replies::Between;
use super::listed::{Completeness, ListCache};
use super::query::{AskIndex, Query};
use crate::escape::excerpt;
use crate::net::{AddressPolicy, Cancel, Dialer, Interface, Provenance};
use crate::protocol::dialect::{FormFailure, RequestForm};
use crate::protocol::{Document, Endpoint, Host, Port, ReplyPart};

/// Sends queries to one index. It connects when the first query is sent.
#[derive(Debug)]
pub struct IndexConnection {
    index: Endpoint,
    provenance: Provenance,
    host: Option<Host>,
    port: Option<Port>,
    dialect: Arc<IndexDialect>,
    interface: Interface,
    dialer: Dialer,
    /// The connection, while no request is outstanding on it.
    open: Mutex<Option<Open>>,
    /// The endpoint of this peer and the address of the index on the last connection.
    ends: Mutex<Option<(Endpoint, SocketAddr)>>,
    list: ListCache,
    cancels: Cancels,
}

#[derive(Debug)]
struct Open {
    link: Link,
    between: Between,
    /// The last reply on it.
    last: Last,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Last {
    /// None. Other implementations may have sent a greeting.
    None,
    Found,
    /// Some servers send several refusals for one request.
    Refused,
}

/// How an exchange ended that did not fail.
enum Exchange {
    Done(Completeness),
    /// The server has answered 505, and requests have other line ends now.
    OtherVersion,
    /// The server has answered 400, perhaps because of the form of the request.
    OtherForm,
}

impl IndexConnection {
    /// Creates a client of this index, which is not connected. Without `host` the host of this peer is
    /// found out; `port` is the port of its upload server, if it has one.
    pub fn new(
        index: Endpoint,
        host: Option<Host>,
        port: Option<Port>,
        dialect: Arc<IndexDialect>,
    ) -> Self {
        let (open, ends, list) = (Mutex::default(), Mutex::default(), ListCache::default());
        let dialer = Dialer::new(AddressPolicy::default(), dialect.limits().connecting);
        let cancels = Cancels::new(Cancel::new());
        let (provenance, interface) = (Provenance::User, Interface::default());
        Self {
            index,
            provenance,
            host,
            port,
            dialect,
            interface,
            dialer,
            open,
            ends,
            list,
            cancels,
        }
    }

    /// The same for a server whose name has this provenance.
    #[must_use]
    pub fn named_by(self, provenance: Provenance) -> Self {
        Self { provenance, ..self }
    }

    /// Queries of the same peer to another server.
    pub(super) fn to_other(&self, server: &KnownServer) -> Self {
        let KnownServer { endpoint, provenance, dialect } = server;
        Self::new(endpoint.clone(), self.host.clone(), self.port, Arc::clone(dialect))
            .on(self.interface.clone())
            .named_by(*provenance)
    }

    /// The server, and what it has shown.
    pub(super) fn known(&self) -> KnownServer {
        let (endpoint, dialect) = (self.index.clone(), Arc::clone(&self.dialect));
        KnownServer { endpoint, provenance: self.provenance, dialect }
    }

    /// The same for a peer with this interface.
    #[must_use]
    pub fn on(self, interface: Interface) -> Self {
        let connecting = *self.dialer.limits();
        let dialer = Dialer::on(interface.clone(), AddressPolicy::default(), connecting);
        Self { dialer, interface, ..self }
    }

    /// The endpoint that this peer names in its requests; `None` before the first connection.
    pub fn own(&self) -> Option<Endpoint> {
        lock(&self.ends).as_ref().map(|(own, _)| own.clone())
    }

    /// Lets this handle cancel the requests that are sent from now on: the connection is closed, and
    /// the request fails.
    pub fn cancel_with(&self, cancel: &Cancel) {
        self.cancels.replace(cancel);
    }

    /// The handle that cancels the requests.
    pub fn cancel(&self) -> Cancel {
        self.cancels.all()
    }

    /// Cancels the requests to this server, until [`Self::resume`] is called.
    pub(super) fn give_up(&self) {
        self.cancels.own().cancel();
    }

    /// Permits requests again after [`Self::give_up`].
    pub(super) fn resume(&self) {
        self.cancels.resume();
    }

    /// Closes the connection and drops what was listed on it; the next request makes a new one.
    pub fn close(&self) {
        let open = lock(&self.open).take();
        // A connection without a request may hold a greeting.
        let open = open.filter(|open| open.last != Last::None);
        if let Some(found) = open.and_then(|mut open| open.unsolicited(None)) {
            self.report(&found, "closed");
        }
        self.list.clear();
    }

    /// Connects, unless there is a connection. Returns the address of the index.
    pub(super) fn connect_if_closed(&self) -> Result<SocketAddr, IndexError> {
        let here = lock(&self.open).as_ref().map(|open| open.link.address);
        if let Some(address) = here {
            return Ok(address);
        }
        let open = self.open()?;
        let address = open.link.address;
        *lock(&self.open) = Some(open);
        Ok(address)
    }

    fn open(&self) -> Result<Open, IndexError> {
        let link = self.connect(self.dialect.form())?;
        let between = Between::of_new(&self.dialect, link.form);
        Ok(Open { link, between, last: Last::None })
    }

    fn try_forms(&self, failed: RequestForm, failure: FormFailure) -> Result<(), IndexError> {
        let connect = |form| self.connect(form);
        try_forms(&self.dialect, &connect, &self.cancels.own(), Some(failed), failure)
    }

    fn connect(&self, form: RequestForm) -> Result<Link, IndexError> {
        let Self { dialer, index, provenance, port, .. } = self;
        let (host, cancel) = (self.host.as_ref(), self.cancels.own());
        let link = Link::connect(dialer, index, *provenance, host, *port, form, &cancel)?;
        *lock(&self.ends) = Some((link.scoped(link.own.clone()), link.address));
        Ok(link)
    }

    /// The open connection, if the next bytes on it are the next reply.
    fn reuse(&self) -> Option<Open> {
        let mut open = lock(&self.open).take()?;
        if open.link.form != self.dialect.form() {
            return None;
        }
        let is_unknown = !self.dialect.shows_extensions();
        if open.last == Last::None && is_unknown {
            return Some(open);
        }
        let may_follow = open.last == Last::Refused && is_unknown;
        let wait = may_follow.then_some(self.dialect.limits().refusal_rest);
        let unsolicited = open.unsolicited(wait)?;
        if unsolicited.is_empty() {
            return Some(open);
        }
        self.report(&unsolicited, "replaced");
        None
    }

    /// Reports bytes that were not requested.
    fn report(&self, unsolicited: &[u8], outcome: &str) {
        let unsolicited = unsolicited.trim_ascii();
        if !unsolicited.is_empty() {
            let (index, found) = (self.index.clone(), excerpt(unsolicited));
            let error = IndexError::Unsolicited { index, found };
            log::warn!("{error}; the connection is {outcome}");
        }
    }
}

impl AskIndex for IndexConnection {
    fn ask(
        &self,
        query: Query<'_>,
        take: &mut dyn FnMut(ReplyPart, &[u8]) -> io::Result<()>,
    ) -> Result<Completeness, IndexError> {
        let begun = Instant::now();
        // After all forms have failed the first one is sent once more, for a slow server.
        let mut is_last = false;
        loop {
            let reused = self.reuse();
            let is_reused = reused.is_some();
            let open = reused.map_or_else(|| self.open(), Ok)?;
            let (form, is_probe) = (open.link.form, self.is_probe(query));
            let mut has_begun = false;
            let left = || self.dialect.limits().reply.saturating_sub(begun.elapsed());
            let time = is_last.then(|| left().max(self.dialect.limits().form_trial));
            let asked = self.exchange(open, query, time, &mut has_begun, take);
            let failure = match &asked {
                Ok(Exchange::OtherForm) => Some(FormFailure::Refusal),
                Err(error) if !has_begun => self.form_failure(query, error),
                _ => None,
            };
            let may_try =
                !self.cancels.own().is_cancelled() && (asked.is_ok() || !left().is_zero());
            match asked {
                // A cancelled request ends as if the server had closed the connection.
                Ok(Exchange::Done(completeness))
                    if !matches!(completeness, Completeness::Incomplete(_))
                        || !self.cancels.own().is_cancelled() =>
                {
                    return Ok(completeness);
                }
                Ok(Exchange::OtherVersion) => {}
                // The server may have closed the connection when it had answered before.
                Err(IndexError::Lost { .. })
                    if is_reused
                        && !has_begun
                        && query.is_harmless()
                        && !self.cancels.own().is_cancelled() => {}
                asked => {
                    if let Some(failure) = failure.filter(|_| may_try) {
                        self.try_forms(form, failure)?;
                        is_last = self.dialect.is_exhausted();
                    }
                    match asked {
                        Ok(_) if self.cancels.own().is_cancelled() => {
                            return Err(IndexError::Cancelled { index: self.index.clone() });
                        }
                        // The caller repeats the request without the header.
                        Err(
                            error @ (IndexError::Silent { .. } | IndexError::Unfinished { .. }),
                        ) if !has_begun && !is_last && is_probe => {
                            self.dialect.doubt_extensions();
                            return Err(error);
                        }
                        Err(error) if failure.is_none() || !may_try => {
                            return Err(self.dialect.with_tried_forms(error));
                        }
                        _ => {}
                    }
                }
            }
        }
    }

    fn look_up_all(
        &self,
        documents: &[&Document],
        take: &mut dyn FnMut(ReplyPart),
    ) -> Result<(), IndexError> {
        IndexConnection::look_up_all(self, documents, take)
    }

    fn server(&self) -> &Endpoint {
        &self.index
    }

    fn provenance(&self) -> Result<Provenance, IndexError> {
        if let Some((_, address)) = &*lock(&self.ends) {
            return Ok(Provenance::Index(*address));
        }
        self.connect_if_closed().map(Provenance::Index)
    }

    fn dialect(&self) -> &IndexDialect {
        &self.dialect
    }

    fn list_cache(&self) -> &ListCache {
        &self.list
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one assignment: a poisoned state is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
