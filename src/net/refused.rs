//! Refusing a connection so that the other side receives the refusal (protocol.md sections 6.2 and 8.4).
//!
//! A socket that is closed while bytes arrive is reset, and the reset may overtake the refusal. So a
//! refused connection is half-closed and its input is drained for a moment (lingering close). One
//! thread does that for all refused connections, and ends when there are none.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::Shutdown;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::permits::Evicted;
use crate::limits;

/// How often the thread reads.
const INTERVAL: Duration = Duration::from_millis(10);

/// Refuses connections, and drains the ones that were refused recently.
#[derive(Debug)]
pub(super) struct Refused {
    /// The bytes that a refused connection is sent.
    refusal: Vec<u8>,
    linger: Duration,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// At most [`limits::REFUSED`] connections, the oldest first.
    lingering: VecDeque<Lingering>,
    has_thread: bool,
}

#[derive(Debug)]
struct Lingering {
    stream: Arc<Connection>,
    until: Instant,
    /// Bytes that may still be read.
    left: usize,
}

impl Refused {
    /// Refuses connections with these bytes, and drains the input of each for this time.
    pub(super) fn new(refusal: Vec<u8>, linger: Duration) -> Self {
        Self { refusal, linger, state: Arc::default() }
    }

    /// Sends the refusal, and closes after a moment. Does not block: the caller accepts connections.
    pub(super) fn refuse(&self, stream: Arc<Connection>) {
        if !self.send(&stream) {
            return;
        }
        let until = limits::ends_after(self.linger);
        let lingering = Lingering { stream, until, left: limits::LINGER_BYTES };
        let mut state = lock(&self.state);
        if state.lingering.len() >= limits::REFUSED {
            state.lingering.pop_front();
        }
        state.lingering.push_back(lingering);
        if state.has_thread {
            return;
        }
        let shared = Arc::clone(&self.state);
        let thread = thread::Builder::new().name("refused".into()).stack_size(limits::THREAD_STACK);
        match thread.spawn(move || linger(&shared)) {
            Ok(_) => state.has_thread = true,
            // Without a thread they are closed now; most refusals arrive nevertheless.
            Err(_) => state.lingering.clear(),
        }
    }

    /// Ends a connection that another thread serves. If the other side waits for a reply, it is sent
    /// the refusal.
    pub(super) fn evict(&self, evicted: &Evicted) {
        let stream = &*evicted.stream;
        if !evicted.is_idle {
            self.send(stream);
        }
        // Its thread sees the end of input, and cannot send anything after the refusal.
        let _ = stream.shutdown(Shutdown::Both);
    }

    /// Sends as much of the refusal as is possible without blocking. Returns whether the connection
    /// is open.
    fn send(&self, stream: &Connection) -> bool {
        stream.try_write(&self.refusal).is_ok() && stream.shutdown(Shutdown::Write).is_ok()
    }
}

fn linger(shared: &Mutex<State>) {
    loop {
        // Taken out, so that a thread that refuses does not wait for the reads.
        let mut all = std::mem::take(&mut lock(shared).lingering);
        let now = Instant::now();
        all.retain_mut(|one| now < one.until && one.read());
        let mut state = lock(shared);
        all.append(&mut state.lingering);
        let too_many = all.len().saturating_sub(limits::REFUSED);
        all.drain(..too_many);
        state.lingering = all;
        if state.lingering.is_empty() {
            state.has_thread = false;
            return;
        }
        drop(state);
        thread::sleep(INTERVAL);
    }
}

impl Lingering {
    /// Reads what has arrived; `false` at the end.
    fn read(&mut self) -> bool {
        let mut chunk = [0; 4096];
        while self.left > 0 {
            match self.stream.try_read(&mut chunk) {
                Ok(0) => return false,
                Ok(count) => self.left = self.left.saturating_sub(count),
                Err(error) => return error.kind() == ErrorKind::WouldBlock,
            }
        }
        false
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // A poisoned list is whole: a panic between two of its changes loses connections at most.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::pipe;

    const REFUSAL: &str = "not now\r\n";
    const LINGER: Duration = limits::Uploads::DEFAULT.admission.linger;

    #[test]
    fn a_client_that_sends_after_it_was_refused_reads_the_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = Refused::new(REFUSAL.into(), LINGER);
        for _ in 0..3 {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            refused.refuse(Arc::new(Connection::connected(listener.accept().unwrap().0)));
            // Longer than a segment, and more than once.
            for _ in 0..4 {
                client.write_all(&[b'L'; 8000]).unwrap();
            }
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert_eq!(reply, REFUSAL);
        }
        while lock(&refused.state).has_thread {
            thread::yield_now();
        }
        assert!(lock(&refused.state).lingering.is_empty());
    }

    #[test]
    fn few_refused_connections_linger() {
        let refused = Refused::new(REFUSAL.into(), LINGER);
        let clients: Vec<_> = (0..limits::REFUSED * 3)
            .map(|_| {
                let (client, server) = pipe();
                refused.refuse(Arc::new(server));
                client
            })
            .collect();
        assert!(lock(&refused.state).lingering.len() <= limits::REFUSED);
        for client in clients {
            let mut reply = [0; 99];
            let count = client.read(&mut reply, None).unwrap();
            assert_eq!(&reply[..count], REFUSAL.as_bytes());
            assert_eq!(client.read(&mut reply, None).unwrap(), 0);
        }
    }
}
