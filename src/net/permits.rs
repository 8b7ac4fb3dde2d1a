//! How many connections exist, in all and from one network.
//!
//! When all permits are taken, a new connection gets the permit of the oldest one that has not
//! sent a request; when all of its network are taken, that of the oldest such connection of its
//! network. So idle connections cannot keep everybody else out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::scope::Scope;
use crate::limits;
use crate::network::Network;

/// Counts connections. Cloning it shares the count.
#[derive(Clone, Debug)]
pub struct Permits {
    counts: Arc<Mutex<Counts>>,
    most: usize,
    most_per_network: usize,
}

#[derive(Debug, Default)]
struct Counts {
    /// The connections that have a permit, by their numbers.
    held: HashMap<u64, Network>,
    /// Only scopes with a connection, so that it has at most two entries for each.
    per_scope: HashMap<Scope, InScope>,
    /// The connections that have not yet sent a request, the oldest first.
    silent: BTreeMap<u64, Silent>,
    /// Connections that have lost their permits, and whose threads have not yet ended.
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
    stream: Arc<TcpStream>,
}

/// A connection, as [`Permits::take`] has to know it.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer<'a> {
    /// Its number, which no other connection of these permits has.
    pub number: u64,
    /// Where it comes from.
    pub address: IpAddr,
    /// Its socket.
    pub stream: &'a Arc<TcpStream>,
}

/// A permit, and the connection that had to give its own permit up for it.
#[derive(Debug)]
pub struct Taken {
    /// The permit of the new connection.
    pub permit: Permit,
    /// The caller has to close this connection.
    pub evicted: Option<Arc<TcpStream>>,
}

impl Permits {
    /// Permits for at most this many connections in all and from one network. An IPv6 network of
    /// 48 bits may have [`limits::NETWORKS_PER_SITE`] times as many. Loopback is exempt from the
    /// limits per network.
    pub fn new(most: usize, most_per_network: usize) -> Self {
        Self { counts: Arc::default(), most, most_per_network }
    }

