//! What is seen on all connections: counts, and the exchange as lines.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::addresses;
use super::history::History;
use super::lines::{Lines, Sent};
use crate::capture::{Flags, Packet};
use crate::counted::counted;
use crate::escape::escaped;
use crate::protocol::VERSION;

/// The bytes that a peer sends are summed up in intervals of this length.
pub(super) const INTERVAL: Duration = Duration::from_millis(100);
/// Intervals that are kept: those of an hour.
const INTERVALS: usize = 36_000;
/// Lines of a reply that are shown.
const SHOWN: usize = 24;

/// Shows a line of the exchange.
type Show = Box<dyn Fn(String) + Send + Sync>;

/// Sees all packets.
pub(super) struct Observer {
    history: Arc<History>,
    show: Option<Show>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    traffic: Traffic,
    /// By the addresses of the client and of the server.
    open: HashMap<(SocketAddr, SocketAddr), Conversation>,
    /// Where peers listen, if their addresses do not show their numbers.
    listeners: HashMap<SocketAddr, usize>,
}

#[derive(Default)]
struct Conversation {
    sides: [Lines; 2],
    /// Lines of the server since the last request.
    replied: usize,
}

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Traffic {
    pub(super) connections: u64,
    /// Packets of the record: one for each write, and those that open and close connections.
    pub(super) packets: u64,
    /// Bytes that TCP has carried.
    pub(super) bytes: u64,
    pub(super) requests: BTreeMap<String, u64>,
    /// The bytes that each peer has sent as a holder, in intervals.
    pub(super) sent: BTreeMap<usize, Vec<u64>>,
}

/// What was carried until now.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) connections: u64,
    /// Packets of the record.
    pub(crate) packets: u64,
    /// Bytes that TCP has carried.
    pub(crate) bytes: u64,
}

impl Observer {
    /// Passes the lines of the exchange to `show`, if there is one.
    pub(super) fn new(history: Arc<History>, show: Option<Show>) -> Self {
        Self { history, show, state: Mutex::default() }
    }

    pub(super) fn traffic(&self) -> Traffic {
        self.lock().traffic.clone()
    }

    pub(super) fn carried(&self) -> Carried {
        let Traffic { connections, packets, bytes, .. } = self.lock().traffic;
        Carried { connections, packets, bytes }
    }

    /// A peer listens at this address; 0 is the index server.
    pub(super) fn listens(&self, number: usize, address: SocketAddr) {
        self.lock().listeners.insert(address, number);
    }

    /// The number of the peer that listens at this address, or connects from it; 0 for the index server.
    pub(super) fn number(&self, address: SocketAddr) -> Option<usize> {
        addresses::number(address).or_else(|| self.lock().listeners.get(&address).copied())
    }

    pub(super) fn see(&self, packet: &Packet<'_>) {
        let time = self.history.time();
        let mut state = self.lock();
        state.traffic.packets += 1;
        state.traffic.bytes += packet.length as u64;
        if packet.flags.has(Flags::SYN) {
            if !packet.flags.has(Flags::ACK) {
                state.traffic.connections += 1;
                state.open.insert((packet.from, packet.to), Conversation::default());
            }
            return;
        }
        let is_client = state.open.contains_key(&(packet.from, packet.to));
        let ends = if is_client { (packet.from, packet.to) } else { (packet.to, packet.from) };
        let Some(mut conversation) = state.open.remove(&ends) else { return };
        let names = [ends.0, ends.1].map(|address| {
            addresses::number(address).or_else(|| state.listeners.get(&address).copied())
        });
        if !is_client && let Some(number @ 1..) = names[1] {
            state.traffic.add_sent(number, time, packet.length as u64);
        }
        let [client, server] = &mut conversation.sides;
        let (side, letter) = if is_client { (client, 'C') } else { (server, 'S') };
        let replied = &mut conversation.replied;
        side.take(packet.data, packet.length, |sent| {
            if let (true, Sent::Line(line)) = (is_client, sent) {
                state.traffic.count_request(line);
                *replied = 0;
            } else if !is_client {
                *replied += 1;
            }
            let Some(show) = self.show.as_ref().filter(|_| *replied <= SHOWN + 1) else { return };
            let mut text = prefix(time, names, ends, letter);
            // Writing to a text cannot fail.
            let _ = match sent {
                _ if *replied > SHOWN => write!(text, "…"),
                Sent::Line(line) => write!(text, "{}", escaped(line)),
                Sent::Body(length) => write!(text, "… {}", counted(length, "byte")),
            };
            show(text.trim_end().to_string());
        });
        // After the last byte of the server nothing is replied.
        let is_over = packet.flags.has(Flags::RST) || (!is_client && packet.flags.has(Flags::FIN));
        if !is_over {
            state.open.insert(ends, conversation);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Traffic {
    fn count_request(&mut self, line: &[u8]) {
        let Some(words) = line.strip_suffix(VERSION.as_bytes()) else { return };
        let method = words.split(|byte| *byte == b' ').next().unwrap_or_default();
        *self.requests.entry(escaped(method).to_string()).or_default() += 1;
    }

    fn add_sent(&mut self, number: usize, time: Duration, bytes: u64) {
        let interval = usize::try_from(time.as_millis() / INTERVAL.as_millis());
        let interval = interval.unwrap_or(INTERVALS).min(INTERVALS);
        let sent = self.sent.entry(number).or_default();
        if sent.len() <= interval {
            sent.resize(interval + 1, 0);
        }
        if let Some(sum) = sent.get_mut(interval) {
            *sum += bytes;
        }
    }
}

/// The time, and the two sides of a connection.
fn prefix(
    time: Duration,
    names: [Option<usize>; 2],
    ends: (SocketAddr, SocketAddr),
    letter: char,
) -> String {
    let name = |number: Option<usize>, address: SocketAddr| match number {
        Some(0) => "index".to_string(),
        Some(number) => format!("peer {number}"),
        None => format!("port {}", address.port()),
    };
    let names = format!("{} → {}", name(names[0], ends.0), name(names[1], ends.1));
    format!("{:7.3}  {names:<18} {letter}: ", time.as_secs_f64())
}
