//! Runs a role of the protocol on a connection: the bytes that arrive go in, events come out, and the
//! deadlines of the role hold (protocol.md section 7).
//!
//! Roles have no connection and no clock, and connections do not know the protocol. They meet here. Only a
//! client of an upload server does not wait for one event at a time: it asks several holders in parallel, and
//! writes documents to files as they arrive (`download::exchange`, `download::transfer`).

use std::io;
use std::time::{Duration, Instant};

use crate::net::{Connection, Receiver};
use crate::protocol::role::{DocumentServer, IndexServer, RequestEvent};
use crate::protocol::{IndexRequest, UploadRequest};

/// One side of a connection, as a state machine. All times count from the beginning of the
/// [`Driver`].
pub(crate) trait Role {
    /// What it finds in the bytes that arrive.
    type Event;

    /// Returns the next event at the start of `input`; `None` if more bytes are needed.
    fn next(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Self::Event>;

    /// The driver is about to wait for bytes. Returns the time until which it waits.
    fn wait(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Duration>;

    /// Bytes have arrived. Returns an event if there were too few of them for the time.
    fn received(&mut self, _count: usize, _now: impl Fn() -> Duration) -> Option<Self::Event> {
        None
    }

    /// Returns the event of a deadline that has passed.
    fn on_timeout(&mut self, input: &[u8], now: Duration) -> Option<Self::Event>;

    /// The other side has ended the connection. `None`: that completes what has arrived, of which
    /// `next` returns the event.
    fn on_end(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Self::Event>;
}

/// A role, and the connection on which it runs.
pub(crate) struct Driver<'a, R> {
    pub(crate) role: R,
    pub(crate) receiver: Receiver<'a>,
    begun: Instant,
}

impl<'a, R: Role> Driver<'a, R> {
    /// Runs a role on a connection from which nothing was read.
    pub(crate) fn new(connection: &'a Connection, role: R) -> Self {
        Self::with_input(connection, Vec::new(), role)
    }

    /// Runs a role on a connection from which these bytes were read, and not yet taken by an event.
    pub(crate) fn with_input(connection: &'a Connection, input: Vec<u8>, role: R) -> Self {
        let receiver = Receiver::with_input(connection, input);
        Self { role, receiver, begun: Instant::now() }
    }

    /// The time of the role.
    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// The bytes that have arrived after those that events took.
    pub(crate) fn input(&self) -> &[u8] {
        self.receiver.input()
    }

    /// The bytes of an event were used.
    pub(crate) fn take(&mut self, count: usize) {
        self.receiver.take(count);
    }

    /// Returns the next event in the bytes that have arrived; `None` if more bytes are needed.
    pub(crate) fn next(&mut self) -> Option<R::Event> {
        let begun = self.begun;
        self.role.next(self.receiver.input(), || begun.elapsed())
    }

    /// Reads once, before the deadline of the role. Returns an event if nothing has arrived, or too
    /// little: the end of the connection, or of a time.
    pub(crate) fn fill(&mut self) -> io::Result<Option<R::Event>> {
        let begun = self.begun;
        let now = || begun.elapsed();
        let time = self.role.wait(self.receiver.input(), now);
        let deadline = time.and_then(|time| begun.checked_add(time));
        match self.receiver.fill(deadline) {
            Ok(0) => Ok(self.role.on_end(self.receiver.input(), now)),
            Ok(count) => Ok(self.role.received(count, now)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut && deadline.is_some() => {
                Ok(self.role.on_timeout(self.receiver.input(), now()))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns the next event, and waits for it.
    pub(crate) fn wait_for_next(&mut self) -> io::Result<R::Event> {
        loop {
            if let Some(event) = self.next() {
                return Ok(event);
            }
            if let Some(event) = self.fill()? {
                return Ok(event);
            }
        }
    }

    /// The role, and the bytes that no event took.
    pub(crate) fn into_parts(self) -> (R, Vec<u8>) {
        (self.role, self.receiver.into_input())
    }
}

impl Role for IndexServer {
    type Event = RequestEvent<IndexRequest>;

    fn next(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Self::Event> {
        self.next(input, now)
    }

    fn wait(&mut self, _: &[u8], now: impl Fn() -> Duration) -> Option<Duration> {
        self.wait(now)
    }

    fn on_timeout(&mut self, _: &[u8], now: Duration) -> Option<Self::Event> {
        self.on_timeout(now)
    }

    fn on_end(&mut self, _: &[u8], _: impl Fn() -> Duration) -> Option<Self::Event> {
        self.on_end()
    }
}

impl Role for DocumentServer {
    type Event = RequestEvent<UploadRequest>;

    fn next(&mut self, input: &[u8], now: impl Fn() -> Duration) -> Option<Self::Event> {
        self.next(input, now)
    }

    fn wait(&mut self, _: &[u8], now: impl Fn() -> Duration) -> Option<Duration> {
        Some(self.wait(now))
    }

    fn on_timeout(&mut self, _: &[u8], now: Duration) -> Option<Self::Event> {
        self.on_timeout(now)
    }

    fn on_end(&mut self, _: &[u8], _: impl Fn() -> Duration) -> Option<Self::Event> {
        self.on_end()
    }
}
