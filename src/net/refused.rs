//! Refusing a connection so that the other side learns of it (protocol.md sections 6.2 and 8.4).
//!
//! A socket that is closed while bytes arrive is reset, and the refusal may be lost with it. So a
//! refused connection is half-closed, and read for a moment (lingering close). One thread does that
//! for all of them, and ends when there are none.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::permits::Evicted;
use crate::limits;
use crate::protocol::{Refusal, encode_refusal};

/// How often the thread reads.
const INTERVAL: Duration = Duration::from_millis(10);

/// The connections that were refused a moment ago: at most [`limits::REFUSED`], the oldest first.
#[derive(Debug, Default)]
pub(super) struct Refused(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    lingering: VecDeque<Lingering>,
    has_thread: bool,
}

#[derive(Debug)]
struct Lingering {
    stream: Arc<TcpStream>,
    until: Instant,
    /// Bytes that are still read.
    left: usize,
}

impl Refused {
    /// Answers 503, and closes after a moment. Does not wait: the caller accepts connections.
    pub(super) fn refuse(&self, stream: Arc<TcpStream>) {
        if !say_503(&stream) {
            return;
        }
        let until = Instant::now() + limits::LINGER;
        let lingering = Lingering { stream, until, left: limits::LINGER_BYTES };
        let mut state = lock(&self.0);
        if state.lingering.len() >= limits::REFUSED {
            state.lingering.pop_front();
        }
        state.lingering.push_back(lingering);
        if state.has_thread {
            return;
        }
        let shared = Arc::clone(&self.0);
        let thread = thread::Builder::new().name("refused".into()).stack_size(limits::THREAD_STACK);
        match thread.spawn(move || linger(&shared)) {
            Ok(_) => state.has_thread = true,
            // Without a thread they are closed now: most refusals arrive all the same.
            Err(_) => state.lingering.clear(),
        }
    }
}

/// Ends a connection that another thread serves, and says so if the other side waits for a reply.
pub(super) fn evict(evicted: &Evicted) {
    let stream = &*evicted.stream;
    if !evicted.is_idle {
        say_503(stream);
    }
    // Its thread sees the end of input, and cannot send anything behind the refusal.
    let _ = stream.shutdown(Shutdown::Both);
}

/// Sends the refusal as far as that needs no waiting. Returns whether the connection is open.
fn say_503(mut stream: &TcpStream) -> bool {
    let mut reply = Vec::new();
    encode_refusal(Refusal::ServiceUnavailable, None, &mut reply);
    stream.set_nonblocking(true).is_ok()
        && stream.write(&reply).is_ok()
        && stream.shutdown(Shutdown::Write).is_ok()
}

fn linger(shared: &Mutex<State>) {
    loop {
        // Taken out, so that nobody who refuses waits for the reading.
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
            match (&*self.stream).read(&mut chunk) {
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
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_client_that_sends_after_it_was_refused_reads_the_refusal() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = Refused::default();
        for _ in 0..3 {
            let mut client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            refused.refuse(Arc::new(listener.accept().unwrap().0));
            // Longer than a segment, and more than once.
            for _ in 0..4 {
                client.write_all(&[b'L'; 8000]).unwrap();
            }
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert_eq!(reply, "P2P-CI/1.0 503 Service Unavailable\r\n\r\n");
        }
        while lock(&refused.0).has_thread {
            thread::yield_now();
        }
        assert!(lock(&refused.0).lingering.is_empty());
    }

    #[test]
    fn few_refused_connections_linger() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let refused = Refused::default();
        let clients: Vec<_> = (0..limits::REFUSED * 3)
            .map(|_| {
                let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
                refused.refuse(Arc::new(listener.accept().unwrap().0));
                client
            })
            .collect();
        assert!(lock(&refused.0).lingering.len() <= limits::REFUSED);
        for mut client in clients {
            let mut reply = String::new();
            client.read_to_string(&mut reply).unwrap();
            assert_eq!(reply, "P2P-CI/1.0 503 Service Unavailable\r\n\r\n");
        }
    }
}
