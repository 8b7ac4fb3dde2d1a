//! A query for the holders of a document, which are returned as they are found.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use super::key::Key;
use super::node::{DhtError, Node};
use crate::limits;
use crate::protocol::Document;

/// By which of its keys a holder was found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FoundBy {
    /// It has announced the document itself.
    Document,
    /// It has announced the bucket of the document, and may not have it.
    Bucket,
}

/// An upload server that may have the document.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FoundHolder {
    /// Its address, as a node of the table has returned it: any node can return any address.
    pub address: SocketAddrV4,
    /// By which key it was found.
    pub by: FoundBy,
}

/// A query that runs. It ends in the background if it is dropped.
#[derive(Debug)]
pub struct Finding {
    replies: Receiver<Reply>,
    bounds: Bounds,
    waiting: Vec<FoundHolder>,
    /// Why a key was not asked for.
    failure: Option<DhtError>,
}

/// The holders that a node has returned, or the failure of a query.
type Reply = Result<(FoundBy, Vec<SocketAddrV4>), DhtError>;

/// The queries that run in this process.
static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();

struct Permit;

impl Permit {
    /// Waits for one until this time.
    fn take(until: Instant) -> Result<Self, DhtError> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        while *running >= limits::DHT_QUERIES {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(DhtError::Busy);
            }
            let waited = ENDED.wait_timeout(running, left);
            running = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *running = running.saturating_add(1);
        Ok(Self)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        *running = running.saturating_sub(1);
        ENDED.notify_one();
    }
}

impl Finding {
    /// Asks for the holders of a document. A query may wait for the end of others.
    ///
    /// # Errors
    /// When too many queries run, or a thread cannot be started.
    pub fn start(
        node: &Arc<Node>,
        document: &Document,
        limits: limits::Dht,
    ) -> Result<Self, DhtError> {
        let permit = Arc::new(Permit::take(limits::ends_after(limits.find))?);
        let (sender, replies) = channel();
        for (by, key) in
            [(FoundBy::Document, Key::of(document)), (FoundBy::Bucket, Key::of_bucket(document))]
        {
            let (node, sender, permit) = (Arc::clone(node), sender.clone(), Arc::clone(&permit));
            thread::Builder::new()
                .name("dht-find".into())
                .stack_size(limits::THREAD_STACK)
                .spawn(move || {
                    ask(&node, by, key, &sender);
                    drop(permit);
                })
                .map_err(DhtError::Thread)?;
        }
        Ok(Self { replies, bounds: Bounds::new(limits), waiting: Vec::new(), failure: None })
    }

    /// The next holder; `None` if the query has ended, or there is none before this time.
    pub fn next_before(&mut self, until: Instant) -> Option<FoundHolder> {
        loop {
            if let Some(holder) = self.waiting.pop() {
                return Some(holder);
            }
            if self.bounds.is_full() {
                return None;
            }
            let time = until.saturating_duration_since(Instant::now());
            let (by, holders) = match self.replies.recv_timeout(time).ok()? {
                Ok(reply) => reply,
                Err(error) => {
                    self.failure = Some(error);
                    continue;
                }
            };
            // A node that returns many must not fill the places of those that others return.
            let most = self.bounds.limits.holders_per_reply;
            let new = holders.into_iter().filter(|address| self.bounds.admits(*address));
            self.waiting.extend(new.take(most).map(|address| FoundHolder { address, by }));
            self.waiting.reverse();
        }
    }

    /// The holders that are found in this time. After the first one, further ones are waited for only
    /// shortly.
    ///
    /// # Errors
    /// When the table was not asked.
    pub fn all(mut self, limits: limits::Dht) -> Result<Vec<FoundHolder>, DhtError> {
        let mut until = limits::ends_after(limits.find);
        let mut found = Vec::new();
        while let Some(holder) = self.next_before(until) {
            if found.is_empty() {
                until = until.min(limits::ends_after(limits.find_more));
            }
            found.push(holder);
        }
        match self.failure {
            Some(error) if found.is_empty() => return Err(error),
            _ => {}
        }
        // Those that have announced the document itself come first.
        found.sort_by_key(|holder| holder.by == FoundBy::Bucket);
        Ok(found)
    }
}

fn ask(node: &Node, by: FoundBy, key: Key, sender: &Sender<Reply>) {
    if let Err(error) = node.ask(key, |holders| sender.send(Ok((by, holders))).is_ok()) {
        // The query may have been dropped.
        let _ = sender.send(Err(error));
    }
}

/// How many holders a query returns.
#[derive(Debug)]
struct Bounds {
    limits: limits::Dht,
    seen: HashSet<SocketAddrV4>,
    of_addresses: HashMap<Ipv4Addr, usize>,
}

impl Bounds {
    fn new(limits: limits::Dht) -> Self {
        Self { limits, seen: HashSet::new(), of_addresses: HashMap::new() }
    }

    fn is_full(&self) -> bool {
        self.seen.len() >= self.limits.holders
    }

    fn admits(&mut self, address: SocketAddrV4) -> bool {
        if self.is_full() || address.port() == 0 || self.seen.contains(&address) {
            return false;
        }
        let of_address = self.of_addresses.entry(*address.ip()).or_default();
        if *of_address >= self.limits.holders_per_address {
            return false;
        }
        *of_address = of_address.saturating_add(1);
        self.seen.insert(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_returns_many_addresses_fills_a_bounded_list() {
        let mut bounds = Bounds::new(limits::Dht::DEFAULT);
        let ports = (0..60_000).map(|port| SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), port));
        assert_eq!(ports.filter(|address| bounds.admits(*address)).count(), 16);
        let addresses = (1..60_000).map(|n| SocketAddrV4::new(Ipv4Addr::from_bits(n), 5678));
        assert_eq!(addresses.filter(|address| bounds.admits(*address)).count(), 112);
        assert!(bounds.is_full());
    }

    #[test]
    fn a_reply_with_many_addresses_does_not_fill_the_places_of_others() {
        let (sender, replies) = channel();
        let limits = limits::Dht::DEFAULT;
        let bogus = |n: u32| SocketAddrV4::new(Ipv4Addr::from_bits(n << 8 | 1), 5678);
        let honest = SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 5678);
        sender.send(Ok((FoundBy::Document, (1..2000).map(bogus).collect()))).unwrap();
        sender.send(Ok((FoundBy::Document, vec![honest]))).unwrap();
        drop(sender);
        let bounds = Bounds::new(limits);
        let finding = Finding { replies, bounds, waiting: Vec::new(), failure: None };
        let found = finding.all(limits).unwrap();
        assert_eq!(found.len(), limits.holders_per_reply + 1);
        assert!(found.iter().any(|holder| holder.address == honest), "{found:?}");
    }

    #[test]
    fn a_holder_is_returned_once_and_a_port_of_zero_never() {
        let mut bounds = Bounds::new(limits::Dht::DEFAULT);
        let address = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let admitted = [1, 0, 1, 2].map(|port| bounds.admits(address(port)));
        assert_eq!(admitted, [true, false, false, true]);
    }
}
