//! Nodes of one network in this process: announcing, finding, and finding after 30 % have left.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use p2p_ci::dht::{Bootstrap, Finding, Key, Node, NodeConfig, Role};
use p2p_ci::limits;
use p2p_ci::protocol::Document;
use serde_json::json;

use super::traffic::sent;
use crate::common::output::print_line;
use crate::run::samples::{Latencies, Random};

const LIMITS: limits::Dht = limits::Dht::DEFAULT;
/// Nodes that are started, documents that are announced, and queries, at the same time.
const AT_ONCE: usize = 16;
/// A key is announced again after 20 to 25 minutes.
const ANNOUNCEMENTS_PER_HOUR: f64 = 60.0 / 22.5;

fn figure(work: &str, figure: f64, unit: &str) {
    print_line(json!({ "work": work, "figure": figure, "unit": unit }));
}

/// Each node has an address of its own: a node knows few nodes of one address.
fn address(number: usize) -> SocketAddrV4 {
    let [_, _, high, low] = (number as u32 + 1).to_be_bytes();
    SocketAddrV4::new(Ipv4Addr::new(127, 1, high, low), 7734)
}

fn start(number: usize) -> io::Result<Arc<Node>> {
    let bootstrap = if number == 0 { Vec::new() } else { vec![address(0)] };
    let bootstrap = Bootstrap::Nodes(bootstrap);
    Node::start(NodeConfig { listen: address(number), bootstrap, role: Role::Member }).map(Arc::new)
}

/// Does something with each number below a bound, several at the same time, and returns the results in order.
fn each<T: Send>(count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return done;
            }
            done.push((number, work(number)));
        }
    };
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(take)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, result)| result).collect()
}

/// The document with a number from 0.
fn document(number: usize) -> io::Result<Document> {
    (number + 1).to_string().parse().map(Document::Rfc).map_err(io::Error::other)
}

/// Which nodes leave.
#[derive(Clone, Copy)]
enum Leaving {
    /// Any, the bootstrap node among them.
    Any,
    /// Those that have joined first.
    Oldest,
}

/// Measures: the size (`full` or `quick`) and the seed are arguments.
pub(crate) fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    let is_quick = arguments.first().is_some_and(|size| size == "quick");
    let seed = arguments.get(1).and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let (nodes, documents, idle) = match is_quick {
        true => (60, 30, 0),
        // The nodes look after their tables every 5 minutes.
        false => (1000, 500, 330),
    };
    let mut random = Random::new(seed);
    let begun = Instant::now();
    let network = join(nodes)?;
    figure("nodes", network.len() as f64, "");
    figure("all nodes have joined after", begun.elapsed().as_secs_f64(), "s");
    if idle > 0 {
        let (before, begun) = (sent()?, Instant::now());
        thread::sleep(Duration::from_secs(idle));
        let hours = begun.elapsed().as_secs_f64() / 3600.0;
        let of_node = (sent()? - before) as f64 / nodes as f64 / hours;
        figure("traffic of a node without documents, per hour", of_node, "bytes");
    }
    leave(network, documents, Leaving::Any, &mut random)?;
    leave(join(nodes)?, documents, Leaving::Oldest, &mut random)
}

/// Looks for documents in a network before and after 30 % of its nodes leave at the same time.
fn leave(
    mut network: Vec<Arc<Node>>,
    documents: usize,
    leaving: Leaving,
    random: &mut Random,
) -> io::Result<()> {
    let when = match leaving {
        Leaving::Any => " after any 30 % have left",
        Leaving::Oldest => " after the oldest 30 % have left",
    };
    if let Leaving::Any = leaving {
        // The first node, which leaves, stays the first one.
        for at in (2..network.len()).rev() {
            network.swap(at, 1 + random.below(at));
        }
    }
    let announced = announce(&network, documents)?;
    if let Leaving::Any = leaving {
        announced.report();
        look_for(&network, documents, random)?.report("");
    }
    drop(network.drain(..network.len() * 3 / 10));
    look_for(&network, documents, random)?.report(when);
    Ok(())
}

/// Starts the nodes, and waits until each knows another one.
fn join(count: usize) -> io::Result<Vec<Arc<Node>>> {
    let mut network = vec![start(0)?];
    for node in each(count - 1, |number| start(number + 1)) {
        network.push(node?);
    }
    let deadline = Instant::now() + Duration::from_secs(120);
    for node in &network {
        while node.known_nodes().is_ok_and(|known| known == 0) {
            if Instant::now() >= deadline {
                return Err(io::Error::other(format!("{} knows no other node", node.address())));
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
    Ok(network)
}

/// What announcing documents has taken.
struct Announced {
    documents: usize,
    stored: usize,
    bytes: u64,
    time: Duration,
}

/// Announces documents, one by each of the last nodes, which stay.
fn announce(network: &[Arc<Node>], documents: usize) -> io::Result<Announced> {
    let (before, begun) = (sent()?, Instant::now());
    let announced = each(documents, |number| -> io::Result<bool> {
        let key = Key::of(&document(number)?);
        let Some(node) = network.get(network.len() - 1 - number) else { return Ok(false) };
        // It is tried again, as by a peer.
        Ok((0..3).any(|_| node.announce(key, 5678).is_ok()))
    });
    let stored = announced.into_iter().filter(|stored| matches!(stored, Ok(true))).count();
    Ok(Announced { documents, stored, bytes: sent()? - before, time: begun.elapsed() })
}

impl Announced {
    fn report(&self) {
        let documents = self.documents as f64;
        let each = self.bytes as f64 / documents;
        figure("documents that were announced", self.stored as f64, "");
        let rate = documents / self.time.as_secs_f64();
        figure("announcements per second, 16 at a time", rate, "");
        figure("traffic of an announcement", each, "bytes");
        figure("traffic of a shared document, per hour", each * ANNOUNCEMENTS_PER_HOUR, "bytes");
    }
}

/// The results of queries.
struct Asked {
    documents: usize,
    times: Latencies,
    bytes: u64,
}

/// Looks for each document at a node that is chosen at random.
fn look_for(network: &[Arc<Node>], documents: usize, random: &mut Random) -> io::Result<Asked> {
    let chosen: Vec<usize> = (0..documents).map(|_| random.below(network.len())).collect();
    let before = sent()?;
    let found = each(documents, |number| -> io::Result<Option<Duration>> {
        let node = chosen.get(number).and_then(|at| network.get(*at));
        let Some(node) = node else { return Ok(None) };
        let begun = Instant::now();
        let finding = Finding::start(node, &document(number)?, LIMITS);
        let mut finding = finding.map_err(io::Error::other)?;
        let holder = finding.next_before(begun + LIMITS.find);
        Ok(holder.map(|_| begun.elapsed()))
    });
    let times = found.into_iter().filter_map(|found| found.ok().flatten()).collect();
    // Queries go on for a while after the first holder.
    thread::sleep(Duration::from_secs(3));
    Ok(Asked { documents, times: Latencies::of(times), bytes: sent()? - before })
}

impl Asked {
    fn report(&self, when: &str) {
        let Self { documents, times, bytes } = self;
        let documents = *documents as f64;
        figure(&format!("documents found{when}"), times.count() as f64 * 100.0 / documents, "%");
        for percent in [50.0, 99.0] {
            let time = times.percentile(percent).as_secs_f64() * 1e3;
            figure(&format!("first holder{when}, p{percent}"), time, "ms");
        }
        figure(&format!("traffic of a query{when}"), *bytes as f64 / documents, "bytes");
    }
}
