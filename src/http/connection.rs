//! The requests of one connection, one after the other.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::head::{self, Head, Malformed};
use super::hosts::Hosts;
use super::reply::{Body, Framing, Reply};
use super::request::{Client, Method, Request};
use super::router::Router;
use super::status::HttpStatus;
use super::stream::Stream;
use crate::limits;
use crate::net::{Connection, Outcome, Permits, ReadClock, Receiver, Stop, lingering_close};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) router: Router,
    pub(super) hosts: Hosts,
    pub(super) permits: Permits,
    pub(super) stop: Stop,
    pub(super) limits: limits::Http,
}

/// One connection.
struct Session<'a> {
    shared: &'a Shared,
    stream: &'a Arc<Connection>,
    number: u64,
    client: Client,
    receiver: Receiver<'a>,
}

/// Why no request was read.
enum NoRequest {
    /// The connection is gone, or was idle for long.
    Ended,
    Malformed(Malformed),
}

impl From<Malformed> for NoRequest {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<io::Error> for NoRequest {
    fn from(_: io::Error) -> Self {
        Self::Ended
    }
}

/// Serves one connection until it ends.
pub(super) fn serve(
    shared: &Shared,
    stream: &Arc<Connection>,
    address: SocketAddr,
    number: u64,
) -> Outcome {
    let client = Client::of(stream, address);
    let receiver = Receiver::new(stream);
    Session { shared, stream, number, client, receiver }.serve()
}

impl Session<'_> {
    fn serve(&mut self) -> Outcome {
        let mut is_first = true;
        loop {
            let (head, body) = match self.request(is_first) {
                Ok(request) => request,
                Err(NoRequest::Ended) => return Outcome::Normal,
                Err(NoRequest::Malformed(Malformed { status, reason })) => {
                    let framing = Framing { keeps_open: false, knows_chunks: false };
                    let _ = self.send(Reply::text(status, reason), framing, false);
                    lingering_close(self.stream, self.shared.limits.admission.linger);
                    return Outcome::Abuse;
                }
            };
            is_first = false;
            let is_head = head.method == Method::Head;
            let (wants_close, knows_chunks) = (head.wants_close, head.minor > 0);
            let reply = self.reply(head, body);
            // What arrives during such a reply is dropped, so no request can follow. Without chunks, the end
            // of the connection is also its end.
            let is_last = wants_close || matches!(reply.body, Body::Stream(_));
            let framing = Framing { keeps_open: !is_last && self.may_keep_open(), knows_chunks };
            if self.send(reply, framing, is_head).is_err() || !framing.keeps_open {
                return Outcome::Normal;
            }
        }
    }

    /// Others may wait for the place of a connection without a request.
    fn may_keep_open(&self) -> bool {
        let Shared { permits, stop, .. } = self.shared;
        permits.taken() <= permits.most() / 2 && !stop.is_stopping()
    }

    fn reply(&self, head: Head, body: Vec<u8>) -> Reply {
        let Head { method, path, query, host, headers, .. } = head;
        let is_permitted = match self.client {
            // Without a host it is no browser.
            Client::Tcp(_) => host.is_none_or(|host| self.shared.hosts.permits(&host)),
            #[cfg(unix)]
            Client::Unix(_) => true,
        };
        if !is_permitted {
            let reason =
                "expected the address of this machine, `localhost`, or a name of --admin-host";
            return Reply::text(HttpStatus::MisdirectedRequest, reason);
        }
        let request = Request { method, path, query, headers, body, client: self.client };
        self.shared.router.reply(&request)
    }

    /// Reads the next request.
    fn request(&mut self, is_first: bool) -> Result<(Head, Vec<u8>), NoRequest> {
        let Shared { permits, limits, .. } = self.shared;
        let idle = if is_first { limits.head_deadline } else { limits.kept_open };
        if self.receiver.input().is_empty() {
            let evictable =
                (!is_first).then(|| permits.offer_eviction(self.number, self.stream, true));
            let count = self.receiver.fill(Some(limits::ends_after(idle)))?;
            if count == 0 || evictable.is_some_and(|evictable| evictable.is_evicted()) {
                return Err(NoRequest::Ended);
            }
        }
        let deadline = limits::ends_after(limits.head_deadline);
        let fill = |receiver: &mut Receiver<'_>| match receiver.fill(Some(deadline)) {
            Ok(0) => Err(NoRequest::Ended),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                let reason = "the request took too long";
                Err(Malformed::new(HttpStatus::RequestTimeout, reason).into())
            }
            Err(error) => Err(error.into()),
        };
        let (head, length) = loop {
            match head::parse(self.receiver.input())? {
                Some(found) => break found,
                None => fill(&mut self.receiver)?,
            }
        };
        self.receiver.take(length);
        if head.waits_to_send && self.receiver.input().is_empty() && head.body > 0 {
            ReadClock::new(limits.read_rate).send(self.stream, b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        loop {
            if let Some(body) = self.receiver.input().get(..head.body) {
                let body = body.to_vec();
                self.receiver.take(head.body);
                // A connection may be closed for a new one until its request is complete.
                permits.request_received(self.number);
                return Ok((head, body));
            }
            fill(&mut self.receiver)?;
        }
    }

    fn send(&self, reply: Reply, framing: Framing, is_head: bool) -> io::Result<()> {
        let Shared { limits, stop, .. } = self.shared;
        let mut bytes = reply.head(framing).into_bytes();
        let mut clock = ReadClock::new(limits.read_rate);
        match reply.body {
            Body::Bytes(body) => {
                if !is_head {
                    bytes.extend_from_slice(&body);
                }
                clock.send_or_wait(self.stream, &bytes, || ())
            }
            Body::Stream(send) => {
                clock.send_or_wait(self.stream, &bytes, || ())?;
                if is_head {
                    return Ok(());
                }
                let rate = limits.read_rate;
                let mut stream = Stream::new(self.stream, stop, rate, framing.knows_chunks);
                send(&mut stream)?;
                stream.end()
            }
        }
    }
}
