//! A pipe in memory, for tests: a connection without sockets.
//!
//! Bytes count as acknowledged when they were read. A side that is dropped has closed the connection;
//! if it has left bytes unread, the other side sees a reset, as over TCP.

use std::collections::VecDeque;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::transport::Transport;
use crate::limits;

/// Two ends of a pipe that holds 64 KiB in each direction.
pub(crate) fn pipe() -> (Connection, Connection) {
    pipe_of(64 * 1024)
}

/// Two ends of a pipe that holds this number of bytes in each direction.
pub(crate) fn pipe_of(capacity: usize) -> (Connection, Connection) {
    let flows = [(); 2].map(|()| Arc::new(Flow { capacity, ..Flow::default() }));
    let ends = [(0, 1), (1, 0)].map(|(number, other): (u16, u16)| {
        let [input, output] = [number, other].map(|number| Arc::clone(&flows[usize::from(number)]));
        let address = |number| SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + number));
        let addresses = (address(number), address(other));
        let write_timeout = Mutex::new(limits::SEND_CHECK);
        Connection::new(Pipe { input, output, addresses, write_timeout })
    });
    ends.into()
}

impl Connection {
    /// Writes everything, however long it takes.
    pub(crate) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.write(rest) {
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads this number of bytes, or up to the end of input.
    pub(crate) fn read_up_to(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let mut chunk = [0; 4096];
        while bytes.len() < most {
            let room = chunk.len().min(most - bytes.len());
            match self.read(&mut chunk[..room], None)? {
                0 => break,
                count => bytes.extend_from_slice(&chunk[..count]),
            }
        }
        Ok(bytes)
    }

    /// Reads up to the end of input.
    pub(crate) fn read_text(&self) -> String {
        String::from_utf8(self.read_up_to(usize::MAX).unwrap()).unwrap()
    }
}

/// One end.
#[derive(Debug)]
struct Pipe {
    input: Arc<Flow>,
    output: Arc<Flow>,
    /// Of this end and of the other one.
    addresses: (SocketAddr, SocketAddr),
    write_timeout: Mutex<Duration>,
}

/// One direction.
#[derive(Debug, Default)]
struct Flow {
    capacity: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    /// Nothing more is written, or read.
    is_ended: bool,
    /// Its reader is gone.
    is_abandoned: bool,
    /// The other end has closed the connection with unread bytes.
    is_reset: bool,
}

impl Flow {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits until `done` returns something, or the deadline has passed.
    fn wait<T>(
        &self,
        deadline: Option<Instant>,
        mut done: impl FnMut(&mut State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(done) = done(&mut state) {
                self.changed.notify_all();
                return Some(done);
            }
            state = match deadline.map(|at| at.saturating_duration_since(Instant::now())) {
                Some(Duration::ZERO) => return None,
                Some(left) => self.changed.wait_timeout(state, left).unwrap().0,
                None => self.changed.wait(state).unwrap(),
            };
        }
    }

    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> Option<io::Result<usize>> {
        self.wait(deadline, |state| {
            if state.is_reset {
                return Some(Err(io::ErrorKind::ConnectionReset.into()));
            }
            let count = buffer.len().min(state.bytes.len());
            let bytes = state.bytes.drain(..count);
            buffer.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
            (count > 0 || state.is_ended).then_some(Ok(count))
        })
    }

