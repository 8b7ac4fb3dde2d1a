//! How many connections exist, in all and from one network (protocol.md section 7).
//!
//! When all permits are taken, a new connection gets the permit of the oldest one that has not
//! sent a request; when all of its network are taken, that of the oldest such connection of its
//! network. So idle connections cannot keep everybody else out. If there is none of these, and the new
//! connection is from a network with few, it gets the permit of one that its handler has marked as
//! idle, or as waiting for its turn, from a network with more.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::connection::Connection;
use super::scope::Scope;
use crate::counters::{Cause, Causes};
use crate::limits::Admission;
use crate::network::Network;

/// Counts connections. Clones share the count.
#[derive(Clone, Debug)]
pub struct Permits {
    counts: Arc<Mutex<Counts>>,
    admission: Admission,
    refusals: Arc<Causes>,
}

#[derive(Debug, Default)]
struct Counts {
    /// The largest number of connections.
    most: usize,
    /// The largest number of connections from one network.
    per_network: usize,
    /// The connections that have a permit, by their numbers.
    held: HashMap<u64, Network>,
    /// Only scopes with a connection, so that it has at most two entries for each.
    per_scope: HashMap<Scope, InScope>,
    /// The connections that have not yet sent a request, the oldest first.
    silent: BTreeMap<u64, Silent>,
    /// The connections that may be closed for others, by their numbers.
    yielding: BTreeMap<u64, Yielding>,
    /// Connections that have lost their permits while their threads have not yet ended.
    ending: usize,
}

#[derive(Debug, Default)]
struct InScope {
    connections: usize,
    /// Those that have not yet sent a request.
    silent: BTreeSet<u64>,
}

#[derive(Debug)]
struct Silent {
    since: Instant,
    stream: Arc<Connection>,
}

/// A connection that may be closed for one of another network.
#[derive(Debug)]
struct Yielding {
    is_idle: bool,
    stream: Arc<Connection>,
}

/// A new connection that needs a permit.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// Its number, which no other connection of these permits has.
    pub number: u64,
    /// Where it comes from.
    pub address: IpAddr,
    /// The connection.
    pub stream: &'a Arc<Connection>,
}

/// A permit, and the connection that lost its own permit for it.
#[derive(Debug)]
pub struct Taken {
    /// The permit of the new connection.
    pub permit: Permit,
    /// The caller has to close this connection.
    pub evicted: Option<Evicted>,
}

/// A connection that has lost its permit.
#[derive(Debug)]
pub struct Evicted {
    /// The connection.
    pub stream: Arc<Connection>,
    /// Whether all requests of the other side were answered, so that it does not wait for a reply.
    pub is_idle: bool,
}

impl Permits {
    /// Permits for at most this many connections in all. An IPv6 network of
    /// 48 bits may have [`NETWORKS_PER_SITE`](crate::limits::NETWORKS_PER_SITE) times as many. Loopback is exempt from the
    /// limits per network.
    pub fn new(most: usize, admission: Admission) -> Self {
        let per_network = admission.per_network;
        let counts = Counts { most, per_network, ..Counts::default() };
        Self { counts: Arc::new(Mutex::new(counts)), admission, refusals: Arc::default() }
    }

    /// Sets other limits: in all, and per network. Connections that exist keep their permits.
    pub fn set_limits(&self, most: usize, per_network: usize) {
        let mut counts = self.lock();
        (counts.most, counts.per_network) = (most, per_network);
    }

    /// Which connections are admitted.
    pub(super) fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Takes a permit, which is returned when it is dropped.
    ///
    /// # Errors
    /// When all are taken, or all that one network may have.
    pub fn take(&self, newcomer: Newcomer<'_>) -> Result<Taken, NoPermit> {
        self.take_at(newcomer, Instant::now())
    }

    fn take_at(&self, newcomer: Newcomer<'_>, now: Instant) -> Result<Taken, NoPermit> {
        let Newcomer { number, address, stream } = newcomer;
        let network = Network::of(address);
        let mut counts = self.lock();
        let mut evicted = None;
        for scope in Scope::of(network) {
            let most = scope.limit(counts.per_network);
            let Some(in_scope) = counts.per_scope.get(&scope) else { continue };
            if in_scope.connections < most {
                continue;
            }
            // One less in the network is one less in its site, too.
            let oldest = in_scope.silent.first().copied();
            evicted =
                Some(counts.evict_silent(&self.admission, oldest, now).ok_or(match scope {
                    Scope::Network(_) => NoPermit::OfNetwork(most),
                    Scope::Site(_) => NoPermit::OfSite(most),
                })?);
        }
        if counts.held.len() >= counts.most {
            let oldest = counts.silent.first_key_value().map(|(number, _)| *number);
            let next = counts
                .evict_silent(&self.admission, oldest, now)
                .or_else(|| counts.evict_yielding(&self.admission, network));
            evicted = Some(next.ok_or(NoPermit::InAll(counts.most))?);
        }
        counts.held.insert(number, network);
        for scope in Scope::of(network) {
            let in_scope = counts.per_scope.entry(scope).or_default();
            in_scope.connections += 1;
            in_scope.silent.insert(number);
        }
        counts.silent.insert(number, Silent { since: now, stream: Arc::clone(stream) });
        Ok(Taken { permit: Permit { permits: self.clone(), number }, evicted })
    }

