//! The requests that arrive on one connection of an upload server (protocol.md sections 5.1 and 5.7).

use std::io;
use std::time::Instant;

use crate::net::{Connection, Receiver};
use crate::protocol::role::{DocumentServer, RequestEvent, RequestMeaning};
use crate::protocol::{DecodeError, DocumentRequest};

/// Reads requests from a connection.
pub(super) struct Requests<'a> {
    receiver: Receiver<'a>,
    role: DocumentServer,
    /// The moment from which the role's times count.
    begun: Instant,
}

impl<'a> Requests<'a> {
    pub(super) fn new(stream: &'a Connection) -> Self {
        Self { receiver: Receiver::new(stream), role: DocumentServer::new(), begun: Instant::now() }
    }

    /// Reads a request, or its fault. `None`: the connection was closed without one.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<DocumentRequest, DecodeError>>> {
        loop {
            let event = match self.role.next(self.receiver.input(), || self.begun.elapsed()) {
                Some(event) => event,
                None => match self.fill()? {
                    Some(event) => event,
                    None => continue,
                },
            };
            self.receiver.take(event.used);
            match event.meaning {
                RequestMeaning::EmptyLines => {}
                RequestMeaning::Request(request) => return Ok(Some(Ok(request))),
                RequestMeaning::Fault(error) => return Ok(Some(Err(error))),
                RequestMeaning::Closed => return Ok(None),
            }
        }
    }

    /// Whether bytes have arrived after the last request.
    pub(super) fn has_input(&self) -> bool {
        !self.receiver.input().is_empty()
    }

    /// Keeps the connection open, and waits for the first byte of the next request. Returns whether it
    /// has arrived.
    pub(super) fn wait_for_next(&mut self) -> bool {
        self.role.keep_open();
        matches!(self.fill(), Ok(None))
    }

    /// Reads once, before the role's deadline. Returns an event if nothing has arrived.
    fn fill(&mut self) -> io::Result<Option<RequestEvent<DocumentRequest>>> {
        let deadline = self.role.wait(|| self.begun.elapsed());
        match self.receiver.fill(self.begun.checked_add(deadline)) {
            Ok(0) => Ok(Some(self.role.on_end())),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Ok(self.role.on_timeout(self.begun.elapsed()))
            }
            Err(error) => Err(error),
        }
    }
}
