//! The bytes of connections that wait to be printed.

use std::collections::VecDeque;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::capture::{Flags, Seen, Side};
use crate::limits;

/// What has happened on a connection.
#[derive(Debug)]
pub(super) struct Item {
    /// The number of the connection.
    pub(super) connection: u32,
    /// The side of this process.
    pub(super) own: Side,
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    Connected,
    /// A side has sent this number of bytes, which begin with these.
    Sent(Side, Vec<u8>, usize),
    Ended(Side),
    Aborted(Side),
    /// This process has closed the connection.
    Closed,
}

/// A bounded queue. Adding to it never waits for the thread that prints: when the queue is full, bytes are
/// only counted, until the thread has taken what is in it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    taken: Taken,
    /// Memory of the items.
    memory: usize,
    is_over: bool,
    /// Whether the thread prints what it has taken.
    is_printing: bool,
}

/// What has happened, in its order; then what was lost.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) items: VecDeque<Item>,
    /// Events for which there was no room, and their bytes.
    pub(super) lost: Option<u64>,
}

impl Queue {
    /// Adds what a connection has done. Called by its thread.
    pub(super) fn add(&self, seen: &Seen<'_>) {
        let Some(item) = item(seen) else { return };
        let (memory, bytes) = match &item.what {
            What::Sent(_, data, length) => (size_of::<Item>() + data.len(), *length as u64),
            _ => (size_of::<Item>(), 0),
        };
        let mut state = self.lock();
        if state.taken.lost.is_some() || state.memory + memory > limits::WIRE_QUEUE {
            let lost = state.taken.lost.unwrap_or(0);
            state.taken.lost = Some(lost.saturating_add(bytes));
            return;
        }
        state.memory += memory;
        state.taken.items.push_back(item);
        drop(state);
        self.changed.notify_all();
    }

    /// Waits at most this long for events, and takes them; `None` after the end.
    pub(super) fn take(&self, time: Duration) -> Option<Taken> {
        let mut state = self.lock();
        state.is_printing = false;
        self.changed.notify_all();
        let is_idle = |state: &mut State| state.taken.items.is_empty() && !state.is_over;
        let waited = self.changed.wait_timeout_while(state, time, is_idle);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if state.is_over && state.taken.items.is_empty() {
            return None;
        }
        state.memory = 0;
        state.is_printing = true;
        Some(mem::take(&mut state.taken))
    }

    /// Waits until everything that was added is printed, at most this long.
    pub(super) fn settle(&self, time: Duration) {
        let is_busy = |state: &mut State| !state.taken.items.is_empty() || state.is_printing;
        drop(self.changed.wait_timeout_while(self.lock(), time, is_busy));
    }

    /// Nothing more is printed after what was added.
    pub(super) fn end(&self) {
        self.lock().is_over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is complete before something can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a packet means; `None` if nothing is shown of it.
fn item(seen: &Seen<'_>) -> Option<Item> {
    let Seen { connection, own, client, server, packet } = seen;
    let what = match packet {
        None => What::Closed,
        Some(packet) => {
            let side = if packet.from == *client { Side::Client } else { Side::Server };
            match packet.flags {
                flags if flags.has(Flags::RST) => What::Aborted(side),
                flags if flags.has(Flags::FIN) => What::Ended(side),
                flags if flags.has(Flags::SYN) && !flags.has(Flags::ACK) => What::Connected,
                _ if packet.length > 0 => What::Sent(side, packet.data.to_vec(), packet.length),
                _ => return None,
            }
        }
    };
    Some(Item { connection: *connection, own: *own, client: *client, server: *server, what })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::capture::Packet;

    const CLIENT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 1);
    const SERVER: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 2);

    fn add(queue: &Queue, data: &[u8]) {
        let (from, to, flags) = (CLIENT, SERVER, Flags::PSH);
        let packet = Some(Packet { from, to, sequence: 0, flags, data, length: data.len() });
        queue.add(&Seen {
            connection: 7,
            own: Side::Server,
            client: CLIENT,
            server: SERVER,
            packet,
        });
    }

    #[test]
    fn a_full_queue_counts_and_does_not_wait() {
        let queue = Queue::default();
        let data = vec![b'x'; 60_000];
        for _ in 0..limits::WIRE_QUEUE / data.len() + 9 {
            add(&queue, &data);
        }
        // What would fit is lost, too, so that the order is known.
        add(&queue, b"y");
        let taken = queue.take(Duration::ZERO).unwrap();
        let shown: usize = taken.items.len() * data.len();
        assert!(shown <= limits::WIRE_QUEUE && taken.lost.unwrap() > 8 * data.len() as u64);
        add(&queue, b"z");
        let taken = queue.take(Duration::ZERO).unwrap();
        assert_eq!((taken.items.len(), taken.lost), (1, None));
        add(&queue, b"last");
        queue.end();
        assert_eq!(queue.take(Duration::MAX).unwrap().items.len(), 1);
        assert!(queue.take(Duration::MAX).is_none());
    }

    #[test]
    fn settling_waits_for_the_thread_that_prints() {
        let queue = Queue::default();
        add(&queue, b"line");
        thread::scope(|scope| {
            let printing = scope.spawn(|| {
                let taken = queue.take(Duration::MAX).unwrap();
                let next = queue.take(Duration::MAX);
                (taken.items.len(), next.is_none())
            });
            queue.settle(Duration::MAX);
            queue.end();
            assert_eq!(printing.join().unwrap(), (1, true));
        });
    }
}