    /// Records that this connection has sent a request: it keeps its permit until it ends.
    pub fn request_received(&self, number: u64) {
        self.lock().end_silence(number);
    }

    /// While the result exists, the connection may be closed to admit one of a network with fewer
    /// connections. `is_idle`: all of its requests were answered; else its first request waits.
    pub fn offer_eviction<'a>(
        &'a self,
        number: u64,
        stream: &Arc<Connection>,
        is_idle: bool,
    ) -> Evictable<'a> {
        let yielding = Yielding { is_idle, stream: Arc::clone(stream) };
        self.lock().yielding.insert(number, yielding);
        Evictable { permits: self, number }
    }

    /// The number of permits: the largest number of concurrent connections.
    pub fn most(&self) -> usize {
        self.lock().most
    }

    /// Counts of refused connections, and of whatever else the service refuses.
    pub fn refusals(&self) -> &Causes {
        &self.refusals
    }

    /// The number of permits in use.
    pub fn taken(&self) -> usize {
        self.lock().held.len()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A change consists of insertions and removals that cannot panic.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    /// Takes the permit of a connection that has not sent a request, if it has had the time for one.
    fn evict_silent(
        &mut self,
        admission: &Admission,
        number: Option<u64>,
        now: Instant,
    ) -> Option<Evicted> {
        let number = number?;
        let since = self.silent.get(&number)?.since;
        let is_old = now.saturating_duration_since(since) >= admission.silent_time;
        if !is_old || self.ending >= admission.evicted {
            return None;
        }
        let Silent { stream, .. } = self.end_silence(number)?;
        self.release(number);
        self.ending += 1;
        Some(Evicted { stream, is_idle: false })
    }

    /// Takes the permit of a connection from the network, or the IPv6 site, with the most connections,
    /// if it has at least two more than the network of the new connection. Idle connections are taken
    /// first, the newest before others.
    fn evict_yielding(&mut self, admission: &Admission, newcomer: Network) -> Option<Evicted> {
        if self.yielding.is_empty() || self.ending >= admission.evicted {
            return None;
        }
        let mut connections: HashMap<Network, usize> = HashMap::new();
        for network in self.held.values() {
            *connections.entry(network.site_or_self()).or_default() += 1;
        }
        let count =
            |network: Network| connections.get(&network.site_or_self()).copied().unwrap_or(0);
        let least = count(newcomer).saturating_add(2);
        let all = self.yielding.iter().filter_map(|(number, yielding)| {
            let network = self.held.get(number)?;
            Some((count(*network), yielding.is_idle, *number))
        });
        let (_, _, number) = all.filter(|(count, ..)| *count >= least).max()?;
        let Yielding { is_idle, stream } = self.yielding.remove(&number)?;
        self.release(number);
        self.ending += 1;
        Some(Evicted { stream, is_idle })
    }

    fn end_silence(&mut self, number: u64) -> Option<Silent> {
        let silent = self.silent.remove(&number)?;
        if let Some(network) = self.held.get(&number) {
            for scope in Scope::of(*network) {
                if let Some(in_scope) = self.per_scope.get_mut(&scope) {
                    in_scope.silent.remove(&number);
                }
            }
        }
        Some(silent)
    }

    /// Whether this connection had a permit.
    fn release(&mut self, number: u64) -> bool {
        let Some(network) = self.held.remove(&number) else { return false };
        for scope in Scope::of(network) {
            if let Some(in_scope) = self.per_scope.get_mut(&scope) {
                in_scope.connections = in_scope.connections.saturating_sub(1);
                if in_scope.connections == 0 {
                    self.per_scope.remove(&scope);
                }
            }
        }
        true
    }
}

/// A limit is reached.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NoPermit {
    /// All connections are in use.
    #[error("connection limit ({0}) reached")]
    InAll(usize),
    /// One network has as many as it may have.
    #[error("connection limit of one address or /64 network ({0}) reached")]
    OfNetwork(usize),
    /// One IPv6 network of 48 bits has as many as it may have.
    #[error("connection limit of one /48 network ({0}) reached")]
    OfSite(usize),
}

impl NoPermit {
    /// The limit, as it is counted.
    pub(super) fn cause(self) -> Cause {
        match self {
            Self::InAll(_) => Cause::Connections,
            Self::OfNetwork(_) => Cause::ConnectionsOfNetwork,
            Self::OfSite(_) => Cause::ConnectionsOfSite,
        }
    }
}

/// The permission to keep one connection.
#[derive(Debug)]
pub struct Permit {
    permits: Permits,
    number: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut counts = self.permits.lock();
        counts.end_silence(self.number);
        if !counts.release(self.number) {
            counts.ending = counts.ending.saturating_sub(1);
        }
    }
}

/// A connection that may be closed to admit another one, until this is dropped.
#[derive(Debug)]
pub struct Evictable<'a> {
    permits: &'a Permits,
    number: u64,
}

impl Evictable<'_> {
    /// Whether it was closed.
    pub fn is_evicted(&self) -> bool {
        !self.permits.lock().held.contains_key(&self.number)
    }
}

impl Drop for Evictable<'_> {
    fn drop(&mut self) {
        self.permits.lock().yielding.remove(&self.number);
    }
}

#[cfg(test)]
mod tests;
