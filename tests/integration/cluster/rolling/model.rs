//! What each connection has added and removed, and when; and what a reply may say.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Found;

/// A change is seen within this time at all servers. It is stated as 100 ms at half of the possible rate
/// (docs/cluster.md); a machine that runs other tests is slower.
const STALE: Duration = Duration::from_secs(4);
/// A record is removed within this time after its connection was lost.
const GONE: Duration = Duration::from_secs(10);
/// Violations that are described.
const DESCRIBED: usize = 20;

/// A process of a server.
pub struct Server {
    pub address: SocketAddr,
    /// When it was told to end.
    down: OnceLock<Instant>,
}

impl Server {
    pub fn new(address: SocketAddr) -> Self {
        Self { address, down: OnceLock::new() }
    }

    pub fn goes_down(&self) {
        self.down.set(Instant::now()).unwrap();
    }

    fn is_up_until(&self, time: Instant) -> bool {
        self.down.get().is_none_or(|down| *down >= time)
    }
}

/// How a record has ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum End {
    Removed,
    /// With its connection.
    Lost,
}

/// One life of a record.
struct Life {
    server: Arc<Server>,
    add_sent: Instant,
    added: Option<Instant>,
    remove_sent: Option<Instant>,
    ended: Option<(Instant, End)>,
}

impl Life {
    /// A reply to a request in this time must list the record.
    fn must_be_listed(&self, begun: Instant, ended: Instant) -> bool {
        self.added.is_some_and(|added| added + STALE <= begun)
            && self.remove_sent.is_none_or(|sent| sent >= ended)
            && self.ended.is_none_or(|(at, _)| at >= ended)
            && self.server.is_up_until(ended)
    }

    /// A reply to a request in this time may list the record.
    fn may_be_listed(&self, begun: Instant, ended: Instant) -> bool {
        let is_gone = self.ended.is_some_and(|(at, end)| match end {
            End::Removed => at + STALE < begun,
            End::Lost => at + GONE < begun,
        });
        self.add_sent <= ended && !is_gone
    }
}

/// The lives of each document of each peer.
pub struct Model {
    peers: Vec<Mutex<Vec<Vec<Life>>>>,
    documents: usize,
    begun: Instant,
    losses: AtomicUsize,
    violations: Mutex<Vec<String>>,
}

impl Model {
    pub fn new(peers: usize, documents: usize) -> Self {
        let peer = || Mutex::new((0..documents).map(|_| Vec::new()).collect());
        Self {
            peers: (0..peers).map(|_| peer()).collect(),
            documents,
            begun: Instant::now(),
            losses: AtomicUsize::new(0),
            violations: Mutex::default(),
        }
    }

    pub fn documents(&self) -> usize {
        self.documents
    }

    /// How many connections were lost.
    pub fn losses(&self) -> usize {
        self.losses.load(Ordering::Relaxed)
    }

    pub fn adding(&self, peer: usize, document: usize, server: &Arc<Server>) {
        let (server, add_sent) = (Arc::clone(server), Instant::now());
        let life = Life { server, add_sent, added: None, remove_sent: None, ended: None };
        self.peers[peer].lock().unwrap()[document].push(life);
    }

    pub fn added(&self, peer: usize, document: usize) {
        self.last(peer, document, |life| life.added = Some(Instant::now()));
    }

    pub fn removing(&self, peer: usize, document: usize) {
        self.last(peer, document, |life| life.remove_sent = Some(Instant::now()));
    }

    pub fn ended(&self, peer: usize, document: usize, end: End) {
        self.last(peer, document, |life| life.ended = Some((Instant::now(), end)));
    }

    /// The connection of a peer is lost, and thereby all its records.
    pub fn lost(&self, peer: usize) {
        self.losses.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let mut documents = self.peers[peer].lock().unwrap();
        for life in documents.iter_mut().filter_map(|lives| lives.last_mut()) {
            life.ended.get_or_insert((now, End::Lost));
        }
    }

    fn last(&self, peer: usize, document: usize, change: impl FnOnce(&mut Life)) {
        change(self.peers[peer].lock().unwrap()[document].last_mut().unwrap());
    }

    /// Waits until all peers have added all documents once.
    pub fn wait_until_complete(&self, patience: Duration) {
        let is_added = |lives: &Vec<Life>| lives.iter().any(|life| life.added.is_some());
        while !self.peers.iter().all(|peer| peer.lock().unwrap().iter().all(is_added)) {
            assert!(self.begun.elapsed() < patience);
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Compares a reply: of one document, or of all.
    pub fn check(
        &self,
        server: usize,
        document: Option<usize>,
        found: &[Found],
        begun: Instant,
        ended: Instant,
    ) {
        let listed: HashSet<Found> = found.iter().copied().collect();
        if listed.len() != found.len() {
            self.violation(format!("the server {server} lists a record twice: {found:?}"));
        }
        let documents = document.map_or(0..self.documents, |document| document..document + 1);
        for (number, peer) in self.peers.iter().enumerate() {
            let peer = peer.lock().unwrap();
            for document in documents.clone() {
                let lives = &peer[document];
                let is_listed = listed.contains(&(number, document));
                let wrong = match is_listed {
                    true if !lives.iter().any(|life| life.may_be_listed(begun, ended)) => {
                        "lists a record that is gone"
                    }
                    false if lives.iter().any(|life| life.must_be_listed(begun, ended)) => {
                        "does not list a record"
                    }
                    _ => continue,
                };
                let (asked, history) = (self.time(begun), self.history(lives));
                let replied = self.time(ended);
                self.violation(format!(
                    "the server {server} {wrong}: document {document} of peer {number}, asked {asked}, \
                     replied {replied}; {history}"
                ));
            }
        }
    }

    /// Differences between a list and what the peers have now.
    pub fn differences(&self, found: &[Found]) -> Vec<String> {
        let listed: HashSet<Found> = found.iter().copied().collect();
        let mut differences = Vec::new();
        for (number, peer) in self.peers.iter().enumerate() {
            for (document, lives) in peer.lock().unwrap().iter().enumerate() {
                let exists = lives.iter().any(|life| life.added.is_some() && life.ended.is_none());
                if exists != listed.contains(&(number, document)) && differences.len() < DESCRIBED {
                    let history = self.history(lives);
                    differences.push(format!("document {document} of peer {number}: {history}"));
                }
            }
        }
        differences
    }

    pub fn violations(&self) -> Vec<String> {
        std::mem::take(&mut *self.violations.lock().unwrap())
    }

    fn violation(&self, what: String) {
        let mut violations = self.violations.lock().unwrap();
        if violations.len() < DESCRIBED {
            violations.push(what);
        }
    }

    fn history(&self, lives: &[Life]) -> String {
        let life = |life: &Life| {
            let Life { server, add_sent, added, remove_sent, ended } = life;
            let time = |at: &Option<Instant>| at.map(|at| self.time(at));
            format!(
                "at {} ADD {} replied {:?} REMOVE {:?} ended {:?}",
                server.address.port(),
                self.time(*add_sent),
                time(added),
                time(remove_sent),
                ended.map(|(at, end)| (self.time(at), end)),
            )
        };
        lives.iter().rev().take(4).map(life).collect::<Vec<String>>().join(", before ")
    }

    /// Seconds since the start.
    fn time(&self, at: Instant) -> String {
        format!("{:.3}", at.duration_since(self.begun).as_secs_f64())
    }
}
