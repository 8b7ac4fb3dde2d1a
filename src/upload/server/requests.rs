//! The requests that arrive on one connection of an upload server (protocol.md sections 5.1 and 5.7).

use std::io;

use crate::driver::Driver;
use crate::net::Connection;
use crate::protocol::dialect::ReplyStyle;
use crate::protocol::role::{DocumentServer, RequestMeaning};
use crate::protocol::{DecodeError, UploadRequest};

/// Reads requests from a connection.
pub(super) struct Requests<'a>(Driver<'a, DocumentServer>);

impl<'a> Requests<'a> {
    pub(super) fn new(stream: &'a Connection, role: DocumentServer) -> Self {
        Self(Driver::new(stream, role))
    }

    /// The form of the reply to the last request, in compatibility mode.
    pub(super) fn style(&self) -> Option<ReplyStyle> {
        self.0.role.style()
    }

    /// Reads a request, or its fault. `None`: the connection was closed without one.
    pub(super) fn next(&mut self) -> io::Result<Option<Result<UploadRequest, DecodeError>>> {
        loop {
            let event = self.0.wait_for_next()?;
            self.0.take(event.used);
            match event.meaning {
                RequestMeaning::EmptyLines | RequestMeaning::Joined | RequestMeaning::LateEnd => {}
                RequestMeaning::Request(request) => return Ok(Some(Ok(request))),
                RequestMeaning::Fault(error) => return Ok(Some(Err(error))),
                RequestMeaning::Closed | RequestMeaning::Leaving => return Ok(None),
            }
        }
    }

    /// Whether bytes have arrived after the last request.
    pub(super) fn has_input(&self) -> bool {
        !self.0.input().is_empty()
    }

    /// Keeps the connection open, and waits for the first byte of the next request. Returns whether it
    /// has arrived.
    pub(super) fn wait_for_next(&mut self) -> bool {
        self.0.role.keep_open();
        matches!(self.0.fill(), Ok(None))
    }
}
