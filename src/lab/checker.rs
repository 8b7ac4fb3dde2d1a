//! Samples of several index servers, and lookups at each whose replies are compared with what the peers share.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::availability::{Lookup, Outcome, Sample};
use super::history::History;
use super::member::Member;
use super::servers::{Running, Servers};
use crate::library::SharedLibrary;
use crate::limits;
use crate::net::Cancel;
use crate::peer::{HolderInfo, IndexConnection, Registration, lookup};
use crate::protocol::{Document, Endpoint};

/// The distance of two documents that are looked up one after the other, so that neighbours are of other peers.
const STRIDE: usize = 7919;

/// Checks several index servers until it is dropped.
pub(super) struct Checker {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    servers: Arc<Servers>,
    history: Arc<History>,
    cancel: Cancel,
    peers: Mutex<HashMap<Endpoint, Known>>,
    seen: Mutex<(Vec<Sample>, Vec<Lookup>)>,
    /// When the network has changed last.
    changed: Mutex<Duration>,
}

/// A peer that has joined, and may have left.
struct Known {
    registration: Arc<Registration>,
    library: SharedLibrary,
    was_registered: bool,
    left: Option<Instant>,
}

impl Checker {
    /// Begins to check.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub(super) fn start(servers: Arc<Servers>, history: Arc<History>) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            servers,
            history,
            cancel: Cancel::new(),
            peers: Mutex::default(),
            seen: Mutex::default(),
            changed: Mutex::default(),
        });
        let mut checker = Self { shared, threads: Vec::new() };
        let shared = Arc::clone(&checker.shared);
        let thread = thread::Builder::new().name("lab-samples".into());
        checker.threads.push(thread.spawn(move || shared.take_samples())?);
        let servers: Vec<Endpoint> =
            checker.shared.servers.all().map(|server| server.endpoint.clone()).collect();
        for (number, server) in (1..).zip(servers) {
            let shared = Arc::clone(&checker.shared);
            let thread = thread::Builder::new().name(format!("lab-check-{number}"));
            checker.threads.push(thread.spawn(move || shared.look_up(number, server))?);
        }
        Ok(checker)
    }

    /// A peer has joined.
    pub(super) fn joined(&self, member: &Member) {
        let Ok(endpoint) = member.address.to_string().parse() else { return };
        let known = Known {
            registration: Arc::clone(&member.registration),
            library: member.library.clone(),
            was_registered: false,
            left: None,
        };
        lock(&self.shared.peers).insert(endpoint, known);
    }

    /// A peer leaves.
    pub(super) fn left(&self, member: &Member) {
        let Ok(endpoint) = member.address.to_string().parse::<Endpoint>() else { return };
        if let Some(known) = lock(&self.shared.peers).get_mut(&endpoint) {
            known.left = Some(Instant::now());
        }
    }

    /// The network of a server was cut, or connected again.
    pub(super) fn changed(&self) {
        *lock(&self.shared.changed) = self.shared.history.time();
    }

    /// Whether all peers are registered, and all connected servers have the same number of records, since the last
    /// change of the network.
    pub(super) fn is_settled(&self) -> bool {
        let changed = *lock(&self.shared.changed);
        let peers = lock(&self.shared.peers).values().filter(|known| known.left.is_none()).count();
        let connected: Vec<bool> = self.shared.servers.all().map(Running::is_connected).collect();
        let (samples, _) = &*lock(&self.shared.seen);
        samples.last().is_some_and(|sample| {
            let mut records = sample.records.iter().zip(&connected).filter(|(_, is)| **is);
            let first = records.next();
            sample.at > changed
                && sample.registered == peers
                && records.all(|(records, _)| first.is_none_or(|(first, _)| records == first))
        })
    }

    /// What was seen until now.
    pub(super) fn seen(&self) -> (Vec<Sample>, Vec<Lookup>) {
        lock(&self.shared.seen).clone()
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.shared.cancel.cancel();
        for thread in self.threads.drain(..) {
            // A panic was reported where it happened.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn take_samples(&self) {
        while !self.cancel.sleep(limits::LAB_SAMPLE) {
            let connected: Vec<Endpoint> = self
                .servers
                .all()
                .filter(|server| server.is_connected())
                .map(|server| server.endpoint.clone())
                .collect();
            let mut registered = 0;
            for known in lock(&self.peers).values_mut().filter(|known| known.left.is_none()) {
                if known.registration.check_registered().is_ok()
                    && connected.contains(&known.registration.server())
                {
                    known.was_registered = true;
                    registered += 1;
                }
            }
            let records = self.servers.all().map(|server| server.monitor.observe().records);
            let records = records.collect();
            let (samples, _) = &mut *lock(&self.seen);
            if samples.len() < limits::LAB_SAMPLES {
                samples.push(Sample { at: self.history.time(), registered, records });
            }
        }
    }

    /// Looks up one document after the other at a server.
    fn look_up(&self, server: usize, endpoint: Endpoint) {
        let index = IndexConnection::new(endpoint, None, None, Arc::default());
        index.cancel_with(&self.cancel);
        let mut turn = server;
        while !self.cancel.sleep(limits::LAB_LOOKUP) {
            turn += STRIDE;
            let Some(document) = self.listed(turn) else { continue };
            let (at, begun) = (self.history.time(), Instant::now());
            let outcome = match lookup(&index, &document, None) {
                Ok(holders) => self.outcome(&document, &holders.found, begun),
                Err(_) if self.cancel.is_cancelled() => return,
                Err(error) => {
                    log::debug!("server {server} does not answer: {error}");
                    Outcome::Unanswered
                }
            };
            let (_, lookups) = &mut *lock(&self.seen);
            if lookups.len() < limits::LAB_SAMPLES {
                lookups.push(Lookup { at, server, outcome });
            }
        }
    }

    /// A document of a peer that is here, and was registered.
    fn listed(&self, turn: usize) -> Option<Document> {
        let peers = lock(&self.peers);
        let mut here: Vec<_> = peers
            .iter()
            .filter(|(_, known)| known.left.is_none() && known.was_registered)
            .collect();
        here.sort_by_key(|(endpoint, _)| *endpoint);
        let (_, known) = here.get(turn.checked_rem(here.len())?)?;
        let library = known.library.read();
        let documents: Vec<_> = library.documents().map(|(document, _)| document.clone()).collect();
        documents.get((turn / here.len()).checked_rem(documents.len())?).cloned()
    }

    fn outcome(&self, document: &Document, found: &[HolderInfo], begun: Instant) -> Outcome {
        let peers = lock(&self.peers);
        let is_right = |holder: &HolderInfo| {
            let Some(known) = peers.get(&holder.record.holder) else { return false };
            let library = known.library.read();
            let expected = library.content(document).digest;
            let is_digest = match (holder.content.digest, expected) {
                (Some(listed), Some(expected)) => listed == expected,
                _ => true,
            };
            let is_here = known
                .left
                .is_none_or(|left| begun.saturating_duration_since(left) <= limits::LAB_STALE);
            is_here && is_digest && library.entry(document).is_some()
        };
        match found {
            [] => Outcome::Missing,
            found if found.iter().all(is_right) => Outcome::Found,
            found => {
                let wrong = found.iter().find(|holder| !is_right(holder));
                log::error!("wrong reply for {document}: {wrong:?}");
                Outcome::Wrong
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