    /// A permit, as long as there is one; it is given back when it is dropped.
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
            let most = scope.limit(self.most_per_network);
            let Some(in_scope) = counts.per_scope.get(&scope) else { continue };
            if in_scope.connections < most {
                continue;
            }
            // One less in the network is one less in its site, too.
            let oldest = in_scope.silent.first().copied();
            evicted = Some(counts.evict_silent(oldest, now).ok_or(match scope {
                Scope::Network(_) => NoPermit::OfNetwork(most),
                Scope::Site(_) => NoPermit::OfSite(most),
            })?);
        }
        if counts.held.len() >= self.most {
            let oldest = counts.silent.first_key_value().map(|(number, _)| *number);
            evicted = Some(counts.evict_silent(oldest, now).ok_or(NoPermit::InAll(self.most))?);
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

    /// The connection of this number has sent a request: it keeps its permit until it ends.
    pub fn has_asked(&self, number: u64) {
        self.lock().end_silence(number);
    }

    /// The number of permits: the largest number of concurrent connections.
    pub fn most(&self) -> usize {
        self.most
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
    fn evict_silent(&mut self, number: Option<u64>, now: Instant) -> Option<Arc<TcpStream>> {
        let number = number?;
        let since = self.silent.get(&number)?.since;
        let is_old = now.saturating_duration_since(since) >= limits::SILENT_TIME;
        if !is_old || self.ending >= limits::EVICTED {
            return None;
        }
        let Silent { stream, .. } = self.end_silence(number)?;
        self.release(number);
        self.ending += 1;
        Some(stream)
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

/// The right to one connection.
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

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// Some connection.
    fn stream() -> Arc<TcpStream> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Arc::new(TcpStream::connect(listener.local_addr().unwrap()).unwrap())
    }

    /// Takes permits for connections that are numbered as they come.
    struct Taker {
        permits: Permits,
        stream: Arc<TcpStream>,
        next: u64,
        now: Instant,
    }

    impl Taker {
        fn new(permits: Permits) -> Self {
            Self { permits, stream: stream(), next: 0, now: Instant::now() }
        }

        fn take(&mut self, address: &str) -> Result<Taken, NoPermit> {
            let (number, address) = (self.next, address.parse().unwrap());
            self.next += 1;
            self.permits.take_at(Newcomer { number, address, stream: &self.stream }, self.now)
        }
    }

    #[test]
    fn permits_are_counted_in_all_and_per_address() {
        let mut taker = Taker::new(Permits::new(3, 2));
        let first = taker.take("192.0.2.1");
        let second = taker.take("::ffff:192.0.2.1");
        assert!(first.is_ok() && second.is_ok());
        assert_eq!(taker.take("192.0.2.1").err(), Some(NoPermit::OfNetwork(2)));
        let third = taker.take("192.0.2.2");
        assert!(third.is_ok());
        assert_eq!(taker.take("192.0.2.3").err(), Some(NoPermit::InAll(3)));
        drop(first);
        assert!(taker.take("192.0.2.1").is_ok());
        drop((second, third));
        assert_eq!(taker.permits.taken(), 0);
        let counts = taker.permits.lock();
        assert!(counts.per_scope.is_empty() && counts.silent.is_empty() && counts.ending == 0);
    }

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_site_has_a_wider_limit() {
        let mut taker = Taker::new(Permits::new(1000, 2));
        let mut taken = Vec::new();
        for interface in 0..2 {
            taken.push(taker.take(&format!("2001:db8:1:2::{interface}")).unwrap());
        }
        assert_eq!(taker.take("2001:db8:1:2:ffff::1").err(), Some(NoPermit::OfNetwork(2)));
        for network in 3..9 {
            taken.push(taker.take(&format!("2001:db8:1:{network}::1")).unwrap());
        }
        assert_eq!(taker.take("2001:db8:1:77::1").err(), Some(NoPermit::OfSite(8)));
        assert!(taker.take("2001:db8:2:77::1").is_ok());
        drop(taken);
        assert!(taker.permits.lock().per_scope.is_empty());
    }

    #[test]
    fn loopback_has_no_limit_per_address() {
        let mut taker = Taker::new(Permits::new(3, 1));
        let taken: Vec<_> = (0..3).map(|_| taker.take("127.0.0.1")).collect();
        assert!(taken.iter().all(Result::is_ok));
        assert_eq!(taker.take("::1").err(), Some(NoPermit::InAll(3)));
    }

    #[test]
    fn the_oldest_silent_connection_gives_way_when_all_permits_are_taken() {
        let mut taker = Taker::new(Permits::new(2, 2));
        let asking = taker.take("192.0.2.1").unwrap();
        taker.permits.has_asked(0);
        let silent = taker.take("192.0.2.2").unwrap();
        assert!(taker.take("192.0.2.3").is_err(), "it has not had the time for a request");
        taker.now += limits::SILENT_TIME;
        let third = taker.take("192.0.2.3").unwrap();
        assert!(third.evicted.is_some());
        assert_eq!(taker.permits.taken(), 2);
        assert!(taker.take("192.0.2.4").is_err(), "the next one is new");
        drop(silent);
        assert_eq!((taker.permits.taken(), taker.permits.lock().ending), (2, 0));
        drop((asking, third));
        assert_eq!(taker.permits.taken(), 0);
        assert!(taker.permits.lock().per_scope.is_empty());
    }

    /// Silent connections of one machine kept the others behind its address out.
    #[test]
    fn silent_connections_of_a_network_give_way_to_others_of_it() {
        for others in [["192.0.2.1"; 3], ["2001:db8::1", "2001:db8::2", "2001:db8::3"]] {
            let mut taker = Taker::new(Permits::new(1000, 2));
            let elsewhere = taker.take("192.0.2.99").unwrap();
            let asking = taker.take(others[0]).unwrap();
            taker.permits.has_asked(1);
            let silent = taker.take(others[1]).unwrap();
            assert!(taker.take(others[2]).is_err(), "it has not had the time for a request");
            taker.now += limits::SILENT_TIME;
            let third = taker.take(others[2]).unwrap();
            assert!(third.evicted.is_some());
            taker.permits.has_asked(4);
            taker.now += limits::SILENT_TIME;
            assert!(taker.take(others[0]).is_err(), "none of the network is silent");
            drop((elsewhere, asking, silent, third));
            let counts = taker.permits.lock();
            assert!(counts.per_scope.is_empty() && counts.silent.is_empty() && counts.ending == 0);
        }
    }

    #[test]
    fn few_evicted_connections_are_ending_at_the_same_time() {
        let mut taker = Taker::new(Permits::new(1000, 1));
        let silent: Vec<_> = (0..1000).map(|_| taker.take("127.0.0.1").unwrap()).collect();
        taker.now += limits::SILENT_TIME;
        let mut taken = Vec::new();
        while let Ok(next) = taker.take("127.0.0.1") {
            taken.push(next);
        }
        assert_eq!(taken.len(), limits::EVICTED);
        drop(silent);
        assert!(taker.take("127.0.0.1").is_ok());
    }
}