    fn write(&self, bytes: &[u8], deadline: Instant) -> Option<io::Result<usize>> {
        self.wait(Some(deadline), |state| {
            if state.is_ended || state.is_abandoned {
                return Some(Err(io::ErrorKind::BrokenPipe.into()));
            }
            let count = bytes.len().min(self.capacity - state.bytes.len());
            state.bytes.extend(bytes.iter().take(count));
            (count > 0 || bytes.is_empty()).then_some(Ok(count))
        })
    }
}

impl Transport for Pipe {
    fn read(&self, buffer: &mut [u8], deadline: Option<Instant>) -> io::Result<usize> {
        let is_late = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let read = if is_late { None } else { self.input.read(buffer, deadline) };
        read.unwrap_or_else(|| Err(io::ErrorKind::TimedOut.into()))
    }

    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer, Some(Instant::now()));
        read.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let timeout = *self.write_timeout.lock().unwrap();
        let written = self.output.write(bytes, limits::ends_after(timeout));
        written.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into()))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.output.write(bytes, Instant::now()).unwrap_or(Ok(0))
    }

    fn set_write_timeout(&self, time: Duration) -> io::Result<()> {
        *self.write_timeout.lock().unwrap() = time;
        Ok(())
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        if matches!(how, Shutdown::Read | Shutdown::Both) {
            self.input.change(|flow| flow.is_ended = true);
        }
        if matches!(how, Shutdown::Write | Shutdown::Both) {
            self.output.change(|flow| flow.is_ended = true);
        }
        Ok(())
    }

    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addresses.1)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.addresses.0)
    }

    fn has_unread(&self) -> Option<bool> {
        Some(!self.input.lock().bytes.is_empty())
    }

    fn unacknowledged(&self) -> io::Result<Option<u64>> {
        let output = self.output.lock();
        match output.is_abandoned {
            true => Err(io::ErrorKind::NotConnected.into()),
            false => Ok(Some(output.bytes.len() as u64)),
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut is_reset = false;
        self.input.change(|flow| {
            flow.is_abandoned = true;
            is_reset = !flow.bytes.is_empty();
        });
        self.output.change(|flow| {
            flow.is_ended = true;
            flow.is_reset = is_reset;
        });
    }
}

mod tests {
    use std::thread;

    use super::*;

    fn kind<T>(result: io::Result<T>) -> Result<T, io::ErrorKind> {
        result.map_err(|error| error.kind())
    }

    #[test]
    fn bytes_arrive_in_order_and_then_the_end() {
        let (here, there) = pipe_of(3);
        assert_eq!(kind(there.try_read(&mut [0; 9])), Err(io::ErrorKind::WouldBlock));
        assert_eq!(
            kind(there.read(&mut [0; 9], Some(Instant::now()))),
            Err(io::ErrorKind::TimedOut)
        );
        assert_eq!((kind(here.write(b"abcd")), kind(here.try_write(b"d"))), (Ok(3), Ok(0)));
        assert_eq!(here.unacknowledged().unwrap(), Some(3));
        thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(kind(here.write(b"d")), Ok(1));
                here.shutdown(Shutdown::Write).unwrap();
            });
            let mut found = Vec::new();
            let mut chunk = [0; 2];
            while let count @ 1.. = there.read(&mut chunk, None).unwrap() {
                found.extend_from_slice(&chunk[..count]);
            }
            assert_eq!(found, b"abcd");
        });
        assert_eq!(kind(here.write(b"e")), Err(io::ErrorKind::BrokenPipe));
        assert_eq!(kind(there.write(b"back")), Ok(3));
        assert_eq!(here.has_unread(), Some(true));
        drop(here);
        assert_eq!(kind(there.read(&mut [0], None)), Err(io::ErrorKind::ConnectionReset));
        assert_eq!(kind(there.unacknowledged()), Err(io::ErrorKind::NotConnected));
    }

    #[test]
    fn a_write_and_a_read_end_by_the_act_of_another_thread() {
        let (here, there) = pipe_of(1);
        here.set_write_timeout(Duration::from_secs(600)).unwrap();
        assert_eq!(kind(here.write(b"a")), Ok(1));
        thread::scope(|scope| {
            let write = scope.spawn(|| kind(here.write(b"b")));
            let read = scope.spawn(|| kind(here.read(&mut [0], None)));
            here.shutdown(Shutdown::Both).unwrap();
            assert_eq!(write.join().unwrap(), Err(io::ErrorKind::BrokenPipe));
            assert_eq!(read.join().unwrap(), Ok(0));
        });
        drop(there);
    }
}
