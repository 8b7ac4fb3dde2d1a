//! Connections over the line of a simulated peer: bytes arrive after its latency, and are sent at its rate.
//!
//! A thread reads what arrives, and keeps it with the time at which it is due. So a delay does not lower
//! the rate. The handshake of TCP is not delayed.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::line::Line;
use super::transport::Transport;
use crate::limits;

/// Bytes that a connection keeps while they are delayed. The sender then has to wait.
const CAPACITY: usize = 1024 * 1024;
/// Bytes that are read at a time.
const READ: usize = 64 * 1024;

/// A connection over a line.
#[derive(Debug)]
pub(super) struct Delayed {
    inner: Arc<dyn Transport>,
    line: Line,
    /// What has arrived, unless the line has no latency.
    input: Option<Arc<Input>>,
}

impl Delayed {
    /// Puts a connection, from which nothing was read, on a line.
    pub(super) fn begin(inner: Arc<dyn Transport>, line: Line) -> Self {
        let input = (line.latency() > Duration::ZERO).then(|| start(&inner, line.latency()));
        Self { inner, line, input: input.flatten() }
    }
}

/// Starts the thread that reads. Without one the connection is not delayed.
fn start(inner: &Arc<dyn Transport>, latency: Duration) -> Option<Arc<Input>> {
    let input = Arc::new(Input::default());
    let (source, target) = (Arc::clone(inner), Arc::clone(&input));
    let thread = thread::Builder::new().name("line".into()).stack_size(limits::THREAD_STACK);
    match thread.spawn(move || keep(&*source, &target, latency)) {
        Ok(_) => Some(input),
        Err(error) => {
            log::warn!("cannot start a thread for a line, so a connection has no latency: {error}");
            None
        }
    }
}

/// Keeps what arrives until the end of input, or until the connection is closed here.
fn keep(source: &dyn Transport, input: &Input, latency: Duration) {
    let mut buffer = vec![0; READ];
    loop {
        let found = source.read(&mut buffer, None);
        let due = Instant::now() + latency;
        let end = match found {
            Ok(0) => Ok(()),
            Ok(count) => {
                let bytes = buffer.get(..count).unwrap_or_default().to_vec();
                match input.push(Piece { due, bytes, read: 0 }) {
                    true => continue,
                    false => return,
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => Err(error.kind()),
        };
        return input.change(|state| state.end = Some((due, end)));
    }
}

/// What has arrived and was not read.
#[derive(Debug, Default)]
struct Input {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: VecDeque<Piece>,
    bytes: usize,
    /// The end of input and its time, or the error that has ended it.
    end: Option<(Instant, Result<(), ErrorKind>)>,
    /// Nothing more is read.
    is_closed: bool,
}

#[derive(Debug)]
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
    /// How many of them were read.
    read: usize,
}

impl State {
    /// Reads once, or returns when that is possible; `None` if nothing has arrived.
    fn read(
        &mut self,
        buffer: &mut [u8],
        now: Instant,
    ) -> Result<io::Result<usize>, Option<Instant>> {
        if self.is_closed {
            return Ok(Ok(0));
        }
        let Some(piece) = self.pieces.front_mut() else {
            return match self.end {
                Some((due, end)) if due <= now => Ok(end.map(|()| 0).map_err(io::Error::from)),
                Some((due, _)) => Err(Some(due)),
                None => Err(None),
            };
        };
        if piece.due > now {
            return Err(Some(piece.due));
        }
        let rest = piece.bytes.get(piece.read..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), rest.get(..count)) {
            to.copy_from_slice(from);
        }
        piece.read += count;
        self.bytes -= count;
        if piece.read == piece.bytes.len() {
            self.pieces.pop_front();
        }
        Ok(Ok(count))
    }
}

impl Input {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    /// Adds what has arrived, when there is room. Returns whether more is read.
    fn push(&self, piece: Piece) -> bool {
        let is_full = |state: &mut State| state.bytes >= CAPACITY && !state.is_closed;
        let waited = self.changed.wait_while(self.lock(), is_full);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.bytes += piece.bytes.len();
        state.pieces.push_back(piece);
        let goes_on = !state.is_closed;
        drop(state);
        self.changed.notify_all();
        goes_on
    }

    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due = match state.read(buffer, now) {
                Ok(result) => {
                    drop(state);
                    self.changed.notify_all();
                    return result;
                }
                Err(due) => due,
            };
            if deadline.is_some_and(|deadline| deadline <= now) {
                return Err(ErrorKind::TimedOut.into());
            }
            state = match [due, deadline].into_iter().flatten().min() {
                Some(until) => {
                    let time = until.saturating_duration_since(now);
                    let waited = self.changed.wait_timeout(state, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let result = self.lock().read(buffer, Instant::now());
        self.changed.notify_all();
        result.unwrap_or_else(|_| Err(ErrorKind::WouldBlock.into()))
    }
}

impl Transport for Delayed {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        match &self.input {
            Some(input) => input.read(buffer, deadline),
            None => self.inner.read(buffer, deadline),
        }
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.input {
            Some(input) => input.try_read(buffer),
            None => self.inner.try_read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.line.wait_to_send(bytes.len());
        self.inner.write(bytes.get(..count).unwrap_or(bytes))
    }

    fn write_more(&self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.line.wait_to_send(bytes.len());
        self.inner.write_more(bytes.get(..count).unwrap_or(bytes))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.try_write(bytes)
    }

    fn send_file(&self, file: &File, offset: u64, count: u64) -> io::Result<usize> {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        self.inner.send_file(file, offset, self.line.wait_to_send(count) as u64)
    }

    fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        self.inner.set_write_timeout(time)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if let Some(input) = &self.input
            && how != Shutdown::Write
        {
            input.close();
        }
        self.inner.shutdown(how)
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.peer_addr()
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    fn has_unread(&self) -> Option<bool> {
        match &self.input {
            Some(input) => Some(!input.lock().pieces.is_empty()),
            None => self.inner.has_unread(),
        }
    }

    fn unacknowledged(&self) -> io::Result<Option<u64>> {
        self.inner.unacknowledged()
    }

    /// A socket does not show which bytes are due, so there is none to wait for.
    fn tcp(&self) -> Option<&TcpStream> {
        if self.input.is_some() { None } else { self.inner.tcp() }
    }
}

impl Drop for Delayed {
    fn drop(&mut self) {
        if let Some(input) = &self.input {
            input.close();
            // Its thread sees the end of input. The connection may be closed already.
            let _ = self.inner.shutdown(Shutdown::Both);
        }
    }
}

#[cfg(test)]
mod tests;
